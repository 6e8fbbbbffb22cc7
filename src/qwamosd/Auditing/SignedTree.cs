using Qwamos.ControlBus.Audit;
using Qwamos.ControlBus.Json;

namespace Qwamos.Daemon.Auditing;

/// <summary>A checkpoint that was made.</summary>
/// <param name="Checkpoint">What was signed.</param>
/// <param name="Note">The signed note.</param>
internal sealed record SignedTree(Checkpoint Checkpoint, string Note)
{
    /// <summary>Entries in the tree.</summary>
    public long Size => Checkpoint.Size;

    /// <summary>The note as answers carry it.</summary>
    public JsonValue Value { get; } = JsonValue.Of(Note);
}
