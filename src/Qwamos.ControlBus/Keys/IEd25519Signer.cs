namespace Qwamos.ControlBus.Keys;

/// <summary>
/// What signs with one Ed25519 private key (RFC 8032, section 5.1): libsodium, or what a program has in its place where that cannot be loaded. Signatures
/// are deterministic, so that whatever signs gives the same 64 bytes. It only signs: verification is libsodium's alone. Wipes the key when disposed.
/// </summary>
public interface IEd25519Signer : IDisposable
{
    /// <summary>The 32 bytes of the public key that belongs to it.</summary>
    ReadOnlySpan<byte> PublicKey { get; }

    /// <summary>The 64 bytes of a signature.</summary>
    byte[] Sign(ReadOnlySpan<byte> data);
}
