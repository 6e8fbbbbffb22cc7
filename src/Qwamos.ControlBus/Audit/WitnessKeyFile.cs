using System.Diagnostics.CodeAnalysis;
using Qwamos.ControlBus.Files;

namespace Qwamos.ControlBus.Audit;

/// <summary>
/// Where a gateway's witness key lives: <c>/var/lib/qwamos-gateway/witness_sk</c>, the raw 32-byte seed, 0600, made at the first start with a
/// system ID, and anew when the operator names another ledger's key. It cosigns checkpoints and nothing else.
/// </summary>
public static class WitnessKeyFile
{
    /// <summary>A new key in place of the one that is there: the old one's promise, never to cosign another history, ends with it.</summary>
    /// <exception cref="IOException">It could not be written; the old one is in place, or the new one.</exception>
    public static CosignatureSigner Renew(SystemPaths paths, string systemId, string gateway) =>
        new(SeedFile.Renew(paths.GatewayWitnessKeyFile), NameOf(systemId, gateway));

    /// <summary>The witness's name: the log's, and the gateway's own.</summary>
    public static string NameOf(string systemId, string gateway) => $"{Checkpoint.OriginOf(systemId)}/{gateway}";

    /// <summary>The key that is there, or a new one. False with a sentence that ends with the mend when the file cannot be trusted.</summary>
    /// <exception cref="IOException">The new key could not be written.</exception>
    public static bool TryLoadOrCreate(
        SystemPaths paths, string systemId, string gateway, [NotNullWhen(true)] out CosignatureSigner? signer, [NotNullWhen(false)] out string? fault)
    {
        signer = SeedFile.TryLoadOrCreate(paths.GatewayWitnessKeyFile, out var key, out fault) ? new CosignatureSigner(key, NameOf(systemId, gateway)) : null;
        return signer is not null;
    }
}
