using Qwamos.ControlBus.Envelopes;

namespace Qwamos.ControlBus.Ledger;

/// <summary>An operator's statement about a domain's own key.</summary>
/// <param name="TimeSeconds">When it was recorded.</param>
/// <param name="Peer">Who brought it.</param>
/// <param name="Statement">What was signed, and its signature.</param>
public sealed record DomainKeyEntry(long TimeSeconds, EntryPeer Peer, DomainKeyStatement Statement) : LedgerEntry(TimeSeconds);
