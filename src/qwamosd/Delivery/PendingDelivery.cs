using System.Text;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Json;

namespace Qwamos.Daemon.Delivery;

/// <summary>One entry that one domain is to be given.</summary>
/// <param name="Entry">The entry.</param>
/// <param name="Envelope">The envelope of a confidential change; null for any other entry.</param>
/// <param name="Keys">The keys of a change that concern the domain; none of a trust root.</param>
/// <param name="RootVersion">The version of a trust root; null for a change.</param>
/// <param name="CatchUp">What the domain may have missed, which goes with it.</param>
/// <param name="IsBeforeUnknown">The domain asked for that, and it cannot be given.</param>
internal sealed record PendingDelivery(FeedEntry Entry, byte[]? Envelope, IReadOnlyList<string> Keys, long? RootVersion, CatchUpOffer? CatchUp = null, bool IsBeforeUnknown = false)
{
    /// <summary>With what goes with it the domain has all that came before: no delivery can be missing there once it is taken.</summary>
    public bool BringsAll { get; init; }

    /// <summary>The request that brings it.</summary>
    /// <param name="feed">Gives the proof.</param>
    /// <param name="sequence">The delivery's number at the domain.</param>
    /// <param name="size">Entries that the domain has seen.</param>
    /// <param name="stop">Ends the courier.</param>
    /// <exception cref="LinkException">qwamosd cannot be asked.</exception>
    public async Task<byte[]> RequestAsync(LedgerFeed feed, long sequence, long size, CancellationToken stop)
    {
        IReadOnlyList<byte[]> path = await feed.InclusionAsync(Entry.Index, size, stop).ConfigureAwait(false);
        var offer = new DeliveryOffer(sequence, new OfferedEntry(Entry.Index, Entry.Leaf, Envelope, path), size, CatchUp, IsBeforeUnknown);
        return Encoding.ASCII.GetBytes($$$"""{"msg":{"args":{{{JsonText.ToText(offer.ToJson())}}},"command":"deliver"}}""");
    }
}
