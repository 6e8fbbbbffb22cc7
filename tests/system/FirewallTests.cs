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

    private readonly FirewallTrial _trial = new();

    public void Dispose() => _trial.Dispose();

    [Fact]
    public void EveryPolicy_LetsThroughWhatTheTableSays()
    {
        ThreeNetworks networks = _trial.Make();
        _trial.Start();
        _trial.Serve();
        var wrong = new List<string>();
        foreach (string line in Expected.Split('\n').Where(line => !line.StartsWith('#')))
        {
            string[] parts = line.Split(':', 2);
            string[] values = parts[0].Split(' ', StringSplitOptions.RemoveEmptyEntries);
            _trial.Set(values[0], values[1], values[2]);
            wrong.AddRange(Differences(networks, parts[0], parts[1]));
        }

        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
    }

    [Fact]
    public void UnderEveryPolicy_FromTheControlLinksPort_NothingGoesToDom0_ThatDom0DidNotBegin()
    {
        ThreeNetworks networks = _trial.Make();
        RunningProgram gateway = _trial.Start();
        networks.Help(networks.Dom0, ["serve", "dom0", "0", "tcp/80"]);
        _trial.Await("TOR_ISOLATION", "closed until one of its enforcer's keys is set");
        Assert.Empty(Ask('-'));
        foreach (string line in Expected.Split('\n').Where(line => !line.StartsWith('#')))
        {
            string[] values = line.Split(':')[0].Split(' ', StringSplitOptions.RemoveEmptyEntries);
            _trial.Set(values[0], values[1], values[2]);
            Assert.Empty(Ask('-'));
        }

        // Once nothing stops it, it does.
        Assert.Equal(0, gateway.Stop());
        Assert.Equal(0, ThreeNetworks.Run(networks.Gateway, "nft", "flush", "ruleset").ExitCode);
        Assert.Equal(2, Ask('+').Count);

        IReadOnlyDictionary<string, string> Ask(char expected) =>
            ThreeNetworks.Ask(networks.Gateway, ThreeNetworks.OtherUser, [$"a tcp 10.4.0.2 80 {expected} 9443", $"b tcp fd04::2 80 {expected} 9443"]);
    }

    [Fact]
    public void AControlLinkThatStands_GoesOn_WhenTheKernelForgetsItsConnections_AndThroughTheFirewallsRestart_ThoughTheGatewaySendsFirst()
    {
        ThreeNetworks networks = _trial.Make();
        RunningProgram gateway = _trial.Start();
        _trial.Set("strict", "mandatory", "on");
        NetworkHelper holder = networks.Help(networks.Gateway, ["hold", "9443"]), dom0 = networks.Help(networks.Dom0, ["hear", "10.4.0.1", "9443"]);
        AssertHeard();
        Assert.Equal("forgot", ThreeNetworks.Run(networks.Gateway, "python3", ThreeNetworks.Program, "forget").Output.Trim());
        AssertHeard();
        _trial.Set("basic", "off", "off");
        AssertHeard();
        Assert.Equal(0, gateway.Stop());
        Assert.Equal(0, ThreeNetworks.Run(networks.Gateway, "nft", "flush", "ruleset").ExitCode);
        Assert.Equal(0, ThreeNetworks.Run(networks.Gateway, Binaries.Gateway, "baseline", "--root", _trial.Trial.Root).ExitCode);
        AssertHeard();
        _trial.Start();
        _trial.Await("TOR_ISOLATION", "done");
        AssertHeard();

        void AssertHeard()
        {
            Assert.Equal("sent", holder.Tell());
            Assert.Equal("heard", dom0.Tell());
        }
    }

    [Fact]
    public void AValueThatNeedsAFactThatIsMissing_IsFailed_AndAllIsClosedButTheControlLink()
    {
        ThreeNetworks networks = _trial.Make();
        string facts = ThreeNetworks.Facts();
        _trial.Trial.Write("/etc/qwamos/gateway.json", facts[..facts.IndexOf(",\n\"tunnel\"", StringComparison.Ordinal)] + "}}");
        _trial.Start();
        _trial.Serve();
        _trial.Set("basic", "mandatory", "off");
        _trial.Send("""{"VPN_KILL_SWITCH":"on"}""");
        _trial.Await("VPN_KILL_SWITCH", "failed: gateway.json does not say firewall.tunnel, which this value needs; closed meanwhile");
        Assert.Equal("failed: not without VPN_KILL_SWITCH, which is not in force; closed meanwhile", _trial.Outcome("TOR_ISOLATION"));
        AssertClosed(networks);
        _trial.Send("""{"VPN_KILL_SWITCH":"off"}""");
        _trial.Await("VPN_KILL_SWITCH", "done");
    }

    [Fact]
    public void AGatewayWhoseKeysWereNeverSet_StaysClosed_ForWhatItDoesNotKnowMayHaveBeenStricter()
    {
        ThreeNetworks networks = _trial.Make();
        _trial.Start();
        _trial.Serve();
        _trial.Await("TOR_ISOLATION", "closed until one of its enforcer's keys is set");
        AssertClosed(networks);
        _trial.Send("""{"VPN_KILL_SWITCH":"on"}""");
        _trial.Await("TOR_ISOLATION", "done");
    }

    [Fact]
    public void WhatWasCounted_IsKept_WhenARulesetTakesThePlaceOfAnother()
    {
        ThreeNetworks networks = _trial.Make();
        _trial.Start();
        _trial.Serve();
        _trial.Set("basic", "off", "off");
        Assert.Equal("control", ThreeNetworks.Ask(networks.Dom0, 0, ["a tcp 10.4.0.1 9443 +"])["a"]);
        long before = Counted("control");
        Assert.True(before > 0);
        _trial.Set("strict", "off", "off");
        Assert.Equal(before, Counted("control"));

        long Counted(string counter) => JsonDocument.Parse(ThreeNetworks.Run(networks.Gateway, "nft", "-j", "list", "counter", "inet", "qwamos", counter).Output)
            .RootElement.GetProperty("nftables")[1].GetProperty("counter").GetProperty("packets").GetInt64();
    }

    private static void AssertClosed(ThreeNetworks networks)
    {
        string[] wrong = [.. Differences(networks, "closed", Closed)];
        Assert.True(wrong.Length == 0, string.Join('\n', wrong));
    }

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
