using System.Diagnostics.CodeAnalysis;
using Qwamos.ControlBus.Files;

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
}
