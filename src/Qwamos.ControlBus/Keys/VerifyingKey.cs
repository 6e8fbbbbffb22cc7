using System.Diagnostics.CodeAnalysis;
using NSec.Cryptography;

namespace Qwamos.ControlBus.Keys;

/// <summary>
/// An Ed25519 public key (RFC 8032): 32 bytes, checked when loaded to be a canonical point of the prime-order subgroup. Verification is
/// libsodium's, through NSec: it refuses S of L or above and small-order R. Thread-safe.
/// </summary>
public sealed class VerifyingKey
{
    public const int SizeBytes = 32;
    public const int SignatureSizeBytes = 64;

    private readonly byte[] _raw;
    private readonly PublicKey _key;

    private VerifyingKey(byte[] raw, PublicKey key)
    {
        _raw = raw;
        _key = key;
        Id = KeyId.Of(KeyType.Ed25519, raw);
    }

    public KeyId Id { get; }

    /// <summary>The 32 bytes of RFC 8032 section 5.1.5.</summary>
    public ReadOnlySpan<byte> Raw => _raw;

    /// <summary>False, with one sentence, for any length but 32 and for points that are not canonical, of small or of mixed order.</summary>
    /// <exception cref="NoVerificationException">Nothing is verified here.</exception>
    public static bool TryLoad(
        ReadOnlySpan<byte> raw, [NotNullWhen(true)] out VerifyingKey? key, [NotNullWhen(false)] out string? fault)
    {
        if (WithoutLibsodium.IsInForce)
            throw new NoVerificationException();
        key = null;
        if (raw.Length != SizeBytes)
        {
            fault = $"a public key has {SizeBytes} bytes, not {raw.Length}";
            return false;
        }

        // NSec initialises libsodium when it imports; the point check comes after it for that reason.
        if (!PublicKey.TryImport(SignatureAlgorithm.Ed25519, raw, KeyBlobFormat.RawPublicKey, out PublicKey? imported)
            || imported is null
            || Libsodium.IsValidEd25519Point(raw) != 1)
        {
            fault = "not a valid Ed25519 public key: the bytes are not a canonical point of the prime-order subgroup";
            return false;
        }

        key = new VerifyingKey(raw.ToArray(), imported);
        fault = null;
        return true;
    }

    /// <summary>False for any signature that is not 64 bytes, and for any that does not hold.</summary>
    public bool Verify(ReadOnlySpan<byte> data, ReadOnlySpan<byte> signature) =>
        signature.Length == SignatureSizeBytes && SignatureAlgorithm.Ed25519.Verify(_key, data, signature);
}
