using System.Text;
using Qwamos.ControlBus;
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
        AppendKeys(text, "never set, default", Member(answer, "defaults"), Member(answer, "enforcement"));
        if (Member(answer, "left_to_boot") is { Kind: JsonKind.Array } left)
            text.Append("left to the boot, see qwamosctl boot status: ").AppendJoin(", ", left.Items.Select(Text)).AppendLine();
        AppendTrust(text, Member(answer, "trust"), Member(answer, "clock"));
        AppendWitness(text, Member(answer, "witness"));
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

    private static void AppendTrust(StringBuilder text, JsonValue? trust, JsonValue? clock)
    {
        if (Member(trust, "version") is not { } version)
        {
            text.AppendLine("trust root: none, the enrolled key alone is believed");
            return;
        }

        text.Append("trust root: version ").Append(Text(version)).Append(", ").Append(Text(Member(trust, "sha256")));
        if (Member(trust, "expires") is { } end && end.TryGetInteger(out long expires) && clock is not null && clock.TryGetInteger(out long now))
            text.Append(expires < now ? ", EXPIRED: nothing but the next one, and fire, is taken" : $", valid until {DateTimeOffset.FromUnixTimeSeconds(Math.Min(expires, Limits.MaxShownSeconds)):yyyy-MM-dd}");
        text.AppendLine();
    }

    private static void AppendWitness(StringBuilder text, JsonValue? witness)
    {
        if (witness is null)
            return;
        text.Append("witness of the ledger: ");
        if (Text(Member(witness, "fault")) is { Length: > 0 } fault)
            text.AppendLine(fault);
        else if (Member(witness, "size") is not { Kind: JsonKind.Number } size)
            text.AppendLine("it has seen no checkpoint yet");
        else
            text.Append(Text(size)).Append(" entries, ").Append(Text(Member(witness, "age"))).Append(" s ago").Append(IsTrue(witness, "stale") ? ", STALE" : "")
                .Append("; its key is ").AppendLine(Text(Member(witness, "trust")));
        // What was remembered of another ledger is kept beside it, and is evidence against nobody.
        foreach ((string kind, JsonValue count) in Member(witness, "evidence") is { Kind: JsonKind.Object } evidence ? evidence.Members : [])
        {
            if (kind is not ("replaced" or "left_out") && Text(count) is not "0")
                text.Append("  EVIDENCE of ").Append(SafeText.ForTerminal(kind)).Append(": ").Append(Text(count)).AppendLine(" in evidence/, see docs/troubleshooting.md");
        }
    }

    private static bool IsTrue(JsonValue value, string name) => Member(value, name) is { Kind: JsonKind.Boolean } flag && flag.AsBoolean;

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
