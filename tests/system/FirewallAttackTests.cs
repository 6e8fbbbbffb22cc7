using Qwamos.SystemTests.Harness;
using Xunit;

namespace Qwamos.SystemTests;

/// <summary>
/// ATTACKS 32 and 33: packets are sent without pause while the firewall changes, fails, dies and starts, and the internet's end of the wire is watched; nft fails,
/// hangs and lies; somebody else changes the rules. Each test ends by opening the way, so that what was not seen before is seen then.
/// </summary>
public sealed class FirewallAttackTests : IDisposable
{
    private static readonly string[] ByOthers = ["udp 203.0.113.1 7001", "udp 2001:db8:1::1 7002", "tcp 203.0.113.1 7003"];
    private static readonly string[] ByWorkstation = ["udp 203.0.113.1 7011", "udp 2001:db8:1::1 7012", "tcp 203.0.113.1 7013", "udp 203.0.113.1 53"];
    private static readonly string[] ByChosenInterface =
    [
        "udp 10.1.0.1 7031 outside0", "udp fd01::1 7032 outside0", "tcp 10.1.0.1 7033 outside0", "tcp fd01::1 7034 outside0", "udp 203.0.113.1 53 outside0", "udp 2001:db8:1::1 53 outside0",
    ];
    private static readonly string[] ByTor = ["udp 203.0.113.1 7021", "tcp 2001:db8:1::1 7022"];

    private readonly FirewallTrial _trial = new();

    public void Dispose() => _trial.Dispose();

    [Fact]
    public void Attack33_250FlipsBetweenPoliciesThatSendWorkstationsToTor_LeakNothing()
    {
        Begin("basic", "mandatory", "off");
        NetworkHelper wire = Watch(), other = Flood(Gateway, ThreeNetworks.OtherUser, ByOthers), workstation = Flood(Workstation, 0, ByWorkstation);
        var random = new Random(33);
        for (int i = 0; i < 250; i++)
            _trial.Set(random.Next(2) == 0 ? "basic" : "strict", "mandatory", random.Next(2) == 0 ? "off" : "on");
        AssertNone(wire, [.. ByOthers, .. ByWorkstation]);
        AssertSeenOnceOpen(wire, [.. ByOthers, .. ByWorkstation]);
        AssertSent(other, workstation);
    }

    [Fact]
    public void Attack33_250FlipsBetweenPoliciesWithTheKillSwitch_LeakNothing_NotEvenTors()
    {
        Begin("basic", "optional", "on");
        NetworkHelper wire = Watch(), other = Flood(Gateway, ThreeNetworks.OtherUser, ByOthers), workstation = Flood(Workstation, 0, ByWorkstation), tor = Flood(Gateway, ThreeNetworks.TorUser, ByTor);
        string[] isolations = ["off", "optional", "mandatory"];
        var random = new Random(34);
        for (int i = 0; i < 250; i++)
            _trial.Set(random.Next(2) == 0 ? "basic" : "strict", isolations[random.Next(3)], "on");
        AssertNone(wire, [.. ByOthers, .. ByWorkstation, .. ByTor]);
        AssertSeenOnceOpen(wire, [.. ByOthers, .. ByWorkstation, .. ByTor]);
        AssertSent(other, workstation, tor);
    }

    [Fact]
    public void Attack33_StopKillRestartAndARulesetThatCannotBe_LeakNothing()
    {
        RunningProgram gateway = Begin("strict", "mandatory", "on");
        NetworkHelper wire = Watch(), other = Flood(Gateway, ThreeNetworks.OtherUser, ByOthers), workstation = Flood(Workstation, 0, ByWorkstation), tor = Flood(Gateway, ThreeNetworks.TorUser, ByTor);
        string[] all = [.. ByOthers, .. ByWorkstation, .. ByTor];
        gateway.Kill9();
        AssertNone(wire, all);
        gateway = _trial.Start();
        _trial.Await("TOR_ISOLATION", "done");
        AssertNone(wire, all);
        Assert.Equal(0, gateway.Stop());
        AssertNone(wire, all);

        _trial.Trial.Write("/etc/qwamos/gateway.json", ThreeNetworks.Facts(torUser: "no-such-user"));
        gateway = _trial.Start();
        _trial.Await("TOR_ISOLATION", "failed: there is no user no-such-user here, who is Tor by gateway.json; closed meanwhile");
        _trial.Send("""{"VPN_KILL_SWITCH":"off","TOR_ISOLATION":"off"}""");
        _trial.Await("VPN_KILL_SWITCH", "failed: there is no user no-such-user here, who is Tor by gateway.json; closed meanwhile");
        AssertNone(wire, all);
        Assert.Equal("control", ThreeNetworks.Ask(_trial.Networks.Dom0, 0, ["a tcp 10.4.0.1 9443 +"])["a"]);
        AssertSeenOnceOpen(wire, all);
        AssertSent(other, workstation, tor);
    }

