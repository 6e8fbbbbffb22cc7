using Qwamos.ControlBus.Files;

namespace Qwamos.ControlBus.Keys;

/// <summary>
/// Seals a seed with a passphrase: the key is Argon2id (RFC 9106, version 0x13) of passphrase and salt, 32 bytes, and the box is ChaCha20-Poly1305
/// (RFC 8439). libsodium's, or what a program has in its place where that cannot be loaded: both give the same bytes.
/// </summary>
public interface IKeySealing
{
    /// <summary>Fills <paramref name="box"/>: the encrypted seed, 32 bytes, and the tag, 16.</summary>
    /// <exception cref="InsufficientMemoryException">There is not the memory that the cost asks for.</exception>
    void Seal(SecretBytes passphrase, SealingTerms terms, ReadOnlySpan<byte> associated, ReadOnlySpan<byte> seed, Span<byte> box);

    /// <summary>Fills <paramref name="seed"/>, 32 bytes; false, with nothing in it, when the tag does not fit.</summary>
    /// <exception cref="InsufficientMemoryException">There is not the memory that the cost asks for.</exception>
    bool TryOpen(SecretBytes passphrase, SealingTerms terms, ReadOnlySpan<byte> associated, ReadOnlySpan<byte> box, Span<byte> seed);
}
