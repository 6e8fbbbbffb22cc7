using System.Text.Json;
using Qwamos.SystemTests.Harness;
using Xunit;

namespace Qwamos.SystemTests;

/// <summary>The firewall of the published gateway, measured with real packets between network namespaces: what each policy lets through, and that nothing else ever passes.</summary>
public sealed class FirewallTests : IDisposable
{
    /// <summary>What is sent, by whom, and where. docs/guide/firewall.md has the same columns.</summary>
    private static readonly (string Name, string From, int User, string Target)[] Probes =
    [
        ("tor", "gateway", ThreeNetworks.TorUser, "tcp 203.0.113.1 80"),
        ("tor6", "gateway", ThreeNetworks.TorUser, "tcp 2001:db8:1::1 80"),
        ("tor-tunnel", "gateway", ThreeNetworks.TorUser, "tcp 203.0.113.2 80"),
        ("other", "gateway", ThreeNetworks.OtherUser, "tcp 203.0.113.1 80"),
        ("other-udp6", "gateway", ThreeNetworks.OtherUser, "udp 2001:db8:1::1 1234"),
        ("other-tunnel", "gateway", ThreeNetworks.OtherUser, "tcp 203.0.113.2 80"),
        ("root", "gateway", 0, "tcp 203.0.113.1 80"),
        ("to-dom0", "gateway", ThreeNetworks.OtherUser, "tcp 10.4.0.2 80"),
        ("dns", "gateway", ThreeNetworks.OtherUser, "udp 203.0.113.1 53"),
        ("dns6", "gateway", ThreeNetworks.OtherUser, "udp 2001:db8:1::1 53"),
        ("endpoint", "gateway", ThreeNetworks.OtherUser, "udp 10.2.0.2 51820"),
        ("w-tcp", "workstation", 0, "tcp 203.0.113.1 80"),
        ("w-tcp6", "workstation", 0, "tcp 2001:db8:1::1 80"),
        ("w-udp", "workstation", 0, "udp 203.0.113.1 1234"),
        ("w-udp6", "workstation", 0, "udp 2001:db8:1::1 1234"),
        ("w-dns", "workstation", 0, "udp 203.0.113.1 53"),
        ("w-dns6", "workstation", 0, "udp 2001:db8:1::1 53"),
        ("w-dns-here", "workstation", 0, "udp 10.1.0.1 53"),
        ("w-tcp-tunnel", "workstation", 0, "tcp 203.0.113.2 80"),
        ("w-udp-tunnel6", "workstation", 0, "udp 2001:db8:2::1 1234"),
        ("w-endpoint", "workstation", 0, "udp 10.2.0.2 51820"),
        ("w-socks", "workstation", 0, "tcp 10.1.0.1 9050"),
        ("w-control", "workstation", 0, "tcp 10.1.0.1 9443"),
        ("control", "dom0", 0, "tcp 10.4.0.1 9443"),
        ("control6", "dom0", 0, "tcp fd04::1 9443"),
        ("dom0-forwarded", "dom0", 0, "tcp 203.0.113.1 80"),
    ];

    /// <summary>Written by hand: who answers each probe under each policy, and - for nobody. The order of the columns is that of the probes.</summary>
    private const string Expected = """
        #                          tor  tor6 tor-t | other -udp6 -tun | root dom0 | dns dns6 | endp | w-tcp tcp6  udp  udp6 | w-dns dns6 here | t-tcp t-udp6 | w-endp | socks w-ctl | ctl ctl6 dom0
        basic  off       off    :  net  net  net   | -     -     -    | -    -    | dns dns  | net  | net   net   net  net  | net   net  -    | net   net    | net    | -     -     | control control -
        basic  off       on     :  -    -    net   | -     -     -    | -    -    | dns dns  | net  | -     -     -    -    | -     -    -    | net   net    | -      | -     -     | control control -
        basic  optional  off    :  net  net  net   | -     -     -    | -    -    | dns dns  | net  | net   net   net  net  | net   net  dns  | net   net    | net    | socks -     | control control -
        basic  optional  on     :  -    -    net   | -     -     -    | -    -    | dns dns  | net  | -     -     -    -    | -     -    dns  | net   net    | -      | socks -     | control control -
        basic  mandatory off    :  net  net  net   | -     -     -    | -    -    | dns dns  | net  | trans trans -    -    | dns   dns  dns  | trans -      | -      | socks -     | control control -
        basic  mandatory on     :  -    -    net   | -     -     -    | -    -    | dns dns  | net  | trans trans -    -    | dns   dns  dns  | trans -      | -      | socks -     | control control -
        strict off       off    :  net  net  net   | -     -     -    | -    -    | -   -    | net  | -     -     -    -    | -     -    -    | -     -      | -      | -     -     | control control -
        strict off       on     :  -    -    net   | -     -     -    | -    -    | -   -    | net  | -     -     -    -    | -     -    -    | -     -      | -      | -     -     | control control -
        strict optional  off    :  net  net  net   | -     -     -    | -    -    | -   -    | net  | -     -     -    -    | -     -    dns  | -     -      | -      | socks -     | control control -
        strict optional  on     :  -    -    net   | -     -     -    | -    -    | -   -    | net  | -     -     -    -    | -     -    dns  | -     -      | -      | socks -     | control control -
        strict mandatory off    :  net  net  net   | -     -     -    | -    -    | -   -    | net  | trans trans -    -    | dns   dns  dns  | trans -      | -      | socks -     | control control -
        strict mandatory on     :  -    -    net   | -     -     -    | -    -    | -   -    | net  | trans trans -    -    | dns   dns  dns  | trans -      | -      | socks -     | control control -
        """;

