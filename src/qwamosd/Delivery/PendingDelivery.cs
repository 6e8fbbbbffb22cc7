namespace Qwamos.Daemon.Delivery;

/// <summary>One entry that one gateway is to be given.</summary>
/// <param name="Envelope">The operator's own bytes, as received.</param>
/// <param name="Keys">The keys that concern the gateway.</param>
/// <param name="LastSecond">The last unix second in which a receiver accepts it.</param>
internal sealed record PendingDelivery(long Index, ReadOnlyMemory<byte> Envelope, IReadOnlyList<string> Keys, long LastSecond);
