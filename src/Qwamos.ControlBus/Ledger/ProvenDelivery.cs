using System.Diagnostics.CodeAnalysis;
using Qwamos.ControlBus.Envelopes;
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
public sealed record ProvenDelivery(DeliveryCursor Cursor, long RecordedSeconds, Envelope? Change, SignedRoot? Root)
{
    /// <summary>Checks the proof and reads the leaf.</summary>
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
        var hash = MerkleTree.LeafHash(offer.Leaf);
        refusal = TreeProofs.VerifyInclusion(hash, offer.Index, offer.Size, offer.Path, rootHash)
            ? null
            : new Refusal(ErrorCode.Unproven, $"its path does not lead from the leaf to the root of the {offer.Size} entries seen here, as entry {offer.Index}");
        if (refusal is not null)
            return false;
        try
        {
            var cursor = new DeliveryCursor(offer.Sequence, offer.Index, Convert.ToHexStringLower(hash), ledger);
            delivery = EntryReader.Read(new LedgerRow(offer.Index, offer.Leaf, hash), _ => offer.Envelope) switch
            {
                MessageEntry { IsAccepted: true } change when change.IsConfidential == offer.Envelope is not null => new ProvenDelivery(cursor, change.TimeSeconds, change.Envelope, null),
                TrustRootEntry root when offer.Envelope is null => new ProvenDelivery(cursor, root.TimeSeconds, null, root.Root),
                _ => null,
            };
            refusal = delivery is null ? new Refusal(ErrorCode.BadRequest, $"entry {offer.Index} is neither an accepted change nor a trust root, or an envelope stands beside a leaf that has its own") : null;
        }
        catch (LedgerIntegrityException e)
        {
            refusal = new Refusal(ErrorCode.BadRequest, e.Message.TrimEnd('.'));
        }
        return delivery is not null;
    }
}
