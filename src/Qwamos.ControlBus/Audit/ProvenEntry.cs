using Qwamos.ControlBus.Ledger;

namespace Qwamos.ControlBus.Audit;

/// <summary>An entry that is surely in the ledger.</summary>
/// <param name="Index">Its place.</param>
/// <param name="Entry">What it says.</param>
/// <param name="Checkpoint">The tree that has it there.</param>
public sealed record ProvenEntry(long Index, LedgerEntry Entry, Checkpoint Checkpoint);
