namespace Qwamos.ControlBus.Keys;

/// <summary>What a key home holds: a private key that can sign at once, or one that a passphrase protects. Exactly one of the two.</summary>
public sealed class StoredKey : IDisposable
{
    internal StoredKey(SigningKey plain) => Plain = plain;

    internal StoredKey(ProtectedKey key) => Protected = key;

    /// <summary>The key of a raw seed.</summary>
    public SigningKey? Plain { get; }

    /// <summary>The key of a protected file; it is what the file says until it is opened.</summary>
    public ProtectedKey? Protected { get; }

    public KeyId Id => Plain?.Id ?? Protected!.Id;

    /// <summary>The 32 bytes of the public key.</summary>
    public ReadOnlySpan<byte> PublicRaw => Plain is null ? Protected!.PublicRaw : Plain.PublicRaw;

    public void Dispose() => Plain?.Dispose();
}
