using System.Diagnostics.CodeAnalysis;
using Qwamos.ControlBus.Json;

namespace Qwamos.ControlBus.Policy;

/// <summary>Reads one key of the table: its type and values, and the annotations <c>x-qwamos</c> (DESIGN section 5).</summary>
internal static class PolicyKeyReader
{
    /// <summary>Most code points of a string value and of an enum value.</summary>
    private const int MaxValueCodePoints = 64;

    private static readonly string[] Annotations = ["apply", "class", "event", "confidential", "irreversible"];

    public static bool TryRead(string name, JsonValue member, JsonSchema rules, [NotNullWhen(true)] out PolicyKey? key, out string fault)
    {
        key = null;
        fault = PolicyNames.FaultOfKey(name);
        if (fault.Length > 0 || !TryReadType(rules, out var type, out fault) || !TryReadAnnotations(member, out var annotations, out fault))
            return false;
        if (!member.TryGet("default", out var standing) || !PolicyValue.TryFrom(standing, out var value))
        {
            fault = "needs a \"default\" that is a string, an integer or a boolean";
            return false;
        }
        if (!TryReadValues(type, rules, value, out var values, out fault) || !TryReadRange(type, rules, out var minimum, out var maximum, out fault))
            return false;
        key = new PolicyKey(rules)
        {
            Name = name,
            Description = member.TryGet("description", out var description) ? description.AsString : "",
            Type = type,
            Values = values,
            Minimum = minimum,
            Maximum = maximum,
            Default = value,
            Apply = annotations["apply"].AsString == "runtime" ? PolicyApply.Runtime : PolicyApply.Reboot,
            Class = annotations["class"].AsString,
            IsEvent = annotations["event"].AsBoolean,
            IsConfidential = annotations["confidential"].AsBoolean,
            IsIrreversible = annotations["irreversible"].AsBoolean,
        };
        fault = FaultOf(key);
        if (fault.Length > 0)
            key = null;
        return key is not null;
    }

    private static string FaultOf(PolicyKey key)
    {
        if (!key.Admits(key.Default))
            return "its default is not a valid value";
        if (key.IsEvent)
            return FaultOfEvent(key);
        return key.Values.Any(EventValues.IsFire) ? $"the value {EventValues.Fire} is reserved for event keys" : "";
    }

    private static string FaultOfEvent(PolicyKey key)
    {
        string[] expected = [EventValues.Disarmed, EventValues.Armed, EventValues.Fire];
        if (key.Type != PolicyType.String || !key.Values.Select(value => value.ToLine()).SequenceEqual(expected, StringComparer.Ordinal))
            return $"an event key has the values {string.Join(", ", expected)} in this order, and the first as default";
        return key.Apply == PolicyApply.Runtime ? "" : "an event key applies at runtime: an event is never staged";
    }

    private static bool TryReadType(JsonSchema rules, out PolicyType type, out string fault)
    {
        fault = "";
        type = rules.Types switch
        {
            JsonTypes.Integer => PolicyType.Integer,
            JsonTypes.Boolean => PolicyType.Boolean,
            _ => PolicyType.String,
        };
        if (rules.Types is JsonTypes.String or JsonTypes.Integer or JsonTypes.Boolean)
            return true;
        fault = "needs one \"type\": string, integer or boolean";
        return false;
    }

    private static bool TryReadAnnotations(JsonValue member, [NotNullWhen(true)] out Dictionary<string, JsonValue>? annotations, out string fault)
    {
        annotations = null;
        var given = member.TryGet("x-qwamos", out var found) ? found : JsonValue.Null;
        fault = "needs \"x-qwamos\": {" + string.Join(", ", Annotations) + "}, all of them and nothing else";
        if (given.Kind != JsonKind.Object || given.Members.Length != Annotations.Length || !Annotations.All(name => given.TryGet(name, out _)))
            return false;
        foreach (var (name, value) in given.Members)
        {
            fault = $"x-qwamos: {name} must be true or false";
            if (name is "event" or "confidential" or "irreversible" && value.Kind != JsonKind.Boolean)
                return false;
            fault = "x-qwamos: apply must be runtime or reboot";
            if (name == "apply" && !(value.Kind == JsonKind.String && value.AsString is "runtime" or "reboot"))
                return false;
            fault = $"x-qwamos: class must be {PolicyNames.ClassForm}";
            if (name == "class" && !(value.Kind == JsonKind.String && PolicyNames.IsClass(value.AsString)))
                return false;
        }
        annotations = given.Members.ToDictionary(pair => pair.Key, pair => pair.Value, StringComparer.Ordinal);
        fault = "";
        return true;
    }

    private static bool TryReadValues(
        PolicyType type, JsonSchema rules, PolicyValue standing, out IReadOnlyList<PolicyValue> values, out string fault)
    {
        var known = new List<PolicyValue>();
        values = known;
        fault = "";
        if (type == PolicyType.Boolean)
            known.AddRange([PolicyValue.Of(false), PolicyValue.Of(true)]);
        foreach (var allowed in type == PolicyType.Boolean ? [] : rules.Allowed ?? [])
        {
            if (!PolicyValue.TryFrom(allowed, out var value) || value.Type != type)
                fault = $"each value of \"enum\" must be {SchemaWords.Of(rules.Types)}";
            else if (known.Contains(value))
                fault = $"\"enum\" holds {value} twice";
            else if (type == PolicyType.String && (!PolicyText.IsSafe(value) || CodePoints.Count(value.Text) is 0 or > MaxValueCodePoints))
                fault = $"each value of \"enum\" has 1 to {MaxValueCodePoints} characters, none a control character";
            if (fault.Length > 0)
                return false;
            known.Add(value);
        }
        if (type == PolicyType.String && rules.Allowed is null && rules.MaximumCodePoints > MaxValueCodePoints)
            fault = $"a string key needs \"enum\" or a \"maxLength\" of at most {MaxValueCodePoints}";
        else if (rules.Allowed is { Count: 0 })
            fault = "\"enum\" is empty: no value would be possible";
        known.RemoveAll(value => rules.Validate(value.ToJson()).Count > 0);
        if (known.Remove(standing))
            known.Insert(0, standing);
        return fault.Length == 0;
    }

    private static bool TryReadRange(PolicyType type, JsonSchema rules, out long? minimum, out long? maximum, out string fault)
    {
        minimum = null;
        maximum = null;
        fault = "";
        if (type != PolicyType.Integer)
            return true;
        foreach (var bound in rules.Bounds)
        {
            if (!bound.TryGetInteger(out var limit))
            {
                fault = "the bounds of an integer key must be integers within +-(2^53-1)";
                return false;
            }
            var step = bound.IsExclusive ? 1 : 0;
            if (bound.IsMaximum)
                maximum = Math.Min(maximum ?? long.MaxValue, limit - step);
            else
                minimum = Math.Max(minimum ?? long.MinValue, limit + step);
        }
        return true;
    }
}
