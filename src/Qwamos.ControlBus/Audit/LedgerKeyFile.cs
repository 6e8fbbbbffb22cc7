using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Keys;

namespace Qwamos.ControlBus.Audit;

/// <summary>Where the ledger's key lives: <c>/var/lib/qwamos/ledger_sk</c>, the raw 32-byte seed, 0600, made at the first start and never written over.</summary>
public static class LedgerKeyFile
{
    /// <summary>The key that is there, or a new one. False with a sentence that ends with the mend when the file cannot be trusted.</summary>
    /// <exception cref="IOException">The new key could not be written.</exception>
    public static bool TryLoadOrCreate(
        SystemPaths paths, string systemId, [NotNullWhen(true)] out CheckpointSigner? signer, [NotNullWhen(false)] out string? fault)
    {
        signer = SeedFile.TryLoadOrCreate(paths.LedgerKeyFile, out var key, out fault) ? new CheckpointSigner(key, Checkpoint.OriginOf(systemId)) : null;
        return signer is not null;
    }

    /// <summary>Whether the key that is there has this public half; false with a sentence, too, when it cannot be read. For a look at a stopped system.</summary>
    public static bool TryCheckSame(SystemPaths paths, NoteVerifierKey key, [NotNullWhen(false)] out string? fault)
    {
        Span<byte> seed = stackalloc byte[SigningKey.SeedSizeBytes];
        try
        {
            // Root looks at the daemon's file.
            if (KeyFile.Read(paths.LedgerKeyFile, KeyFileRules.AnyPublic, seed, out fault) != KeyFileResult.Read || !SigningKey.TryLoad(seed, out var own, out fault))
                return false;
            using (own)
                fault = own.Id == key.Public.Id ? null : $"{key} signed it, and {SafeText.ForTerminal(paths.LedgerKeyFile)} is another key";
            return fault is null;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(seed);
        }
    }
}
