using System.Security.Cryptography;
using Org.BouncyCastle.Math.EC.Rfc8032;
using Qwamos.ControlBus.Keys;

namespace Qwamos.Client.Signing;

// RFC 8032, section 5.1: seed 32 bytes, public key 32 bytes, signature 64 bytes, deterministic. The same bytes as libsodium's, which tests compare.

/// <summary>
/// BouncyCastle's Ed25519, in managed code, for systems where libsodium cannot be loaded. The seed is in this process's ordinary memory, in an array that
/// the collector does not move, and is wiped when disposed; what BouncyCastle derives from it for a signature is the collector's.
/// </summary>
internal sealed class BouncyCastleSigner : IEd25519Signer
{
    private readonly byte[] _seed = GC.AllocateArray<byte>(Ed25519.SecretKeySize, pinned: true);
    private readonly byte[] _publicKey = new byte[Ed25519.PublicKeySize];

    public BouncyCastleSigner(ReadOnlySpan<byte> seed)
    {
        seed.CopyTo(_seed);
        Ed25519.GeneratePublicKey(_seed, 0, _publicKey, 0);
    }

    public ReadOnlySpan<byte> PublicKey => _publicKey;

    /// <summary>The public key is derived anew from the seed each time: a signature for another one would give the private key away.</summary>
    public byte[] Sign(ReadOnlySpan<byte> data)
    {
        byte[] signature = new byte[Ed25519.SignatureSize];
        byte[] message = data.ToArray();
        Ed25519.Sign(_seed, 0, message, 0, message.Length, signature, 0);
        return signature;
    }

    public void Dispose() => CryptographicOperations.ZeroMemory(_seed);
}
