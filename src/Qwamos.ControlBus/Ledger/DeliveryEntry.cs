using Qwamos.ControlBus.Policy;

namespace Qwamos.ControlBus.Ledger;

/// <summary>In a domain's record: it took a delivery. What it took from it, if anything, is the entry before.</summary>
/// <param name="TimeSeconds">When, by the domain's own effective clock.</param>
/// <param name="Peer">Who brought it.</param>
/// <param name="Cursor">Which delivery.</param>
/// <param name="Outcome"><c>accepted</c>; <c>duplicate</c> for what the domain had by another way; or the code of a refusal that stands.</param>
public sealed record DeliveryEntry(long TimeSeconds, EntryPeer Peer, DeliveryCursor Cursor, string Outcome) : LedgerEntry(TimeSeconds)
{
    /// <summary>The domain had it by another way.</summary>
    public const string Duplicate = "duplicate";
}
