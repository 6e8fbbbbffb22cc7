using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Keys;

namespace Qwamos.ControlBus.Audit;

/// <summary>Where the ledger's key lives: <c>/var/lib/qwamos/ledger_sk</c>, the raw 32-byte seed, 0600, made at the first start and never written over.</summary>
public static class LedgerKeyFile
{
    private const UnixFileMode Mode = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>The key that is there, or a new one. False with a sentence that ends with the mend when the file cannot be trusted.</summary>
    /// <exception cref="IOException">The new key could not be written.</exception>
    public static bool TryLoadOrCreate(
        SystemPaths paths, string systemId, [NotNullWhen(true)] out CheckpointSigner? signer, [NotNullWhen(false)] out string? fault)
    {
        signer = null;
        Span<byte> seed = stackalloc byte[SigningKey.SeedSizeBytes];
        try
        {
            var result = KeyFile.Read(paths.LedgerKeyFile, KeyFileRules.Private, seed, out var text);
            if (result == KeyFileResult.Absent)
            {
                RandomNumberGenerator.Fill(seed);
                DurableFile.CreateNew(paths.LedgerKeyFile, seed, Mode);
                result = KeyFile.Read(paths.LedgerKeyFile, KeyFileRules.Private, seed, out text);
            }
            fault = text;
            if (result != KeyFileResult.Read || !SigningKey.TryLoad(seed, out var key, out fault))
                return false;
            signer = new CheckpointSigner(key, Checkpoint.OriginOf(systemId));
            return true;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(seed);
        }
    }
}
