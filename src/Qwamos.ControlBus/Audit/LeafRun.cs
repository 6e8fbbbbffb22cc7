namespace Qwamos.ControlBus.Audit;

/// <summary>Leaves in a row, as they came from where they are kept.</summary>
/// <param name="Place">Where that is, as a fault names it.</param>
/// <param name="First">The index of the first one.</param>
/// <param name="Leaves">Their bytes.</param>
/// <param name="Hashes">The hashes that they must have, 32 bytes each; null where none are kept beside them.</param>
internal sealed record LeafRun(string Place, long First, IReadOnlyList<byte[]> Leaves, byte[]? Hashes = null);
