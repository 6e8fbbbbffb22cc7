using Qwamos.Client.Showing;
using Qwamos.Client.Talking;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Policy;

namespace Qwamos.Client.Trusting;

/// <summary>Which version of the trust root each domain has, by the daemon's word: Dom0, then the gateways.</summary>
internal static class DomainTrust
{
    /// <summary>Null where it is not known.</summary>
    public static List<(string Name, long? Version)> Of(TrustInForce trust)
    {
        List<(string, long?)> all = [(DaemonConfig.Dom0, trust.Root.Version)];
        foreach (var (name, row) in trust.Status?.ObjectOf("gateways")?.Members ?? [])
            all.Add((KeyText.Of(JsonValue.Of(name)), row.TryGet("trust_version", out var version) && version.TryGetInteger(out var number) ? number : null));
        return all;
    }
}
