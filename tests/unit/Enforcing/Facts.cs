using System.Net;
using Qwamos.ControlBus.Policy;
using Qwamos.Gateway.Enforcing.Firewall;
using Xunit;

namespace Qwamos.ControlBus.Tests.Enforcing;

/// <summary>A gateway that has everything, and every policy of its firewall.</summary>
internal static class Facts
{
    public const uint TorUser = 107;

    public static FirewallFacts Full { get; } = new(
        ["eth1"], ["eth0"], new ControlLink("eth2", 9443), new TorFacts("debian-tor", 9040, 5353, 9050), new TunnelFacts("wg0", IPAddress.Parse("198.51.100.7"), 51820, false));

    /// <summary>The greatest that gateway.json can describe.</summary>
    public static FirewallFacts Largest { get; } = Full with
    {
        Inside = [.. Enumerable.Range(0, Limits.MaxInterfaces).Select(i => $"inside-000000-{i}")],
        Outside = [.. Enumerable.Range(0, Limits.MaxInterfaces).Select(i => $"outside-00000-{i}")],
        Tunnel = new TunnelFacts("tunnel-00000000", IPAddress.Parse("2001:db8:1111:2222:3333:4444:5555:6666"), 65535, true),
    };

    public static TheoryData<bool, string, bool> Policies()
    {
        var all = new TheoryData<bool, string, bool>();
        foreach (bool strict in (bool[])[false, true])
            foreach (TorIsolation tor in Enum.GetValues<TorIsolation>())
                foreach (bool killSwitch in (bool[])[false, true])
                    all.Add(strict, tor.ToString(), killSwitch);
        return all;
    }

    public static FirewallPolicy Policy(bool strict, string tor, bool killSwitch) => new(strict, Enum.Parse<TorIsolation>(tor), killSwitch);

    public static Dictionary<string, PolicyValue> Values(string hardening = "basic", string tor = "optional", string killSwitch = "off") => new(StringComparer.Ordinal)
    {
        [FirewallFacts.Hardening] = PolicyValue.Of(hardening),
        [FirewallFacts.TorIsolation] = PolicyValue.Of(tor),
        [FirewallFacts.KillSwitch] = PolicyValue.Of(killSwitch),
    };
}
