using Qwamos.ControlBus.Trust;

namespace Qwamos.ControlBus.Ledger;

/// <summary>A version of the trust root, in force for all that is recorded after it.</summary>
/// <param name="TimeSeconds">When it was recorded.</param>
/// <param name="Peer">Who brought it.</param>
/// <param name="Root">The document and its signatures.</param>
public sealed record TrustRootEntry(long TimeSeconds, EntryPeer Peer, SignedRoot Root) : LedgerEntry(TimeSeconds);
