using Xunit;

namespace Qwamos.SystemTests.Harness;

/// <summary>
/// Network namespaces as the firewall meets them: workstation, gateway and internet, and Dom0's end of the control link. The gateway reaches 203.0.113.1 and
/// 2001:db8:1::1 at its interface `outside0`, and 203.0.113.2 and 2001:db8:2::1 through `tun0`.
/// </summary>
internal sealed class ThreeNetworks : IDisposable
{
    public const int TorUser = 65534;
    public const int OtherUser = 1;

    /// <summary>What each machine does (network.py).</summary>
    public static readonly string Program = Path.Combine(Binaries.Repository, "tests", "system", "network.py");

    private readonly string _name = "qw" + Guid.NewGuid().ToString("N")[..8];
    private readonly List<NetworkHelper> _helpers = [];

    private ThreeNetworks()
    {
    }

    public string Workstation => _name + "w";

    public string Gateway => _name + "g";

    public string Internet => _name + "i";

    public string Dom0 => _name + "d";

    /// <summary>Its firewall's part of gateway.json.</summary>
    public static string Facts(string torUser = "nobody") => $$$"""
        {"name":"gateway","class":"gateway","firewall":{"inside":["ins*"],"outside":["outside0"],"control":{"interface":"control0","port":9443},
        "tor":{"user":"{{{torUser}}}","trans_port":9040,"dns_port":5353,"socks_port":9050},
        "tunnel":{"interface":"tun0","endpoint":"10.2.0.2","port":51820,"protocol":"udp"} } }
        """;

    /// <summary>Skips the test, with the reason, where there can be none.</summary>
    /// <param name="isUp">The gateway's links are up.</param>
    public static ThreeNetworks Make(bool isUp = true)
    {
        Needs.Root();
        foreach (string tool in (string[])["nft", "ip", "python3"])
            Needs.Tool(tool);
        var networks = new ThreeNetworks();
        try
        {
            networks.Build();
            if (isUp)
                networks.BringUp();
            return networks;
        }
        catch
        {
            networks.Dispose();
            throw;
        }
    }

    /// <summary>The gateway's links, addresses and routes: as a boot's network manager brings them.</summary>
    public void BringUp()
    {
        foreach ((string link, int net) in (IEnumerable<(string, int)>)[("inside0", 1), ("outside0", 2), ("tun0", 3), ("control0", 4)])
        {
            Ip($"-n {Gateway} address add 10.{net}.0.1/24 dev {link}");
            Ip($"-n {Gateway} address add fd0{net}::1/64 dev {link} nodad");
            Ip($"-n {Gateway} link set {link} up");
        }

        // Slow as bringing an interface up can be, each end's own address for neighbours must be there before a packet is counted on.
        foreach (string target in (string[])["203.0.113.1/32 via 10.2.0.2", "203.0.113.2/32 via 10.3.0.2", "2001:db8:1::1/128 via fd02::2", "2001:db8:2::1/128 via fd03::2"])
            Ip($"-n {Gateway} route add {target}");
    }

    /// <summary>A command line that runs in a namespace, in the process that is started.</summary>
    public static string[] In(string network, params string[] command) => ["ip", "netns", "exec", network, .. command];

    public static CommandResult Run(string network, params string[] command) => Command.Run(In(network, command));

    /// <summary>Starts network.py; it is ready when this returns.</summary>
    public NetworkHelper Help(string network, string[] arguments, params string[] lines)
    {
        var helper = new NetworkHelper(In(network, ["python3", Program, .. arguments]), lines);
        _helpers.Add(helper);
        return helper;
    }

    /// <summary>Asks from a namespace as a user: who answered each probe, by its ID; those that nobody answered are absent.</summary>
    public static IReadOnlyDictionary<string, string> Ask(string network, int user, IEnumerable<string> probes)
    {
        CommandResult result = Command.Run(
            In(network, "python3", Program, "send", $"{user}", "0.6"), string.Concat(probes.Select(probe => probe + "\n")));
        Assert.True(result.ExitCode == 0, result.Error);
        return result.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(' ', 2)).ToDictionary(pair => pair[0], pair => pair[1], StringComparer.Ordinal);
    }

    public void Dispose()
    {
        foreach (NetworkHelper helper in _helpers)
            helper.Dispose();
        foreach (string network in (string[])[Workstation, Gateway, Internet, Dom0])
            Command.Run(["ip", "netns", "delete", network]);
    }

    private void Build()
    {
        foreach (string network in (string[])[Workstation, Gateway, Internet, Dom0])
        {
            CommandResult made = Command.Run(["ip", "netns", "add", network]);
            Assert.SkipUnless(made.ExitCode == 0, "needs permission to make network namespaces: " + made.Error);
            Ip($"-n {network} link set lo up");
        }

        CommandResult table = Run(Gateway, "nft", "add", "table", "inet", "probe");
        Assert.SkipUnless(table.ExitCode == 0, "needs a kernel with nftables: " + table.Error);
        Assert.Equal(0, Run(Gateway, "nft", "delete", "table", "inet", "probe").ExitCode);
        foreach ((string link, string peer, int net) in (IEnumerable<(string, string, int)>)[("inside0", Workstation, 1), ("outside0", Internet, 2), ("tun0", Internet, 3), ("control0", Dom0, 4)])
        {
            Ip($"-n {Gateway} link add {link} type veth peer name far{net} netns {peer}");
            Ip($"-n {peer} address add 10.{net}.0.2/24 dev far{net}");
            Ip($"-n {peer} address add fd0{net}::2/64 dev far{net} nodad");
            Ip($"-n {peer} link set far{net} up");
        }

        foreach (string setting in (string[])["net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1", "net.ipv4.conf.all.rp_filter=0"])
            Assert.Equal(0, Run(Gateway, "sysctl", "-qw", setting).ExitCode);
        foreach (string address in (string[])["203.0.113.1/32", "203.0.113.2/32", "2001:db8:1::1/128", "2001:db8:2::1/128"])
            Ip($"-n {Internet} address add {address} dev lo");
        Ip($"-n {Workstation} route add default via 10.1.0.1");
        Ip($"-n {Workstation} route add default via fd01::1");
    }

    private static void Ip(string arguments)
    {
        CommandResult result = Command.Run(["ip", .. arguments.Split(' ')]);
        Assert.True(result.ExitCode == 0, $"ip {arguments}: {result.Error}");
    }
}
