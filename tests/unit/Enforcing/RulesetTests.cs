using System.Text.RegularExpressions;
using Qwamos.ControlBus.Policy;
using Qwamos.Gateway.Enforcing.Firewall;
using Xunit;

namespace Qwamos.ControlBus.Tests.Enforcing;

/// <summary>The firewall as a pure function: whole rulesets of a few policies, and what holds for each of them. tests/system/FirewallTests measures what they do to packets.</summary>
public sealed partial class RulesetTests
{
    private static readonly IReadOnlyDictionary<string, CounterValue> Nothing = new Dictionary<string, CounterValue>();

    public static TheoryData<bool, string, bool> Policies() => Facts.Policies();

    [Fact]
    public void Closed_LetsNothingPassButTheControlLink() => Assert.Equal("""
        chain input {
        type filter hook input priority 0; policy drop;
        iifname "eth2" tcp dport 9443 counter name "control" accept
        iifname "lo" accept
        icmpv6 type nd-neighbor-solicit ip6 hoplimit 255 accept
        icmpv6 type nd-neighbor-advert ip6 hoplimit 255 accept
        icmpv6 type nd-router-solicit ip6 hoplimit 255 accept
        icmpv6 type nd-router-advert ip6 hoplimit 255 accept
        counter name "dropped_in" drop
        }
        chain forward {
        type filter hook forward priority 0; policy drop;
        counter name "dropped_forward" drop
        }
        chain output {
        type filter hook output priority 0; policy drop;
        oifname "eth2" tcp sport 9443 tcp flags rst,ack counter name "control" accept
        oifname "lo" accept
        icmpv6 type nd-neighbor-solicit ip6 hoplimit 255 accept
        icmpv6 type nd-neighbor-advert ip6 hoplimit 255 accept
        icmpv6 type nd-router-solicit ip6 hoplimit 255 accept
        icmpv6 type nd-router-advert ip6 hoplimit 255 accept
        counter name "dropped_out" drop
        }
        """, Chains(Ruleset.Closed(Facts.Full.Control)));

    [Fact]
    public void BasicOptional_ForwardsDirectly_AndSendsThisMachinesDnsToTor()
    {
        string text = Chains(For(false, "Optional", false));
        Assert.Equal("""
            iifname "eth1" oifname "eth0" counter name "forwarded" accept
            iifname "eth1" oifname "wg0" counter name "forwarded" accept
            iifname "eth0" oifname "eth1" ct direction reply ct state established,related accept
            iifname "wg0" oifname "eth1" ct direction reply ct state established,related accept
            counter name "dropped_forward" drop
            """, Rules(text, "forward"));
        Assert.Equal("""
            oifname "eth2" tcp sport 9443 tcp flags rst,ack counter name "control" accept
            oifname "eth1" udp sport 67 accept
            fib daddr type local accept
            oifname "eth1" ct direction reply ct state established,related accept
            oifname "eth0" ip daddr 198.51.100.7 udp dport 51820 counter name "tunnel" accept
            oifname "eth0" meta skuid 107 counter name "tor" accept
            oifname "wg0" meta skuid 107 counter name "tor" accept
            oifname "lo" accept
            icmpv6 type nd-neighbor-solicit ip6 hoplimit 255 accept
            icmpv6 type nd-neighbor-advert ip6 hoplimit 255 accept
            icmpv6 type nd-router-solicit ip6 hoplimit 255 accept
            icmpv6 type nd-router-advert ip6 hoplimit 255 accept
            counter name "dropped_out" drop
            """, Rules(text, "output"));
        Assert.Equal("meta skuid != 107 fib daddr type != local udp dport 53 counter name \"redirected\" redirect to :5353", Rules(text, "output_nat"));
        Assert.Equal("iifname \"eth1\" fib daddr type local udp dport 53 counter name \"redirected\" redirect to :5353", Rules(text, "prerouting"));
        Assert.Equal("iifname \"eth1\" oifname \"eth0\" masquerade\niifname \"eth1\" oifname \"wg0\" masquerade", Rules(text, "postrouting"));
    }

