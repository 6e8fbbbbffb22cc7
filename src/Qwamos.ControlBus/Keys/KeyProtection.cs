using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using Qwamos.ControlBus.Files;

namespace Qwamos.ControlBus.Keys;

/// <summary>
/// Puts a private key under a passphrase, under another one, or back into a raw seed. The file is replaced by a rename after the new one was synced, so
/// that a key is on the disk at every moment; what the old file held is then overwritten, as far as the disk lets a program do that.
/// </summary>
public sealed class KeyProtection(KeyHome home)
{
    private const UnixFileMode FileMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>Protects the key with a passphrase, whatever it was before.</summary>
    /// <param name="current">The passphrase that it has; null for a raw seed.</param>
    /// <param name="next">The passphrase that it gets.</param>
    /// <param name="comment">See <see cref="ProtectedKey.IsComment"/>.</param>
    public bool TryProtect(SecretBytes? current, SecretBytes next, string comment, Argon2Cost cost, [NotNullWhen(false)] out string? fault) =>
        TryChange(current, seed => Sealed(seed, next, comment, cost), out fault);

    /// <summary>Makes it a raw seed.</summary>
    public bool TryUnprotect(SecretBytes current, [NotNullWhen(false)] out string? fault) =>
        TryChange(current, Plain, out fault);

    /// <summary>What a person is told of a key that was not opened.</summary>
    public static string Sentence(string file, KeyOpening opening, Argon2Cost cost) => opening == KeyOpening.NoMemory
        ? $"{SafeText.ForTerminal(file)} asks for {cost.MemoryKibibytes} KiB of memory to be opened, which this machine does not give; close other programs and run the command again"
        : $"the passphrase is not that of {SafeText.ForTerminal(file)}, or the file was changed; type it again, or put your backup of the file back";

    // In an array that the collector does not copy, for it is wiped.
    private static byte[] Plain(SecretBytes seed)
    {
        var content = GC.AllocateArray<byte>(seed.Length, pinned: true);
        seed.Bytes.CopyTo(content);
        return content;
    }

    private static byte[] Sealed(SecretBytes seed, SecretBytes next, string comment, Argon2Cost cost)
    {
        var text = ProtectedKey.Seal(seed, next, comment, cost);
        // Before the only copy of the key is replaced: what was made opens.
        if (!ProtectedKey.TryRead(text, out var made, out var fault) || made.Open(next, out var again) != KeyOpening.Opened)
            throw new CryptographicException($"what was made does not open: {fault}");
        using (again)
        {
            if (!CryptographicOperations.FixedTimeEquals(seed.Bytes, again!.Bytes))
                throw new CryptographicException("what was made holds another key");
        }
        return text;
    }

    private bool TryChange(SecretBytes? current, Func<SecretBytes, byte[]> make, [NotNullWhen(false)] out string? fault)
    {
        try
        {
            using var held = KeyHomeLock.Take(home.Directory);
            // Again, now that nobody else changes it: whatever was asked of a person was about this file.
            if (!home.TryOpen(out var stored, out fault))
                return false;
            stored.Dispose();
            using SecretBytes seed = new(Limits.MaxPrivateKeyFileBytes);
            if (!TryReadSeed(current, seed, out fault))
                return false;
            var content = make(seed);
            try
            {
                SecretFile.Replace(home.PrivateKeyFile, content, FileMode);
            }
            finally
            {
                CryptographicOperations.ZeroMemory(content);
            }
            return true;
        }
        catch (InsufficientMemoryException)
        {
            fault = "there is not enough memory to protect the key; close other programs and run the command again";
            return false;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            fault = $"the private key was not changed: {e.Message}";
            return false;
        }
    }

    private bool TryReadSeed(SecretBytes? current, SecretBytes seed, [NotNullWhen(false)] out string? fault)
    {
        if (KeyFile.ReadPrivate(home.PrivateKeyFile, seed.Room, out int length, out fault) != KeyFileResult.Read)
            return false;
        seed.Length = length;
        if (length == SigningKey.SeedSizeBytes)
            return true;
        if (!ProtectedKey.TryRead(seed.Bytes, out var key, out fault))
            return false;
        if (current is null)
        {
            fault = $"{SafeText.ForTerminal(home.PrivateKeyFile)} was protected meanwhile; run the command again";
            return false;
        }
        var opening = key.Open(current, out var opened);
        if (opening != KeyOpening.Opened)
        {
            fault = Sentence(home.PrivateKeyFile, opening, key.Terms.Cost);
            return false;
        }
        using (opened)
        {
            opened!.Bytes.CopyTo(seed.Room);
            seed.Length = opened.Length;
        }
        return true;
    }
}
