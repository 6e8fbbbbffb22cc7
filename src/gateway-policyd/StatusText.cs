using System.Text;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Json;

namespace Qwamos.Gateway;

/// <summary>The status for a person: short lines, one a key. Every text of the answer is escaped.</summary>
internal static class StatusText
{
    public static string Of(JsonValue answer)
    {
        var text = new StringBuilder();
        text.Append(Text(Member(answer, "domain", "name"))).Append(" (class ").Append(Text(Member(answer, "domain", "class"))).Append("), ")
            .Append(Text(Member(answer, "size"))).AppendLine(" entries");
        AppendKeys(text, "in force as policy", Member(answer, "policy"), Member(answer, "enforcement"));
        AppendKeys(text, "waits for the next start", Member(answer, "pending"), null);
        AppendKeys(text, "never set, default", Member(answer, "defaults"), null);
        if (Text(Member(answer, "projections")) is { Length: > 0 } projections and not "ok")
            text.Append("status.json: ").AppendLine(projections);
        return text.ToString().TrimEnd();
    }

    private static void AppendKeys(StringBuilder text, string title, JsonValue? values, JsonValue? notes)
    {
        if (values is not { Kind: JsonKind.Object } || values.Members.Length == 0)
            return;
        text.AppendLine(title);
        int width = values.Members.Max(member => SafeText.ForTerminal(member.Key).Length);
        foreach ((string name, JsonValue value) in values.Members)
        {
            text.Append("  ").Append(SafeText.ForTerminal(name).PadRight(width)).Append("  ").Append(Text(value));
            if (Text(Member(notes, name)) is { Length: > 0 } note)
                text.Append("  (").Append(note).Append(')');
            text.AppendLine();
        }
    }

    private static JsonValue? Member(JsonValue? value, params ReadOnlySpan<string> path)
    {
        foreach (string name in path)
            value = value is { Kind: JsonKind.Object } && value.TryGet(name, out JsonValue? inner) ? inner : null;
        return value;
    }

    private static string Text(JsonValue? value) => value switch
    {
        null => "",
        { Kind: JsonKind.String } => SafeText.ForTerminal(value.AsString),
        _ => SafeText.ForTerminal(JsonText.ToText(value)),
    };
}