    private const string Closed = "     -    -    -     | -     -     -    | -    -    | -   -    | -    | -     -     -    -    | -     -    -    | -     -      | -      | -     -     | control control -";

    private readonly Trial _trial = new();
    private ThreeNetworks? _networks;

    public void Dispose()
    {
        _trial.Dispose();
        _networks?.Dispose();
    }

    [Fact]
    public void EveryPolicy_LetsThroughWhatTheTableSays()
    {
        ThreeNetworks networks = Make();
        Start();
        Serve();
        var wrong = new List<string>();
        foreach (string line in Expected.Split('\n').Where(line => !line.StartsWith('#')))
        {
            string[] parts = line.Split(':', 2);
            string[] values = parts[0].Split(' ', StringSplitOptions.RemoveEmptyEntries);
            Set(values[0], values[1], values[2]);
            wrong.AddRange(Differences(networks, parts[0], parts[1]));
        }

        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
    }

    private ThreeNetworks Make(bool isUp = true, string torUser = "nobody")
    {
        _networks = ThreeNetworks.Make(isUp);
        _trial.Write("/etc/qwamos/gateway.json", ThreeNetworks.Facts(torUser));
        return _networks;
    }

    private RunningProgram Start(params string[] wrapper) => _trial.StartGateway([.. ThreeNetworks.In(_networks!.Gateway), .. wrapper]);

    private void Serve()
    {
        _networks!.Help(_networks.Internet, ["serve", "net", "0", "tcp/80", "udp/1234", "udp/53", "udp/51820"]);
        _networks.Help(_networks.Dom0, ["serve", "dom0", "0", "tcp/80"]);
        string tor = $"{ThreeNetworks.TorUser}";
        _networks.Help(_networks.Gateway, ["serve", "trans", tor, "tcp/9040"]);
        _networks.Help(_networks.Gateway, ["serve", "dns", tor, "udp/5353"]);
        _networks.Help(_networks.Gateway, ["serve", "socks", tor, "tcp/9050"]);
        _networks.Help(_networks.Gateway, ["serve", "control", "0", "tcp/9443"]);
    }

    /// <summary>Sets all three keys and waits until they are in force.</summary>
    private void Set(string hardening, string tor, string killSwitch)
    {
        string args = $$"""{"RADIO_HARDENING.level":"{{hardening}}","TOR_ISOLATION":"{{tor}}","VPN_KILL_SWITCH":"{{killSwitch}}"}""";
        Assert.Equal("ok", _trial.Ask(_trial.Signer.SetPolicy(args), _trial.GatewaySocket).Code());
        Eventually.True(() => Outcome("TOR_ISOLATION") == "done", $"{args} is in force", () => Outcome("TOR_ISOLATION"));
    }

    private string Outcome(string key) => _trial.Ask("""{"msg":{"command":"get_status"}}"""u8, _trial.GatewaySocket).GetProperty("enforcement").GetProperty(key).GetString()!;

    private static IEnumerable<string> Differences(ThreeNetworks networks, string policy, string line)
    {
        string[] expected = [.. line.Split([' ', '|'], StringSplitOptions.RemoveEmptyEntries)];
        Assert.Equal(Probes.Length, expected.Length);
        var measured = Measure(networks, expected);
        return Probes.Zip(expected, (probe, answer) => (probe.Name, answer, Measured: measured.GetValueOrDefault(probe.Name, "-")))
            .Where(row => row.answer != row.Measured).Select(row => $"{policy}: {row.Name} is {row.Measured}, not {row.answer}");
    }

    private static Dictionary<string, string> Measure(ThreeNetworks networks, string[] expected)
    {
        var measured = new Dictionary<string, string>(StringComparer.Ordinal);
        var asked = Probes.Zip(expected).GroupBy(pair => (pair.First.From, pair.First.User)).AsParallel().WithDegreeOfParallelism(8).Select(group =>
        {
            string network = group.Key.From switch { "gateway" => networks.Gateway, "workstation" => networks.Workstation, _ => networks.Dom0 };
            return ThreeNetworks.Ask(network, group.Key.User, group.Select(pair => $"{pair.First.Name} {pair.First.Target} {(pair.Second == "-" ? '-' : '+')}"));
        });
        foreach (IReadOnlyDictionary<string, string> part in asked)
        {
            foreach ((string name, string by) in part)
                measured.Add(name, by);
        }

        return measured;
    }
}
