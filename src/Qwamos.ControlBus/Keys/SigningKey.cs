using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;

namespace Qwamos.ControlBus.Keys;

/// <summary>
/// An Ed25519 private key (RFC 8032), made from a 32-byte seed. It cannot be exported and is wiped when disposed. Signatures are deterministic, 64 bytes.
/// libsodium signs; see <see cref="WithoutLibsodium"/>.
/// </summary>
public sealed class SigningKey : IDisposable
{
    public const int SeedSizeBytes = 32;

    private readonly IEd25519Signer _signer;

    private SigningKey(IEd25519Signer signer)
    {
        _signer = signer;
        Id = KeyId.Of(KeyType.Ed25519, signer.PublicKey);
    }

    public KeyId Id { get; }

    /// <summary>The 32 bytes of the public key.</summary>
    public ReadOnlySpan<byte> PublicRaw => _signer.PublicKey;

    /// <summary>The public key, to verify with.</summary>
    /// <exception cref="NoVerificationException">Nothing is verified here.</exception>
    public VerifyingKey Public => field ??= VerifyingKey.TryLoad(PublicRaw, out var loaded, out string? fault) ? loaded : throw new CryptographicException(fault);

    /// <summary>False, with one sentence, for any length but 32. The caller wipes <paramref name="seed"/>.</summary>
    public static bool TryLoad(
        ReadOnlySpan<byte> seed, [NotNullWhen(true)] out SigningKey? key, [NotNullWhen(false)] out string? fault)
    {
        (key, fault) = (null, null);
        if (seed.Length == SeedSizeBytes && WithoutLibsodium.Signer is { } make)
            key = new SigningKey(make(seed));
        else if (seed.Length == SeedSizeBytes && SodiumSigner.TryLoad(seed, out var signer))
            key = new SigningKey(signer);
        else
            fault = $"a private key has {SeedSizeBytes} bytes, not {seed.Length}";
        return key is not null;
    }

    /// <summary>A key that is elsewhere: what holds it signs.</summary>
    public static SigningKey HeldBy(IEd25519Signer signer) => new(signer);

    /// <summary>A fresh key that is stored nowhere.</summary>
    public static SigningKey Generate() => new(SodiumSigner.Generate());

    public byte[] Sign(ReadOnlySpan<byte> data) => _signer.Sign(data);

    public void Dispose() => _signer.Dispose();
}
