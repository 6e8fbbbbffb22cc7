using System.Diagnostics.CodeAnalysis;
using Qwamos.ControlBus;
using Qwamos.ControlBus.Json;

namespace Qwamos.Gateway.Enforcing.Firewall;

/// <summary>What the kernel has under our table's name, as `nft -j list table` shows it. Strict: what is not understood is not as desired.</summary>
internal sealed class RulesetListing
{
    private readonly IReadOnlyList<JsonValue> _objects;

    private RulesetListing(IReadOnlyList<JsonValue> objects) => _objects = objects;

    public static bool TryParse(ReadOnlySpan<byte> text, [NotNullWhen(true)] out RulesetListing? listing, [NotNullWhen(false)] out string? fault)
    {
        listing = null;
        if (!StrictJson.TryParse(text, out JsonValue? document, out fault, Limits.MaxRulesetListingBytes))
            return false;
        fault = "it has no list of objects";
        if (!document.TryGet("nftables", out JsonValue? list) || list.Kind != JsonKind.Array || !list.Items.All(item => item is { Kind: JsonKind.Object, Members.Length: 1 }))
            return false;
        listing = new RulesetListing(list.Items);
        return true;
    }

    /// <summary>What its counters have counted; those of ours that it shows.</summary>
    public IReadOnlyDictionary<string, CounterValue> Counted()
    {
        var counted = new Dictionary<string, CounterValue>(StringComparer.Ordinal);
        foreach ((string kind, JsonValue value) in Objects())
        {
            if (kind == "counter" && Text(value, "name") is { } name && Ruleset.Counters.Contains(name) && Number(value, "packets") is { } packets && Number(value, "bytes") is { } bytes)
                counted[name] = new CounterValue(packets, bytes);
        }

        return counted;
    }

    /// <summary>The first thing in which it is not the desired ruleset, or null. Handles, and what was counted, are not compared.</summary>
    public string? DifferenceFrom(Ruleset desired)
    {
        var rules = desired.Chains.ToDictionary(chain => chain.Name, _ => new List<JsonValue>(), StringComparer.Ordinal);
        var counters = new HashSet<string>(StringComparer.Ordinal);
        var chains = new HashSet<string>(StringComparer.Ordinal);
        foreach ((string kind, JsonValue value) in Objects())
        {
            string name = Text(value, kind == "rule" ? "chain" : "name") ?? "";
            switch (kind)
            {
                case "metainfo":
                    break;
                case "table":
                    if (!Equal(value, ("name", JsonValue.Of(Ruleset.Table))))
                        return "the table has another name, or marks";
                    break;
                case "counter" when Ruleset.Counters.Contains(name):
                    counters.Add(name);
                    break;
                case "chain" when desired.Chains.FirstOrDefault(chain => chain.Name == name) is { } chain:
                    if (!Equal(value, [("table", JsonValue.Of(Ruleset.Table)), .. chain.Members()]))
                        return $"the chain {name} has another hook, priority or policy";
                    chains.Add(name);
                    break;
                case "rule" when rules.TryGetValue(name, out List<JsonValue>? of) && value.TryGet("expr", out JsonValue? expression):
                    of.Add(expression);
                    break;
                default:
                    return $"there is a {kind} {name} that is none of ours";
            }
        }

        if (Ruleset.Counters.FirstOrDefault(counter => !counters.Contains(counter)) is { } missing)
            return $"there is no counter {missing}";
        return desired.Chains.Select(chain => !chains.Contains(chain.Name) ? $"there is no chain {chain.Name}" : DifferenceOf(chain, rules[chain.Name])).FirstOrDefault(difference => difference is not null);
    }

    private static string? DifferenceOf(NftChain chain, List<JsonValue> rules)
    {
        for (int i = 0; i < Math.Min(chain.Rules.Count, rules.Count); i++)
        {
            if (!JsonValue.Array(chain.Rules[i].Select(statement => statement.Json)).Equals(WithListsOfFlags(rules[i])))
                return $"rule {i + 1} of chain {chain.Name} is another";
        }

        return chain.Rules.Count == rules.Count ? null : $"chain {chain.Name} has {rules.Count} rules, not {chain.Rules.Count}";
    }

    /// <summary>Later versions of nft show a list of flags with one element as that element.</summary>
    private static JsonValue WithListsOfFlags(JsonValue value) => value.Kind switch
    {
        JsonKind.Array => JsonValue.Array(value.Items.Select(WithListsOfFlags)),
        JsonKind.Object => JsonValue.Object(value.Members.Select(member =>
            (member.Key, member is { Key: "flags", Value.Kind: JsonKind.String } ? JsonValue.Array([member.Value]) : WithListsOfFlags(member.Value)))),
        _ => value,
    };

    /// <summary>Whether an object has these members, the family, a handle, and no other.</summary>
    private static bool Equal(JsonValue value, params IEnumerable<(string Name, JsonValue Value)> members) =>
        JsonValue.Object(value.Members.Where(member => member.Key != "handle")).Equals(JsonValue.Object([("family", JsonValue.Of(Ruleset.Family)), .. members]));

    private IEnumerable<(string Kind, JsonValue Value)> Objects() => _objects.Select(item => (item.Members[0].Key, item.Members[0].Value));

    private static string? Text(JsonValue value, string name) => value.TryGet(name, out JsonValue? member) && member.TryGetString(out string? text) ? text : null;

    private static long? Number(JsonValue value, string name) => value.TryGet(name, out JsonValue? member) && member.TryGetInteger(out long number) && number >= 0 ? number : null;
}
