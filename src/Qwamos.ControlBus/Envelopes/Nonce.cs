using System.Buffers.Binary;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Keys;

namespace Qwamos.ControlBus.Envelopes;

/// <summary>The 16 random bytes that make a message unique over all keys; 24 characters of canonical base64 on the wire.</summary>
public readonly record struct Nonce(UInt128 Value)
{
    /// <summary>A fresh one.</summary>
    public static Nonce Random()
    {
        Span<byte> bytes = stackalloc byte[Limits.NonceBytes];
        Primitives.FillRandom(bytes);
        return FromBytes(bytes);
    }

    /// <exception cref="ArgumentException">Not 16 bytes.</exception>
    public static Nonce FromBytes(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length != Limits.NonceBytes)
            throw new ArgumentException($"a nonce has {Limits.NonceBytes} bytes, not {bytes.Length}", nameof(bytes));
        return new Nonce(BinaryPrimitives.ReadUInt128BigEndian(bytes));
    }

    /// <summary>False for anything but 24 characters of canonical base64.</summary>
    public static bool TryParse(string text, out Nonce nonce)
    {
        Span<byte> bytes = stackalloc byte[Limits.NonceBytes];
        bool valid = CanonicalBase64.TryDecode(text, bytes);
        nonce = valid ? FromBytes(bytes) : default;
        return valid;
    }

    public byte[] ToArray()
    {
        byte[] bytes = new byte[Limits.NonceBytes];
        BinaryPrimitives.WriteUInt128BigEndian(bytes, Value);
        return bytes;
    }

    public override string ToString() => Convert.ToBase64String(ToArray());
}
