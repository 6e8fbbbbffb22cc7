using System.Security.Cryptography;
using Org.BouncyCastle.Crypto;
using Org.BouncyCastle.Crypto.Generators;
using Org.BouncyCastle.Crypto.Parameters;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Keys;
using ChaCha20Poly1305 = Org.BouncyCastle.Crypto.Modes.ChaCha20Poly1305;

namespace Qwamos.Client.Signing;

// Argon2id, RFC 9106, version 0x13: salt 16 bytes, key 32 bytes. ChaCha20-Poly1305, RFC 8439: nonce 12 bytes, tag 16 bytes. The same bytes as
// libsodium's, which tests compare.

/// <summary>
/// BouncyCastle's Argon2id and ChaCha20-Poly1305, in managed code, for systems where libsodium cannot be loaded. What is handed to it is copied into
/// arrays that the collector does not move, and wiped; its own copies are the collector's.
/// </summary>
internal sealed class BouncyCastleSealing : IKeySealing
{
    private const int KeySizeBytes = 32;

    public void Seal(SecretBytes passphrase, SealingTerms terms, ReadOnlySpan<byte> associated, ReadOnlySpan<byte> seed, Span<byte> box)
    {
        if (!TryRun(forSealing: true, passphrase, terms, associated, seed, box))
            throw new CryptographicException("sealing failed");
    }

    public bool TryOpen(SecretBytes passphrase, SealingTerms terms, ReadOnlySpan<byte> associated, ReadOnlySpan<byte> box, Span<byte> seed) =>
        TryRun(forSealing: false, passphrase, terms, associated, box, seed);

    private static bool TryRun(bool forSealing, SecretBytes passphrase, SealingTerms terms, ReadOnlySpan<byte> associated, ReadOnlySpan<byte> input, Span<byte> output)
    {
        var key = GC.AllocateArray<byte>(KeySizeBytes, pinned: true);
        var result = GC.AllocateArray<byte>(output.Length, pinned: true);
        var text = GC.AllocateArray<byte>(input.Length, pinned: true);
        try
        {
            input.CopyTo(text);
            Derive(passphrase, terms, key);
            ChaCha20Poly1305 cipher = new();
            cipher.Init(forSealing, new AeadParameters(new KeyParameter(key), SealingTerms.TagSizeBytes * 8, terms.Nonce, associated.ToArray()));
            var written = cipher.ProcessBytes(text, 0, text.Length, result, 0);
            if (written + cipher.DoFinal(result, written) != output.Length)
                return false;
            result.CopyTo(output);
            return true;
        }
        catch (InvalidCipherTextException)
        {
            return false;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(key);
            CryptographicOperations.ZeroMemory(result);
            CryptographicOperations.ZeroMemory(text);
        }
    }

    private static void Derive(SecretBytes passphrase, SealingTerms terms, byte[] key)
    {
        var secret = GC.AllocateArray<byte>(passphrase.Length, pinned: true);
        try
        {
            passphrase.Bytes.CopyTo(secret);
            Argon2BytesGenerator argon2 = new();
            argon2.Init(new Argon2Parameters.Builder(Argon2Parameters.Argon2id)
                .WithVersion(Argon2Parameters.Version13)
                .WithMemoryAsKB(terms.Cost.MemoryKibibytes)
                .WithIterations(terms.Cost.Passes)
                .WithParallelism(terms.Cost.Lanes)
                .WithSalt(terms.Salt)
                .Build());
            argon2.GenerateBytes(secret, key);
        }
        catch (OutOfMemoryException)
        {
            throw new InsufficientMemoryException();
        }
        finally
        {
            CryptographicOperations.ZeroMemory(secret);
        }
    }
}