    [Fact]
    public void StrictMandatoryKillSwitch_SendsWorkstationsToTor_AndTorThroughTheTunnel()
    {
        string text = Chains(For(true, "Mandatory", true));
        Assert.Equal("counter name \"dropped_forward\" drop", Rules(text, "forward"));
        Assert.Equal("""
            oifname "eth2" tcp sport 9443 tcp flags rst,ack counter name "control" accept
            ct direction original ct status dnat counter name "dropped_out" drop
            oifname "eth1" udp sport 67 accept
            fib daddr type local accept
            oifname "eth1" ct direction reply ct state established,related accept
            oifname "eth0" ip daddr 198.51.100.7 udp dport 51820 counter name "tunnel" accept
            oifname "wg0" meta skuid 107 counter name "tor" accept
            """, string.Join('\n', Rules(text, "output").Split('\n')[..7]));
        Assert.Equal("""
            iifname "eth1" udp dport 53 counter name "redirected" redirect to :5353
            iifname "eth1" fib daddr type != local meta l4proto tcp counter name "redirected" redirect to :9040
            """, Rules(text, "prerouting"));
        Assert.Equal("", Rules(text, "output_nat"));
        Assert.Equal("", Rules(text, "postrouting"));
    }

    [Theory]
    [MemberData(nameof(Policies))]
    public void EveryPolicy_AcceptsTheControlLinkFirst_AndDropsWhatNoRuleTakes(bool strict, string tor, bool killSwitch)
    {
        string text = Chains(For(strict, tor, killSwitch));
        Assert.Equal("iifname \"eth2\" tcp dport 9443 counter name \"control\" accept", Rules(text, "input").Split('\n')[0]);
        Assert.Equal("oifname \"eth2\" tcp sport 9443 tcp flags rst,ack counter name \"control\" accept", Rules(text, "output").Split('\n')[0]);
        foreach (string chain in (string[])["input", "forward", "output"])
        {
            Assert.Contains($"type filter hook {chain} priority 0; policy drop;", text, StringComparison.Ordinal);
            Assert.EndsWith("drop", Rules(text, chain), StringComparison.Ordinal);
        }

        // What `output` takes for this machine's own must not leave by an interface that a program chose.
        Assert.Equal("oifname != \"lo\" fib daddr type local counter name \"dropped_out\" drop", Rules(text, "departing"));
        Assert.Contains("type filter hook postrouting priority 0; policy accept;", text, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Policies))]
    public void EveryPolicy_LetsOut_OnlyTorsUser_TheTunnelsOwnPackets_AndWhatItForwards(bool strict, string tor, bool killSwitch)
    {
        string text = Chains(For(strict, tor, killSwitch));
        string[] ways = Rules(text, "output").Split('\n').Where(rule => rule.Contains("\"eth0\"", StringComparison.Ordinal) || rule.Contains("\"wg0\"", StringComparison.Ordinal)).ToArray();
        const string Tunnel = "oifname \"eth0\" ip daddr 198.51.100.7 udp dport 51820 counter name \"tunnel\" accept";
        string[] tors = [.. ((string[])["eth0", "wg0"]).Where(way => !killSwitch || way == "wg0").Select(way => $"oifname \"{way}\" meta skuid 107 counter name \"tor\" accept")];
        Assert.Equal([Tunnel, .. tors], ways);
        // No accept goes by the state of a connection alone, but for replies.
        Assert.All(text.Split('\n').Where(rule => rule.Contains("established", StringComparison.Ordinal)), rule => Assert.Contains("ct direction reply", rule, StringComparison.Ordinal));

        bool forwards = Rules(text, "forward") != "counter name \"dropped_forward\" drop";
        Assert.Equal(!strict && tor != "Mandatory", forwards);
        Assert.Equal(forwards && !killSwitch, Rules(text, "forward").Contains("oifname \"eth0\"", StringComparison.Ordinal));
        Assert.Equal(Rules(text, "forward").Contains("oifname \"eth0\"", StringComparison.Ordinal), Rules(text, "postrouting").Contains("eth0", StringComparison.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Policies))]
    public void EveryPolicy_FitsIntoAPipe_ForTheLargestMachine(bool strict, string tor, bool killSwitch) => Assert.InRange(
        Ruleset.For(Facts.Policy(strict, tor, killSwitch), Facts.Largest, uint.MaxValue - 1).ToText(Ruleset.Counters.ToDictionary(name => name, _ => new CounterValue(long.MaxValue, long.MaxValue))).Length,
        1, Limits.MaxRulesetBytes);

    [Fact]
    public void TheFile_TakesThePlaceOfTheTable_InOneTransaction_AndKeepsWhatWasCounted()
    {
        string text = Ruleset.Closed(null).ToText(new Dictionary<string, CounterValue> { ["control"] = new(3, 180) });
        Assert.StartsWith("table inet qwamos\ndelete table inet qwamos\ntable inet qwamos {\n\tcounter control {\n\t\tpackets 3 bytes 180\n\t}\n\tcounter tor {\n\t\tpackets 0 bytes 0\n\t}\n", text, StringComparison.Ordinal);
        Assert.DoesNotContain("flush", text, StringComparison.Ordinal);
        Assert.Equal(Ruleset.Counters.Count, CounterLine().Count(text));
        Assert.All(Counter().Matches(text), name => Assert.Contains(name.Groups[1].Value, Ruleset.Counters));
    }

    [Theory]
    [InlineData("basic", "optional", "off", "")]
    [InlineData("strict", "mandatory", "on", "RADIO_HARDENING.level: tor; TOR_ISOLATION: tor.trans_port; VPN_KILL_SWITCH: tunnel")]
    [InlineData("basic", "off", "off", "RADIO_HARDENING.level: tor")]
    public void AValueThatNeedsAFactThatIsMissing_IsAFaultOfItsKey(string hardening, string tor, string killSwitch, string missing)
    {
        FirewallFacts facts = missing.Length == 0 ? Facts.Full : Facts.Full with { Tor = null, Tunnel = null };
        var faults = new SortedDictionary<string, string>(StringComparer.Ordinal);
        FirewallPolicy.From(Facts.Values(hardening, tor, killSwitch), faults).FindMissing(facts, faults);
        Assert.Equal(missing, string.Join("; ", faults.Select(fault => $"{fault.Key}: {fault.Value.Replace("gateway.json does not say firewall.", "", StringComparison.Ordinal).Replace(", which this value needs", "", StringComparison.Ordinal)}")));
    }

    [Theory]
    [InlineData("basic", "optional", null, "RADIO_HARDENING.level")]
    [InlineData("strict", "optional", null, "")]
    [InlineData("strict", "mandatory", null, "TOR_ISOLATION")]
    public void ThePortsThatAValueNeeds_AreThatKeysFault(string hardening, string tor, int? dnsPort, string key)
    {
        var faults = new Dictionary<string, string>(StringComparer.Ordinal);
        FirewallPolicy.From(Facts.Values(hardening, tor), faults).FindMissing(Facts.Full with { Tor = Facts.Full.Tor! with { DnsPort = dnsPort } }, faults);
        Assert.Equal(key, string.Join(' ', faults.Keys));
    }

    [Fact]
    public void AValueOfAnotherSchema_IsAFault_AndCountsAsTheStrictest()
    {
        var faults = new Dictionary<string, string>(StringComparer.Ordinal);
        Assert.Equal(TorIsolation.Mandatory, FirewallPolicy.From(Facts.Values(tor: "sometimes"), faults).Tor);
        Assert.Equal(FirewallFacts.TorIsolation, Assert.Single(faults).Key);
    }

    private static Ruleset For(bool strict, string tor, bool killSwitch) => Ruleset.For(Facts.Policy(strict, tor, killSwitch), Facts.Full, Facts.TorUser);

    /// <summary>The chains without indents and counters.</summary>
    private static string Chains(Ruleset ruleset)
    {
        string text = ruleset.ToText(Nothing);
        return string.Join('\n', text[text.IndexOf("\tchain", StringComparison.Ordinal)..].Split('\n').Select(line => line.Trim()))[..^"\n}\n".Length];
    }

    private static string Rules(string chains, string chain) =>
        Regex.Match(chains, $@"chain {chain} \{{\n.*;\n((?:[^}}]*\n)?)\}}").Groups[1].Value.TrimEnd('\n');

    [GeneratedRegex(@"^\tcounter \w+ \{$", RegexOptions.Multiline)]
    private static partial Regex CounterLine();

    [GeneratedRegex("counter name \"(\\w+)\"")]
    private static partial Regex Counter();
}
