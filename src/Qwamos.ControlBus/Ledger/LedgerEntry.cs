namespace Qwamos.ControlBus.Ledger;

/// <summary>What a leaf says: docs/formats/ledger.md.</summary>
/// <param name="TimeSeconds">When it was recorded, unix seconds, by the daemon's effective clock.</param>
public abstract record LedgerEntry(long TimeSeconds);
