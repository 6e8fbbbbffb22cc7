using System.Text;
using Qwamos.ControlBus.Json;
using Qwamos.Gateway.Enforcing.Firewall;
using Xunit;

namespace Qwamos.ControlBus.Tests.Enforcing;

/// <summary>What `nft -j -p list table inet qwamos` printed (version 1.0.6) after `gateway-policyd baseline`, with chains shortened, and what may be changed in it without being noticed: handles and counts.</summary>
public sealed class RulesetListingTests
{
    private const string Closed = """
        {"nftables": [{"metainfo": {"version": "1.0.6", "release_name": "Lester Gooch #5", "json_schema_version": 1}},
        {"table": {"family": "inet", "name": "qwamos", "handle": 41}},
        COUNTERS
        {"chain": {"family": "inet", "table": "qwamos", "name": "input", "handle": 9, "type": "filter", "hook": "input", "prio": 0, "policy": "drop"}},
        {"chain": {"family": "inet", "table": "qwamos", "name": "forward", "handle": 10, "type": "filter", "hook": "forward", "prio": 0, "policy": "drop"}},
        {"chain": {"family": "inet", "table": "qwamos", "name": "output", "handle": 11, "type": "filter", "hook": "output", "prio": 0, "policy": "drop"}},
        {"rule": {"family": "inet", "table": "qwamos", "chain": "input", "handle": 12, "expr": [{"match": {"op": "==", "left": {"meta": {"key": "iifname"}}, "right": "eth2"}}, {"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 9443}}, {"counter": "control"}, {"accept": null}]}},
        {"rule": {"family": "inet", "table": "qwamos", "chain": "input", "handle": 13, "expr": [{"match": {"op": "==", "left": {"meta": {"key": "iifname"}}, "right": "lo"}}, {"accept": null}]}},
        NEIGHBOURS input
        {"rule": {"family": "inet", "table": "qwamos", "chain": "input", "handle": 18, "expr": [{"counter": "dropped_in"}, {"drop": null}]}},
        {"rule": {"family": "inet", "table": "qwamos", "chain": "forward", "handle": 19, "expr": [{"counter": "dropped_forward"}, {"drop": null}]}},
        {"rule": {"family": "inet", "table": "qwamos", "chain": "output", "handle": 20, "expr": [{"match": {"op": "==", "left": {"meta": {"key": "oifname"}}, "right": "eth2"}}, {"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "sport"}}, "right": 9443}}, {"match": {"op": "in", "left": {"payload": {"protocol": "tcp", "field": "flags"}}, "right": ["rst", "ack"]}}, {"counter": "control"}, {"accept": null}]}},
        {"rule": {"family": "inet", "table": "qwamos", "chain": "output", "handle": 21, "expr": [{"match": {"op": "==", "left": {"meta": {"key": "oifname"}}, "right": "lo"}}, {"accept": null}]}},
        NEIGHBOURS output
        {"rule": {"family": "inet", "table": "qwamos", "chain": "output", "handle": 26, "expr": [{"counter": "dropped_out"}, {"drop": null}]}}]}
        """;

    private static readonly string Listing = Expand(Closed);

    [Fact]
    public void WhatWasLoaded_IsNoDifference() => Assert.Null(Difference(Listing));

    [Fact]
    public void HandlesAndCounts_AreNoDifference() => Assert.Null(Difference(Listing.Replace("\"handle\": 1", "\"handle\": 7", StringComparison.Ordinal).Replace("\"packets\": 3", "\"packets\": 4", StringComparison.Ordinal)));

    [Theory]
    [InlineData("\"handle\": 41", "\"handle\": 41, \"flags\": [\"dormant\"]", "the table has another name, or marks")]
    [InlineData("\"name\": \"qwamos\"", "\"name\": \"other\"", "the table has another name, or marks")]
    [InlineData("\"hook\": \"output\", \"prio\": 0, \"policy\": \"drop\"", "\"hook\": \"output\", \"prio\": 0, \"policy\": \"accept\"", "the chain output has another hook, priority or policy")]
    [InlineData("\"hook\": \"output\", \"prio\": 0,", "\"hook\": \"output\", \"prio\": 300,", "the chain output has another hook, priority or policy")]
    [InlineData("\"hook\": \"output\"", "\"hook\": \"ingress\"", "the chain output has another hook, priority or policy")]
    [InlineData("\"name\": \"output\"", "\"name\": \"outputs\"", "there is a chain outputs that is none of ours")]
    [InlineData("{\"drop\": null}]}}]}", "{\"accept\": null}]}}]}", "rule 7 of chain output is another")]
    [InlineData("\"right\": 9443", "\"right\": 9444", "rule 1 of chain input is another")]
    [InlineData("{\"match\": {\"op\": \"in\", \"left\": {\"payload\": {\"protocol\": \"tcp\", \"field\": \"flags\"}}, \"right\": [\"rst\", \"ack\"]}}, ", "", "rule 1 of chain output is another")]
    [InlineData("{\"counter\": \"dropped_forward\"}, ", "", "rule 1 of chain forward is another")]
    [InlineData("{\"rule\": {\"family\": \"inet\", \"table\": \"qwamos\", \"chain\": \"forward\", \"handle\": 19, \"expr\": [{\"counter\": \"dropped_forward\"}, {\"drop\": null}]}},", "", "chain forward has 0 rules, not 1")]
    [InlineData("{\"table\"", "{\"set\": {\"family\": \"inet\", \"name\": \"x\", \"table\": \"qwamos\"}}, {\"table\"", "there is a set x that is none of ours")]
    [InlineData("\"name\": \"tor\"", "\"name\": \"rot\"", "there is a counter rot that is none of ours")]
    public void AnythingElse_IsADifference(string right, string wrong, string expected)
    {
        int at = Listing.IndexOf(right, StringComparison.Ordinal);
        Assert.True(at >= 0);
        Assert.Equal(expected, Difference(Listing[..at] + wrong + Listing[(at + right.Length)..]));
    }