    [Theory]
    [InlineData("basic", "off")]
    [InlineData("strict", "on")]
    public void Attack33_AProgramThatChoosesItsInterface_GetsNothingOut_ToThisMachinesOwnAddresses_NorDnsThatIsTors(string hardening, string killSwitch)
    {
        Begin(hardening, "optional", killSwitch);
        foreach (string way in (string[])["10.2.0.2", "fd02::2"])
            Assert.Equal(0, ThreeNetworks.Run(Gateway, "ip", "route", "add", "default", "via", way).ExitCode);
        NetworkHelper wire = Watch(), other = Flood(Gateway, ThreeNetworks.OtherUser, ByChosenInterface);
        // Redirected it would leave to Tor's port of 127.0.0.1.
        string[] all = [.. ByChosenInterface, "udp 127.0.0.1 5353"];
        AssertNone(wire, all);
        // Between the machine's own addresses it is as before, and so is DNS without an interface of one's choice.
        Assert.Equal("socks", ThreeNetworks.Ask(Gateway, ThreeNetworks.OtherUser, ["a tcp 10.1.0.1 9050 +"])["a"]);
        Assert.Equal("socks", ThreeNetworks.Ask(Gateway, ThreeNetworks.OtherUser, ["a tcp fd01::1 9050 +"])["a"]);
        if (hardening == "basic")
            Assert.Equal("dns", ThreeNetworks.Ask(Gateway, ThreeNetworks.OtherUser, ["a udp 2001:db8:1::1 53 +"])["a"]);
        AssertNone(wire, all);
        AssertSeenOnceOpen(wire, ByChosenInterface);
        AssertSent(other);
    }

    [Fact]
    public void Attack33_ABoot_IsClosedByTheBaseline_UntilTheDaemonLoadsWhatWasPolicyBefore()
    {
        RunningProgram gateway = Begin("strict", "mandatory", "on");
        Assert.Equal(0, gateway.Stop());
        ThreeNetworks networks = _trial.Make(isUp: false);
        NetworkHelper wire = Watch(), other = Flood(Gateway, ThreeNetworks.OtherUser, ByOthers), workstation = Flood(Workstation, 0, ByWorkstation), tor = Flood(Gateway, ThreeNetworks.TorUser, ByTor);
        string[] all = [.. ByOthers, .. ByWorkstation, .. ByTor];
        CommandResult baseline = ThreeNetworks.Run(Gateway, Binaries.Gateway, "baseline", "--root", _trial.Trial.Root);
        Assert.True(baseline.ExitCode == 0, baseline.Error);
        networks.BringUp();
        _trial.Serve();
        Assert.Equal("control", ThreeNetworks.Ask(networks.Dom0, 0, ["a tcp 10.4.0.1 9443 +"])["a"]);
        Assert.Empty(ThreeNetworks.Ask(Gateway, ThreeNetworks.TorUser, ["tunnel tcp 203.0.113.2 80 -", "outside tcp 203.0.113.1 80 -"]));
        AssertNone(wire, all);

        _trial.Start();
        _trial.Await("TOR_ISOLATION", "done");
        Assert.Equal("net", ThreeNetworks.Ask(Gateway, ThreeNetworks.TorUser, ["tunnel tcp 203.0.113.2 80 +"])["tunnel"]);
        AssertNone(wire, all);
        AssertSeenOnceOpen(wire, all);
        AssertSent(other, workstation, tor);
    }

