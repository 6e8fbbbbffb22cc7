using Qwamos.ControlBus.Json;

namespace Qwamos.ControlBus.Policy;

/// <summary>How schema faults name types and values: short, and bounded whatever the schema holds.</summary>
internal static class SchemaWords
{
    private const int MaxShownValues = 12;
    private const int MaxShownChars = 80;

    public static string Of(JsonTypes types)
    {
        var names = new List<string>();
        foreach (var type in Enum.GetValues<JsonTypes>())
        {
            if (type != JsonTypes.None && types.HasFlag(type))
                names.Add(Name(type));
        }
        return string.Join(" or ", names);
    }

    public static string Of(IReadOnlyList<JsonValue> values)
    {
        var shown = string.Join(", ", values.Take(MaxShownValues).Select(Of));
        return values.Count > MaxShownValues ? $"{shown}, ... ({values.Count} values)" : shown;
    }

    public static string Of(JsonValue value)
    {
        if (value.Kind == JsonKind.String && IsPlainWord(value.AsString))
            return value.AsString;
        var text = value.ToString();
        return text.Length > MaxShownChars ? "the value that the schema gives" : text;
    }

    private static bool IsPlainWord(string text)
        => text.Length is > 0 and <= MaxShownChars && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.');

    private static string Name(JsonTypes type) => type switch
    {
        JsonTypes.Null => "null",
        JsonTypes.Boolean => "true or false",
        JsonTypes.Integer => "an integer",
        JsonTypes.Number => "a number",
        JsonTypes.String => "a string",
        JsonTypes.Array => "an array",
        _ => "an object",
    };
}
