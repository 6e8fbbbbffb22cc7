using System.Diagnostics.CodeAnalysis;
using NSec.Cryptography;

namespace Qwamos.ControlBus.Keys;

/// <summary>libsodium's Ed25519, through NSec: the key lives in guarded memory, cannot be exported, and is wiped when disposed.</summary>
internal sealed class SodiumSigner : IEd25519Signer
{
    private readonly Key _key;
    private readonly byte[] _publicKey;

    private SodiumSigner(Key key)
    {
        _key = key;
        _publicKey = key.PublicKey.Export(KeyBlobFormat.RawPublicKey);
    }

    public ReadOnlySpan<byte> PublicKey => _publicKey;

    public static bool TryLoad(ReadOnlySpan<byte> seed, [NotNullWhen(true)] out SodiumSigner? signer)
    {
        signer = Key.TryImport(SignatureAlgorithm.Ed25519, seed, KeyBlobFormat.RawPrivateKey, out Key? key) && key is not null ? new SodiumSigner(key) : null;
        return signer is not null;
    }

    public static SodiumSigner Generate() => new(Key.Create(SignatureAlgorithm.Ed25519));

    public byte[] Sign(ReadOnlySpan<byte> data) => SignatureAlgorithm.Ed25519.Sign(_key, data);

    public void Dispose() => _key.Dispose();
}
