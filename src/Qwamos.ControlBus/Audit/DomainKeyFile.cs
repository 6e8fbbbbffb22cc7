using System.Diagnostics.CodeAnalysis;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Keys;

namespace Qwamos.ControlBus.Audit;

/// <summary>
/// Where a domain's own key lives: <c>/var/lib/qwamos-gateway/domain_sk</c>, the raw 32-byte seed, 0600, made at the first start and never written over. It signs the
/// domain's reports and nothing else.
/// </summary>
public static class DomainKeyFile
{
    /// <summary>The key that is there, or a new one. False with a sentence that ends with the mend when the file cannot be trusted.</summary>
    /// <exception cref="IOException">The new key could not be written.</exception>
    public static bool TryLoadOrCreate(SystemPaths paths, [NotNullWhen(true)] out SigningKey? key, [NotNullWhen(false)] out string? fault) =>
        SeedFile.TryLoadOrCreate(paths.GatewayDomainKeyFile, out key, out fault);
}
