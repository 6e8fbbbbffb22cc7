using Qwamos.ControlBus.Envelopes;

namespace Qwamos.Daemon.Delivery;

/// <summary>One entry that one domain is to be given.</summary>
/// <param name="Entry">The entry.</param>
/// <param name="Envelope">The envelope of a confidential change; null for any other entry.</param>
/// <param name="Keys">The keys of a change that concern the domain; none of a trust root.</param>
/// <param name="RootVersion">The version of a trust root; null for a change.</param>
/// <param name="CatchUp">What the domain may have missed, which goes with it.</param>
/// <param name="IsBeforeUnknown">The domain asked for that, and it cannot be given.</param>
internal sealed record PendingDelivery(FeedEntry Entry, byte[]? Envelope, IReadOnlyList<string> Keys, long? RootVersion, CatchUpOffer? CatchUp = null, bool IsBeforeUnknown = false);
