using System.Diagnostics.CodeAnalysis;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Policy;
using Qwamos.ControlBus.Trust;

namespace Qwamos.ControlBus.Ledger;

/// <summary>
/// A delivery whose leaf is the entry that it says it is, of the tree that the domain saw last. That proves when Dom0 recorded it, and nothing of who wrote it: the
/// signatures of what is inside are judged by themselves.
/// </summary>
/// <param name="Cursor">Where it stands.</param>
/// <param name="RecordedSeconds">When Dom0 recorded it, unix seconds.</param>
/// <param name="Change">The operator's envelope; null for a trust root.</param>
/// <param name="Root">The trust root; null for a change.</param>
/// <param name="Before">The values that the domain's class is said to have had before the change; null where nothing is said. They are proven by its <c>base</c> only.</param>
/// <param name="Missed">Changes from before it that the domain may have missed.</param>
/// <param name="IsBeforeUnknown">Who brings it says that <paramref name="Before"/> cannot be shown.</param>
public sealed record ProvenDelivery(DeliveryCursor Cursor, long RecordedSeconds, Envelope? Change, SignedRoot? Root, JsonValue? Before, IReadOnlyList<ProvenChange> Missed, bool IsBeforeUnknown = false)
{
    /// <summary>Checks the proofs and reads the leaves.</summary>
    /// <param name="offer">As it came.</param>
    /// <param name="ledger">The verifier key that the tree was signed under.</param>
    /// <param name="rootHash">The root of the tree of <see cref="DeliveryOffer.Size"/> entries: 32 bytes.</param>
    /// <param name="delivery">What is proven.</param>
    /// <param name="refusal">Why nothing is.</param>
    public static bool TryProve(
        DeliveryOffer offer, string ledger, ReadOnlySpan<byte> rootHash, [NotNullWhen(true)] out ProvenDelivery? delivery, [NotNullWhen(false)] out Refusal? refusal)
    {
        ArgumentNullException.ThrowIfNull(offer);
        delivery = null;
        if (!TryRead(offer.Entry, offer.Size, rootHash, out var hash, out var entry, out refusal))
            return false;
        var missed = new List<ProvenChange>();
        foreach (var offered in offer.CatchUp?.Changes ?? [])
        {
            if (!TryRead(offered, offer.Size, rootHash, out var leafHash, out var read, out refusal))
                return false;
            if (read is not MessageEntry { IsAccepted: true } earlier || offered.Index >= offer.Entry.Index)
            {
                refusal = Refusal.BadRequest($"entry {offered.Index} of catch_up is no accepted change from before entry {offer.Entry.Index}");
                return false;
            }
            missed.Add(new ProvenChange(new EntryReference(offered.Index, Convert.ToHexStringLower(leafHash)), earlier.TimeSeconds, earlier.Envelope));
        }
        var cursor = new DeliveryCursor(offer.Sequence, offer.Entry.Index, Convert.ToHexStringLower(hash), ledger);
        delivery = entry switch
        {
            MessageEntry { IsAccepted: true } change when offer.Sequence != DeliveryOffer.Late => new ProvenDelivery(cursor, change.TimeSeconds, change.Envelope, null, offer.CatchUp?.Before, missed, offer.IsBeforeUnknown),
            TrustRootEntry root when offer.CatchUp is null => new ProvenDelivery(cursor, root.TimeSeconds, null, root.Root, null, missed),
            _ => null,
        };
        refusal = delivery is null ? Refusal.BadRequest($"entry {offer.Entry.Index} is neither an accepted change nor a trust root by itself") : null;
        return delivery is not null;
    }

    private static bool TryRead(
        OfferedEntry offered, long size, ReadOnlySpan<byte> rootHash, out byte[] hash, [NotNullWhen(true)] out LedgerEntry? entry, [NotNullWhen(false)] out Refusal? refusal)
    {
        entry = null;
        hash = MerkleTree.LeafHash(offered.Leaf);
        refusal = TreeProofs.VerifyInclusion(hash, offered.Index, size, offered.Path, rootHash)
            ? null
            : new Refusal(ErrorCode.Unproven, $"its path does not lead from the leaf to the root of the {size} entries seen here, as entry {offered.Index}");
        if (refusal is not null)
            return false;
        try
        {
            entry = EntryReader.Read(new LedgerRow(offered.Index, offered.Leaf, hash), _ => offered.Envelope);
            if ((entry is MessageEntry { IsConfidential: true }) == offered.Envelope is not null)
                return true;
            refusal = Refusal.BadRequest($"an envelope stands beside the leaf of entry {offered.Index}, which has its own");
        }
        catch (LedgerIntegrityException e)
        {
            refusal = Refusal.BadRequest(e.Message.TrimEnd('.'));
        }
        entry = null;
        return false;
    }
}
