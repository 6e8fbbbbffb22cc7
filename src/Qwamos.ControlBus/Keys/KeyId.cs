namespace Qwamos.ControlBus.Keys;

/// <summary>
/// Names a public key: SHA-256 of <c>"qwamos-key\n" || type byte || public key</c> as 64 lower-case hex digits (DESIGN section 4). It is what a
/// person compares as the fingerprint, whole; shortened only for display. The zero value names no key.
/// </summary>
public readonly record struct KeyId
{
    public const int Digits = 64;
    private const int ShortDigits = 16;

    private readonly string? _hex;

    private KeyId(string hex) => _hex = hex;

    /// <summary>The first 16 digits, for tables. Never compare by it.</summary>
    public string Short => ToString()[..ShortDigits];

    public static KeyId Of(KeyType type, ReadOnlySpan<byte> publicKey)
    {
        byte[] named = [.. "qwamos-key\n"u8, (byte)type, .. publicKey];
        return new KeyId(Convert.ToHexStringLower(Primitives.Sha256(named)));
    }

    /// <summary>False for anything but 64 lower-case hex digits.</summary>
    public static bool TryParse(string text, out KeyId id)
    {
        bool valid = LowerHex.Is(text, Digits);
        id = valid ? new KeyId(text) : default;
        return valid;
    }

    public override string ToString() => _hex ?? new string('0', Digits);
}
