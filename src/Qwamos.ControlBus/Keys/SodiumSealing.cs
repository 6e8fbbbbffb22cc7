using System.Security.Cryptography;
using NSec.Cryptography;
using Qwamos.ControlBus.Files;

namespace Qwamos.ControlBus.Keys;

// Argon2id, RFC 9106: salt 16 bytes, key 32 bytes, one lane. ChaCha20-Poly1305, RFC 8439: nonce 12 bytes, tag 16 bytes.

/// <summary>libsodium's, through NSec: the key that is derived lives in guarded memory and is wiped at once.</summary>
internal sealed class SodiumSealing : IKeySealing
{
    private static AeadAlgorithm Aead => AeadAlgorithm.ChaCha20Poly1305;

    public void Seal(SecretBytes passphrase, SealingTerms terms, ReadOnlySpan<byte> associated, ReadOnlySpan<byte> seed, Span<byte> box)
    {
        using var key = Derive(passphrase, terms);
        Aead.Encrypt(key, terms.Nonce, associated, seed, box);
    }

    public bool TryOpen(SecretBytes passphrase, SealingTerms terms, ReadOnlySpan<byte> associated, ReadOnlySpan<byte> box, Span<byte> seed)
    {
        using var key = Derive(passphrase, terms);
        return Aead.Decrypt(key, terms.Nonce, associated, box, seed);
    }

    private static Key Derive(SecretBytes passphrase, SealingTerms terms)
    {
        var argon2 = PasswordBasedKeyDerivationAlgorithm.Argon2id(new Argon2Parameters
        {
            DegreeOfParallelism = terms.Cost.Lanes,
            MemorySize = terms.Cost.MemoryKibibytes,
            NumberOfPasses = terms.Cost.Passes,
        });
        try
        {
            return argon2.DeriveKey(passphrase.Bytes, terms.Salt, Aead);
        }
        catch (CryptographicException)
        {
            // The parameters were checked: what is left for libsodium to fail at is the memory.
            throw new InsufficientMemoryException();
        }
    }
}
