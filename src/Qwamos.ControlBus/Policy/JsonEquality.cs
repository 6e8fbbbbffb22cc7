using Qwamos.ControlBus.Json;

namespace Qwamos.ControlBus.Policy;

/// <summary>Equality of JSON Schema draft-07 (section 4.2.3): numbers by value, objects without regard to order, false never 0.</summary>
internal static class JsonEquality
{
    public static bool Equal(JsonValue left, JsonValue right)
    {
        if (left.Kind != right.Kind)
            return false;
        return left.Kind switch
        {
            JsonKind.Null => true,
            JsonKind.Boolean => left.AsBoolean == right.AsBoolean,
            JsonKind.Number => ExactNumber.Parse(left.NumberToken) == ExactNumber.Parse(right.NumberToken),
            JsonKind.String => string.Equals(left.AsString, right.AsString, StringComparison.Ordinal),
            JsonKind.Array => EqualItems(left.Items, right.Items),
            JsonKind.Object => EqualMembers(left, right),
            _ => false,
        };
    }

    private static bool EqualItems(IReadOnlyList<JsonValue> left, IReadOnlyList<JsonValue> right)
    {
        if (left.Count != right.Count)
            return false;
        for (var i = 0; i < left.Count; i++)
        {
            if (!Equal(left[i], right[i]))
                return false;
        }
        return true;
    }

    private static bool EqualMembers(JsonValue left, JsonValue right)
    {
        if (left.Members.Length != right.Members.Length)
            return false;
        foreach (var (name, value) in left.Members)
        {
            if (!right.TryGet(name, out var other) || !Equal(value, other))
                return false;
        }
        return true;
    }
}
