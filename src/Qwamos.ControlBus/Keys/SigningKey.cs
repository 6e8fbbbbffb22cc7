using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using NSec.Cryptography;

namespace Qwamos.ControlBus.Keys;

/// <summary>
/// An Ed25519 private key (RFC 8032), made from a 32-byte seed. It lives in libsodium's guarded memory, cannot be exported, and is wiped when
/// disposed. Signatures are deterministic, 64 bytes.
/// </summary>
public sealed class SigningKey : IDisposable
{
    public const int SeedSizeBytes = 32;

    private readonly Key _key;

    private SigningKey(Key key)
    {
        _key = key;
        byte[] raw = key.PublicKey.Export(KeyBlobFormat.RawPublicKey);
        Public = VerifyingKey.TryLoad(raw, out var loaded, out string? fault) ? loaded : throw new CryptographicException(fault);
    }

    public VerifyingKey Public { get; }

    /// <summary>False, with one sentence, for any length but 32. The caller wipes <paramref name="seed"/>.</summary>
    public static bool TryLoad(
        ReadOnlySpan<byte> seed, [NotNullWhen(true)] out SigningKey? key, [NotNullWhen(false)] out string? fault)
    {
        key = null;
        if (seed.Length != SeedSizeBytes
            || !Key.TryImport(SignatureAlgorithm.Ed25519, seed, KeyBlobFormat.RawPrivateKey, out Key? imported)
            || imported is null)
        {
            fault = $"a private key has {SeedSizeBytes} bytes, not {seed.Length}";
            return false;
        }

        key = new SigningKey(imported);
        fault = null;
        return true;
    }

    /// <summary>A fresh key that is stored nowhere.</summary>
    public static SigningKey Generate() => new(Key.Create(SignatureAlgorithm.Ed25519));

    public byte[] Sign(ReadOnlySpan<byte> data) => SignatureAlgorithm.Ed25519.Sign(_key, data);

    public void Dispose() => _key.Dispose();
}
