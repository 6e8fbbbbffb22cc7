using Qwamos.ControlBus.Policy;

namespace Qwamos.ControlBus.Ledger;

/// <summary>In a domain's record: a value that it took over with the change that comes after this and its like.</summary>
/// <param name="TimeSeconds">When, by the domain's own effective clock.</param>
/// <param name="Peer">Who brought it.</param>
/// <param name="Value">What was taken over.</param>
public sealed record CatchUpEntry(long TimeSeconds, EntryPeer Peer, AdoptedValue Value) : LedgerEntry(TimeSeconds);
