using System.Globalization;
using System.Text;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Json;

namespace Qwamos.Client.Showing;

/// <summary>
/// JSON for people's pipes: compact, members in the order received, and every character that could move a cursor, hide or reorder text
/// escaped, since a pipe often ends at a terminal (ATTACKS 21). The escapes are JSON's own, so a program reads what was sent.
/// </summary>
internal static class JsonPrinter
{
    public static string Print(JsonValue value)
    {
        StringBuilder text = new();
        Append(text, value);
        return text.ToString();
    }

    private static void Append(StringBuilder text, JsonValue value)
    {
        switch (value.Kind)
        {
            case JsonKind.Object:
                AppendObject(text, value);
                break;
            case JsonKind.Array:
                AppendArray(text, value);
                break;
            case JsonKind.String:
                AppendString(text, value.AsString);
                break;
            case JsonKind.Number:
                text.Append(value.NumberToken);
                break;
            case JsonKind.Boolean:
                text.Append(value.AsBoolean ? "true" : "false");
                break;
            default:
                text.Append("null");
                break;
        }
    }

    private static void AppendObject(StringBuilder text, JsonValue value)
    {
        text.Append('{');
        var separator = "";
        foreach (var (name, member) in value.Members)
        {
            text.Append(separator);
            AppendString(text, name);
            text.Append(':');
            Append(text, member);
            separator = ",";
        }
        text.Append('}');
    }

    private static void AppendArray(StringBuilder text, JsonValue value)
    {
        text.Append('[');
        var separator = "";
        foreach (var item in value.Items)
        {
            text.Append(separator);
            Append(text, item);
            separator = ",";
        }
        text.Append(']');
    }

    private static void AppendString(StringBuilder text, string value)
    {
        text.Append('"');
        foreach (var rune in value.EnumerateRunes())
        {
            if (rune.Value is '"' or '\\')
                text.Append('\\').Append((char)rune.Value);
            else if (SafeText.IsDangerous(rune))
                AppendEscape(text, rune);
            else
                text.Append(rune);
        }
        text.Append('"');
    }

    private static void AppendEscape(StringBuilder text, Rune rune)
    {
        Span<char> units = stackalloc char[2];
        foreach (var unit in units[..rune.EncodeToUtf16(units)])
            text.Append("\\u").Append(((int)unit).ToString("x4", CultureInfo.InvariantCulture));
    }
}
