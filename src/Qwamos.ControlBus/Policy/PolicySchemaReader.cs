using System.Diagnostics.CodeAnalysis;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Json;

namespace Qwamos.ControlBus.Policy;

/// <summary>Reads the policy table out of a schema document and refuses every table that could not be enforced as written.</summary>
internal static class PolicySchemaReader
{
    public static bool TryRead(
        JsonValue document, string hash, string origin, [NotNullWhen(true)] out PolicySchema? schema, out string fault)
    {
        schema = null;
        if (!JsonSchema.TryLoad(document, out var rules, out fault))
            return false;
        fault = CheckWhole(document, rules);
        if (fault.Length > 0)
            return false;
        document.TryGet("properties", out var properties);
        var keys = new List<PolicyKey>();
        foreach (var (name, member) in properties!.Members)
        {
            if (!PolicyKeyReader.TryRead(name, member, rules.Properties![name], out var key, out fault))
            {
                fault = $"key {SafeText.ForTerminal(name)}: {fault}";
                return false;
            }
            if (keys.Find(other => string.Equals(other.Name, name, StringComparison.OrdinalIgnoreCase)) is { } twin)
            {
                fault = $"key {name}: differs from {twin.Name} in case only";
                return false;
            }
            keys.Add(key);
        }
        schema = new PolicySchema(rules, keys, hash, origin);
        return true;
    }

    private static string CheckWhole(JsonValue document, JsonSchema rules)
    {
        if (rules.Types != JsonTypes.Object)
            return "the schema must say \"type\": \"object\"";
        if (rules.AdditionalProperties is not { RefusesAll: true })
            return "the schema must say \"additionalProperties\": false: an unknown key is an error";
        if (rules.Properties is null || rules.Properties.Count == 0)
            return "the schema must have \"properties\"";
        if (rules.Properties.Count > Limits.MaxPolicyKeys)
            return $"the schema has {rules.Properties.Count} keys; at most {Limits.MaxPolicyKeys} are possible";
        // A change is judged as part of the policy that results, and the first change starts from nothing.
        if (rules.Validate(JsonValue.Object()).Count > 0)
            return "the schema refuses {}, the policy where nothing is set yet: remove what requires a key";
        if (rules.Allowed is not null || rules.Constant is not null)
            return "the schema must judge key by key: \"enum\" and \"const\" belong to a key";
        return document.TryGet("x-qwamos", out _) ? "x-qwamos belongs to a key, not to the whole schema" : "";
    }
}
