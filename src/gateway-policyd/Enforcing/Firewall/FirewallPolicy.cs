using Qwamos.ControlBus.Policy;

namespace Qwamos.Gateway.Enforcing.Firewall;

/// <summary>The values of the three keys, together. Each only ever takes away: what may leave must pass all three.</summary>
/// <param name="IsStrict"><c>RADIO_HARDENING.level</c>: nothing but Tor's user sends; else the DNS of this machine's others goes to Tor, too, and workstations are forwarded as <paramref name="Tor"/> says.</param>
/// <param name="Tor"><c>TOR_ISOLATION</c>.</param>
/// <param name="KillSwitch"><c>VPN_KILL_SWITCH</c>: the tunnel is the only way out.</param>
internal readonly record struct FirewallPolicy(bool IsStrict, TorIsolation Tor, bool KillSwitch)
{
    /// <summary>Takes the values of <see cref="FirewallFacts.Keys"/>. A value that another schema may have and this does not know is a fault of its key.</summary>
    public static FirewallPolicy From(IReadOnlyDictionary<string, PolicyValue> values, IDictionary<string, string> faults)
    {
        return new FirewallPolicy(
            Of(FirewallFacts.Hardening, ("basic", false), ("strict", true)),
            Of(FirewallFacts.TorIsolation, ("mandatory", TorIsolation.Mandatory), ("optional", TorIsolation.Optional), ("off", TorIsolation.Off)),
            Of(FirewallFacts.KillSwitch, ("off", false), ("on", true)));

        T Of<T>(string key, params ReadOnlySpan<(string Word, T Meaning)> known)
            where T : struct
        {
            string value = values[key].ToLine();
            foreach ((string word, T meaning) in known)
            {
                if (word == value)
                    return meaning;
            }

            faults[key] = "the firewall does not know this value";
            return default;
        }
    }

    /// <summary>Notes what the values need and this machine's facts do not have.</summary>
    public void FindMissing(FirewallFacts facts, IDictionary<string, string> faults)
    {
        if (facts.Tor is null)
            faults[FirewallFacts.Hardening] = Missing("tor");
        else if (!IsStrict && facts.Tor.DnsPort is null)
            faults[FirewallFacts.Hardening] = Missing("tor.dns_port");
        if (Tor == TorIsolation.Mandatory && facts.Tor?.TransPort is null)
            faults[FirewallFacts.TorIsolation] = Missing("tor.trans_port");
        else if (Tor == TorIsolation.Mandatory && facts.Tor?.DnsPort is null)
            faults[FirewallFacts.TorIsolation] = Missing("tor.dns_port");
        if (KillSwitch && facts.Tunnel is null)
            faults[FirewallFacts.KillSwitch] = Missing("tunnel");
    }

    private static string Missing(string member) => $"gateway.json does not say firewall.{member}, which this value needs";
}
