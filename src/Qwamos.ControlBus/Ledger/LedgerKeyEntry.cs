using Qwamos.ControlBus.Envelopes;

namespace Qwamos.ControlBus.Ledger;

/// <summary>An operator's statement that a verifier key is the ledger's.</summary>
/// <param name="TimeSeconds">When it was recorded.</param>
/// <param name="Peer">Who brought it.</param>
/// <param name="Statement">What was signed, and its signature.</param>
public sealed record LedgerKeyEntry(long TimeSeconds, EntryPeer Peer, LedgerKeyStatement Statement) : LedgerEntry(TimeSeconds);