    [Theory]
    [InlineData("""{"name":"gateway","class":"gateway"}""", 0, "asks for no firewall: nothing is closed.", false)]
    [InlineData("""{"name":"gateway","class":"gateway","firewall":{"outside":["outside0"],"contorl":{}}}""", 1, "unknown member \"contorl\" (known: control, inside, outside, tor, tunnel); the firewall is closed, the control link with it", true)]
    public void Baseline_WithoutAFirewall_ClosesNothing_AndWithFactsThatCannotBeRead_ClosesAll(string facts, int exitCode, string said, bool isClosed)
    {
        _trial.Make();
        _trial.Trial.Write("/etc/qwamos/gateway.json", facts);
        CommandResult baseline = ThreeNetworks.Run(Gateway, Binaries.Gateway, "baseline", "--root", _trial.Trial.Root);
        Assert.Equal(exitCode, baseline.ExitCode);
        Assert.Contains(said, baseline.Output + baseline.Error, StringComparison.Ordinal);
        _trial.Serve();
        Assert.Equal(isClosed ? 0 : 1, ThreeNetworks.Ask(_trial.Networks.Dom0, 0, [$"a tcp 10.4.0.1 9443 {(isClosed ? '-' : '+')}"]).Count);
    }

    [Fact]
    public void Attack32_Baseline_TriesAgain_WhenNftFails()
    {
        _trial.Make();
        string real = _trial.Trial.At("/nft"), failing = _trial.Trial.At("/failing-nft"), tries = _trial.Trial.At("/tries");
        File.Copy("/usr/sbin/nft", real);
        _trial.Trial.Write("/failing-nft", $"#!/bin/sh\necho x >>{tries}\n[ $(wc -l <{tries}) -gt 2 ] || {{ echo not yet; exit 1; }}\nexec {real} \"$@\"\n", (UnixFileMode)0b111_101_101);
        CommandResult baseline = ThreeNetworks.Run(
            Gateway, "unshare", "-m", "sh", "-c", $"mount --bind {failing} /usr/sbin/nft && exec \"$@\"", "sh", Binaries.Gateway, "baseline", "--root", _trial.Trial.Root);
        Assert.Equal("the firewall cannot be closed yet: nft: exit code 1: not yet; trying again\n", baseline.Error);
        Assert.Equal(0, baseline.ExitCode);
        Assert.Contains("policy drop", Listed(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("flush ruleset")]
    [InlineData("delete table inet qwamos")]
    [InlineData("insert rule inet qwamos output accept")]
    [InlineData("flush chain inet qwamos departing")]
    [InlineData("delete chain inet qwamos departing")]
    [InlineData("flush chain inet qwamos output")]
    [InlineData("chain inet qwamos output { policy accept; }")]
    [InlineData("add table inet qwamos { flags dormant; }")]
    [InlineData("add set inet qwamos x { type ipv4_addr; }")]
    [InlineData("add chain inet qwamos early { type filter hook output priority -300; policy accept; }")]
    public void Drift_IsSeen_Logged_AndPutRight(string change)
    {
        RunningProgram gateway = Begin("strict", "mandatory", "on");
        string desired = Listed();
        CommandResult changed = ThreeNetworks.Run(Gateway, ["nft", .. change.Split(' ')]);
        Assert.True(changed.ExitCode == 0, changed.Error);
        gateway.WaitForLog("drift of RADIO_HARDENING.level, TOR_ISOLATION, VPN_KILL_SWITCH: ");
        Eventually.True(() => Listed() == desired, "the rules are back", Listed);
        _trial.Await("TOR_ISOLATION", "done");
    }

    [Fact]
    public void Drift_ThatIsOnlyWarnedOf_IsShown_AndLeft()
    {
        _trial.Make();
        string facts = ThreeNetworks.Facts().TrimEnd();
        _trial.Trial.Write("/etc/qwamos/gateway.json", facts[..^1] + ""","drift":{"RADIO_HARDENING.level":"warn","TOR_ISOLATION":"warn","VPN_KILL_SWITCH":"warn"}}""");
        RunningProgram gateway = _trial.Start();
        _trial.Set("strict", "mandatory", "on");
        Assert.Equal(0, ThreeNetworks.Run(Gateway, "nft", "insert", "rule", "inet", "qwamos", "output", "accept").ExitCode);
        _trial.Await("TOR_ISOLATION", "drifted: rule 1 of chain output is another");
        Assert.Contains("accept", Listed(), StringComparison.Ordinal);
        Assert.Contains("; left as it is, as gateway.json says", gateway.Log, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("case \"$*\" in '-f -') cat >/dev/null ;; *) exec \"$real\" \"$@\" ;; esac", "failed: it was applied, and is not there: rule 2 of chain input is another; closed meanwhile")]
    [InlineData("case \"$*\" in '-f -') sed '/skuid/q1' >\"$real.in\" || { echo no; exit 1; }; exec \"$real\" -f \"$real.in\" ;; *) exec \"$real\" \"$@\" ;; esac", "failed: nft: exit code 1: no; closed meanwhile")]
    [InlineData("case \"$*\" in '-c -f -') sleep 1000 ;; *) exec \"$real\" \"$@\" ;; esac", "failed: nft: still running after 5 s, killed; closed meanwhile")]
    public void Attack32_NftThatLiesFailsOrHangs_IsFoundOut_AndNothingOpens(string script, string expected)
    {
        ThreeNetworks networks = _trial.Make();
        string real = _trial.Trial.At("/nft"), false_ = _trial.Trial.At("/false-nft");
        File.Copy("/usr/sbin/nft", real);
        _trial.Trial.Write("/false-nft", $"#!/bin/sh\nreal={real}\n{script}\n", (UnixFileMode)0b111_101_101);
        Assert.Equal(0, ThreeNetworks.Run(networks.Gateway, Binaries.Gateway, "baseline", "--root", _trial.Trial.Root).ExitCode);
        _trial.Start("unshare", "-m", "sh", "-c", $"mount --bind {false_} /usr/sbin/nft && exec \"$@\"", "sh");
        _trial.Send("""{"TOR_ISOLATION":"off"}""");
        _trial.Await("TOR_ISOLATION", expected);
        _trial.Serve();
        Assert.Empty(ThreeNetworks.Ask(Gateway, ThreeNetworks.TorUser, ["a tcp 203.0.113.1 80 -"]));
        Assert.Empty(ThreeNetworks.Ask(Workstation, 0, ["a tcp 203.0.113.1 80 -", "b udp 203.0.113.1 1234 -"]));
        Assert.Equal("control", ThreeNetworks.Ask(networks.Dom0, 0, ["a tcp 10.4.0.1 9443 +"])["a"]);
    }

    private string Gateway => _trial.Networks.Gateway;

    private string Workstation => _trial.Networks.Workstation;

    private RunningProgram Begin(string hardening, string tor, string killSwitch)
    {
        _trial.Make();
        RunningProgram gateway = _trial.Start();
        _trial.Serve();
        _trial.Set(hardening, tor, killSwitch);
        return gateway;
    }

    private NetworkHelper Watch() => _trial.Networks.Help(_trial.Networks.Internet, ["count", "far2"]);

    private NetworkHelper Flood(string network, int user, string[] targets) => _trial.Networks.Help(network, ["flood", $"{user}"], targets);

    private string Listed() => ThreeNetworks.Run(Gateway, "nft", "-s", "list", "ruleset").Output;

    private static void AssertNone(NetworkHelper wire, string[] targets)
    {
        string[] seen = Seen(wire);
        Assert.DoesNotContain(targets, target => seen.Contains(Name(target)));
    }

    private void AssertSeenOnceOpen(NetworkHelper wire, string[] targets)
    {
        // Again and again, for the daemon closes it.
        Eventually.True(() =>
        {
            ThreeNetworks.Run(Gateway, "nft", "flush", "ruleset");
            Thread.Sleep(100);
            string[] seen = Seen(wire);
            return targets.All(target => seen.Contains(Name(target)));
        }, "all that was sent is seen once the firewall is gone", wire.Tell);
    }

    private static void AssertSent(params NetworkHelper[] floods) => Assert.All(floods, flood => Assert.True(int.Parse(flood.End(), System.Globalization.CultureInfo.InvariantCulture) > 100));

    private static string[] Seen(NetworkHelper wire) => [.. wire.Tell().Split(", ").Select(part => part.Split(':')[0])];

    private static string Name(string target) => target.Split(' ') is [var protocol, _, var port, ..] ? $"{protocol} {port}" : "";
}
