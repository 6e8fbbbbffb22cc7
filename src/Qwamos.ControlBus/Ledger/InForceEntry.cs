using Qwamos.ControlBus.Envelopes;

namespace Qwamos.ControlBus.Ledger;

/// <summary>A domain's word that a change is in force there, or is not.</summary>
/// <param name="TimeSeconds">When it was recorded.</param>
/// <param name="Peer">Who brought it.</param>
/// <param name="Statement">What was signed by the domain's own key, and its signature.</param>
public sealed record InForceEntry(long TimeSeconds, EntryPeer Peer, InForceStatement Statement) : LedgerEntry(TimeSeconds);
