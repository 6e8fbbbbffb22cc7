using System.Text;
using Qwamos.Client.Showing;
using Qwamos.Client.Talking;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Policy;

namespace Qwamos.Client.Changing;

/// <summary>What became of an accepted change, in a few lines.</summary>
internal static class ChangeReport
{
    private const string NoEnforcer = "recorded; no enforcer here yet";
    private const int LeastWidth = 18;

    /// <param name="answer">The daemon's.</param>
    /// <param name="change">What was to be set.</param>
    /// <param name="served">The classes of which a domain is delivered to.</param>
    /// <param name="paint">Colours.</param>
    public static string Describe(AnswerReader answer, IReadOnlyList<Setting> change, IReadOnlyCollection<string> served, Paint paint)
    {
        if (answer.ObjectOf("result") is not { } result)
            return $"{paint.Good("taken")}  {SafeText.ForTerminal(answer.TextOf("message") ?? "")}\n";
        StringBuilder text = new();
        var applied = Names(result, "runtime_applied");
        var staged = Names(result, "reboot_staged");
        var unstaged = Names(result, "unstaged");
        // An older daemon does not say for which keys no domain is there.
        var unserved = answer.Document.TryGet("unserved", out _) ? Names(answer.Document, "unserved") : null;
        bool IsAlone(PolicyKey key) => unserved?.Contains(key.Name) ?? HasNoEnforcer(key, served);
        var width = change.Any(setting => applied.Contains(setting.Key.Name) && IsAlone(setting.Key)) ? NoEnforcer.Length : LeastWidth;
        foreach (var setting in change)
        {
            var name = setting.Key.Name;
            var outcome =
                applied.Contains(name) ? IsAlone(setting.Key) ? paint.Waiting(NoEnforcer) : paint.Good("applied now".PadRight(width))
                : staged.Contains(name) ? paint.Waiting("waits for a reboot".PadRight(width))
                : unstaged.Contains(name) ? paint.Good("no longer waiting".PadRight(width))
                : paint.Faint("already so".PadRight(width));
            text.Append(outcome).Append("  ").Append(setting.Shown).Append('\n');
        }
        if (answer.NumberOf("index") is { } index)
            text.Append(paint.Faint($"recorded as entry {index}{Place(answer)}")).Append('\n');
        if (answer.ObjectOf("clock_behind_floor") is not null)
            text.Append(paint.Bad("the daemon's clock is behind the newest change it took; set it")).Append('\n');
        return text.ToString();
    }

    private static string Place(AnswerReader answer) =>
        answer.ObjectOf("domain") is { } domain && domain.TryGet("name", out var name) && name.TryGetString(out var shown) ? SafeText.ForTerminal($" of the domain {shown}, and not in Dom0")
        : answer.ObjectOf("domain") is null ? "" : " of a domain, and not in Dom0";

    /// <summary>Where there is no such domain nothing acts on the runtime keys of Dom0 and its user interface.</summary>
    private static bool HasNoEnforcer(PolicyKey key, IReadOnlyCollection<string> served) =>
        key.Apply == PolicyApply.Runtime && key.Class is DaemonConfig.Dom0 or DaemonConfig.Ui && !served.Contains(key.Class);

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
