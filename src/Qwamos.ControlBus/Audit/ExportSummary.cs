namespace Qwamos.ControlBus.Audit;

/// <summary>What was exported.</summary>
/// <param name="Checkpoint">What it is an export of.</param>
/// <param name="Withheld">Entries whose confidential envelope is not in it.</param>
/// <param name="Bytes">Of all files.</param>
public sealed record ExportSummary(Checkpoint Checkpoint, long Withheld, long Bytes);