    [Fact]
    public void ARuleTooMany_IsADifference() =>
        Assert.Equal("chain output has 8 rules, not 7", Difference(Listing[..^2] + ",{\"rule\": {\"family\": \"inet\", \"table\": \"qwamos\", \"chain\": \"output\", \"handle\": 27, \"expr\": [{\"accept\": null}]}}]}"));

    [Fact]
    public void CountersMissing_AreADifference() =>
        Assert.Equal("there is no counter control", Difference(Closed.Replace("COUNTERS", "", StringComparison.Ordinal).Replace("NEIGHBOURS input", "", StringComparison.Ordinal).Replace("NEIGHBOURS output", "", StringComparison.Ordinal)));

    [Fact]
    public void OneFlag_MayBeShownAsAListOrByItself()
    {
        Ruleset desired = Ruleset.For(Facts.Policy(false, "Optional", false), Facts.Full, Facts.TorUser);
        string local = JsonValue.Array(desired.Chains[2].Rules.Single(rule => rule[0] == NftStatement.ToThisMachine).Select(statement => statement.Json)).ToString();
        Assert.Contains("""{"result":"type","flags":["daddr"]}""", local, StringComparison.Ordinal);
        string all = Rendered(desired);
        Assert.Null(Parse(all).DifferenceFrom(desired));
        Assert.Null(Parse(all.Replace("[\"daddr\"]", "\"daddr\"", StringComparison.Ordinal)).DifferenceFrom(desired));
    }

    [Fact]
    public void WhatWasCounted_IsRead_OfOurCountersAlone()
    {
        IReadOnlyDictionary<string, CounterValue> counted = Parse(Listing).Counted();
        Assert.Equal(Ruleset.Counters.Order(StringComparer.Ordinal), counted.Keys.Order(StringComparer.Ordinal));
        Assert.Equal(new CounterValue(3, 180), counted["tor"]);
        Assert.Empty(Parse(Listing.Replace("\"packets\": 3", "\"packets\": -3", StringComparison.Ordinal)).Counted());
    }

    [Theory]
    [InlineData("")]
    [InlineData("Error: No such file or directory")]
    [InlineData("{}")]
    [InlineData("""{"nftables":{}}""")]
    [InlineData("""{"nftables":[1]}""")]
    [InlineData("""{"nftables":[{"table":{},"chain":{}}]}""")]
    [InlineData("""{"nftables":[],"nftables":[]}""")]
    public void WhatIsNoListing_IsRefused(string text)
    {
        Assert.False(RulesetListing.TryParse(Encoding.UTF8.GetBytes(text), out _, out string? fault));
        Assert.NotEqual("", fault);
    }

    private static string? Difference(string listing) => Parse(listing).DifferenceFrom(Ruleset.Closed(Facts.Full.Control));

    private static RulesetListing Parse(string text)
    {
        Assert.True(RulesetListing.TryParse(Encoding.UTF8.GetBytes(text), out RulesetListing? listing, out string? fault), fault);
        return listing;
    }

    private static string Expand(string listing)
    {
        string counters = string.Join("\n", Ruleset.Counters.Select(name => $$$"""{"counter": {"family": "inet", "name": "{{{name}}}", "table": "qwamos", "handle": 1, "packets": 3, "bytes": 180}},"""));
        foreach (string chain in (string[])["input", "output"])
        {
            string rules = string.Join("\n", ((string[])["nd-neighbor-solicit", "nd-neighbor-advert", "nd-router-solicit", "nd-router-advert"]).Select(type =>
                $$$"""{"rule": {"family": "inet", "table": "qwamos", "chain": "{{{chain}}}", "handle": 14, "expr": [{"match": {"op": "==", "left": {"payload": {"protocol": "icmpv6", "field": "type"}}, "right": "{{{type}}}"}}, {"match": {"op": "==", "left": {"payload": {"protocol": "ip6", "field": "hoplimit"}}, "right": 255}}, {"accept": null}]}},"""));
            listing = listing.Replace("NEIGHBOURS " + chain, rules, StringComparison.Ordinal);
        }

        return listing.Replace("COUNTERS", counters, StringComparison.Ordinal);
    }

    private static string Rendered(Ruleset ruleset)
    {
        JsonValue Of(string kind, params IEnumerable<(string, JsonValue)> members) => JsonValue.Object([(kind, JsonValue.Object([("family", JsonValue.Of("inet")), .. members, ("handle", JsonValue.Of(1))]))]);
        return JsonValue.Object([("nftables", JsonValue.Array(
        [
            Of("table", ("name", JsonValue.Of("qwamos"))),
            .. Ruleset.Counters.Select(name => Of("counter", ("name", JsonValue.Of(name)), ("packets", JsonValue.Of(0)), ("bytes", JsonValue.Of(0)))),
            .. ruleset.Chains.Select(chain => Of("chain", [("table", JsonValue.Of("qwamos")), .. chain.Members()])),
            .. ruleset.Chains.SelectMany(chain => chain.Rules.Select(rule => Of("rule", ("chain", JsonValue.Of(chain.Name)), ("expr", JsonValue.Array(rule.Select(statement => statement.Json)))))),
        ]))]).ToString();
    }
}
