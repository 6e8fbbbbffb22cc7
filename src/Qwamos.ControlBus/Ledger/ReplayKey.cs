using System.Buffers.Binary;
using Qwamos.ControlBus.Envelopes;

namespace Qwamos.ControlBus.Ledger;

/// <summary>
/// What makes a recorded message findable: its time before its nonce, so that the table of nonces grows at its end, however long it is.
/// </summary>
/// <param name="TimestampSeconds">The message's, unix seconds.</param>
/// <param name="Nonce">The message's.</param>
public readonly record struct ReplayKey(long TimestampSeconds, Nonce Nonce)
{
    /// <summary>The key of a message that has a nonce; null for one without.</summary>
    public static ReplayKey? Of(Message message)
    {
        ArgumentNullException.ThrowIfNull(message);
        return message.Nonce is { } nonce ? new ReplayKey(message.Timestamp!.Value, nonce) : null;
    }

    /// <summary>The bytes of one in the ledgers of format 3: the timestamp in 8, big-endian, and the nonce in 16.</summary>
    internal byte[] ToArray()
    {
        var bytes = new byte[sizeof(long) + Limits.NonceBytes];
        BinaryPrimitives.WriteInt64BigEndian(bytes, TimestampSeconds);
        Nonce.ToArray().CopyTo(bytes, sizeof(long));
        return bytes;
    }
}
