using System.Buffers.Binary;
using Qwamos.ControlBus.Envelopes;

namespace Qwamos.ControlBus.Ledger;

/// <summary>
/// What makes a recorded message findable: its time before its nonce, so that the index of a ledger grows at its end, however long it is.
/// </summary>
/// <param name="TimestampSeconds">The message's, unix seconds.</param>
/// <param name="Nonce">The message's.</param>
public readonly record struct ReplayKey(long TimestampSeconds, Nonce Nonce)
{
    /// <summary>The bytes of one: the timestamp in 8, big-endian, and the nonce in 16.</summary>
    internal const int Bytes = sizeof(long) + Limits.NonceBytes;

    /// <summary>The key of a message that has a nonce; null for one without.</summary>
    public static ReplayKey? Of(Message message)
    {
        ArgumentNullException.ThrowIfNull(message);
        return message.Nonce is { } nonce ? new ReplayKey(message.Timestamp!.Value, nonce) : null;
    }

    /// <exception cref="ArgumentException">Not 24 bytes.</exception>
    internal static ReplayKey FromBytes(ReadOnlySpan<byte> bytes) =>
        new(BinaryPrimitives.ReadInt64BigEndian(bytes), Nonce.FromBytes(bytes[sizeof(long)..]));

    internal byte[] ToArray()
    {
        var bytes = new byte[Bytes];
        BinaryPrimitives.WriteInt64BigEndian(bytes, TimestampSeconds);
        Nonce.ToArray().CopyTo(bytes, sizeof(long));
        return bytes;
    }

    /// <summary>The first key that a message of this second could have.</summary>
    internal static ReplayKey First(long timestampSeconds) => new(Math.Max(0, timestampSeconds), default);
}
