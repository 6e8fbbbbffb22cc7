using System.Text;
using Qwamos.Client.Showing;
using Qwamos.Client.Talking;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Json;

namespace Qwamos.Client.Changing;

/// <summary>What became of an accepted change, in a few lines.</summary>
internal static class ChangeReport
{
    public static string Describe(AnswerReader answer, IReadOnlyList<Setting> change, Paint paint)
    {
        if (answer.ObjectOf("result") is not { } result)
            return $"{paint.Good("taken")}  {SafeText.ForTerminal(answer.TextOf("message") ?? "")}\n";
        StringBuilder text = new();
        var applied = Names(result, "runtime_applied");
        var staged = Names(result, "reboot_staged");
        var unstaged = Names(result, "unstaged");
        foreach (var setting in change)
        {
            var name = setting.Key.Name;
            var outcome =
                applied.Contains(name) ? paint.Good("applied now         ")
                : staged.Contains(name) ? paint.Waiting("waits for a reboot  ")
                : unstaged.Contains(name) ? paint.Good("no longer waiting   ")
                : paint.Faint("already so          ");
            text.Append(outcome).Append(setting.Shown).Append('\n');
        }
        if (answer.NumberOf("index") is { } index)
            text.Append(paint.Faint($"recorded as entry {index}")).Append('\n');
        if (answer.ObjectOf("clock_behind_floor") is not null)
            text.Append(paint.Bad("the daemon's clock is behind the newest change it took; set it")).Append('\n');
        return text.ToString();
    }

    private static HashSet<string> Names(JsonValue result, string member)
    {
        HashSet<string> names = new(StringComparer.Ordinal);
        if (!result.TryGet(member, out var list) || list.Kind != JsonKind.Array)
            return names;
        foreach (var item in list.Items)
        {
            if (item.Kind == JsonKind.String)
                names.Add(item.AsString);
        }
        return names;
    }
}
