using System.Text;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Policy;

namespace Qwamos.Client.Showing;

/// <summary>What root's programs left about this boot, for a person and for programs.</summary>
internal static class BootReport
{
    private const int TitleWidth = 12;

    /// <param name="run">This boot.</param>
    /// <param name="pending">What is staged, by the daemon's answer; null when there was none.</param>
    /// <param name="paint">Colours.</param>
    public static string Describe(BootRun run, JsonValue? pending, Paint paint)
    {
        StringBuilder text = new();
        Line(text, "this boot", Outcome(run, paint));
        if (run.Asked.Length > 0)
            Line(text, "asked for", SafeText.ForTerminal(run.Asked));
        if (run.Assessment.HasTrial)
            Line(text, "tries left", $"{run.Assessment.TriesLeft} of {run.Assessment.Tries}, after this boot");
        Section(text, paint.Waiting("on trial"), run.Assessment.OnTrial.Select(pair => $"{Shown(pair.Key, pair.Value.Set)}{Result(pair.Value)}; before it: {Before(pair.Value)}"));
        Section(text, paint.Waiting("proven as far as it is in force; on trial again when it is wholly"),
            run.Assessment.Values.Where(pair => pair.Value.State == BootValueState.Waiting).Select(pair => $"{Shown(pair.Key, pair.Value.Set)}{Result(pair.Value)}; before it: {Before(pair.Value)}"));
        Section(text, "last known good", Good(run));
        Section(text, paint.Bad("put back"), run.Assessment.Returned.Values.Select(back => SafeText.ForTerminal(back.Sentence)));
        Section(text, "seen in the running system", run.Observed.Select(seen => SafeText.ForTerminal($"{seen.Key}: {seen.Result}{(seen.Detail.Length > 0 ? $" ({seen.Detail})" : "")}")));
        if (pending is null)
            text.Append("\nthe daemon does not answer: what waits for a reboot is not known\n");
        else
            Section(text, paint.Waiting("waits for a reboot"), pending.Members.Select(pair => $"{KeyText.Of(JsonValue.Of(pair.Key))} = {KeyText.Of(pair.Value)}"));
        Section(text, paint.Faint("the boot said"), run.Said.Select(SafeText.ForTerminal));
        return text.ToString();
    }

    public static JsonValue ToJson(BootRun run, JsonValue? pending) => JsonValue.Object(
    [
        ("status", JsonValue.Of("ok")),
        ("outcome", JsonValue.Of(BootRun.NameOf(run.Outcome))),
        ("why", JsonValue.Shown(run.Why)),
        ("asked", JsonValue.Of(run.Asked)),
        ("tries", JsonValue.Of(run.Assessment.HasTrial ? run.Assessment.Tries : 0)),
        ("tries_left", JsonValue.Of(run.Assessment.HasTrial ? run.Assessment.TriesLeft : 0)),
        ("values", JsonValue.Object(run.Assessment.Values.Select(pair => (pair.Key, pair.Value.ToJson())))),
        ("last_known_good", JsonValue.Object(run.Assessment.Values.Select(pair => (pair.Key, BootValue.ToJson(pair.Value.LastGood))))),
        ("put_back", JsonValue.Object(run.Assessment.Returned.Select(pair => (pair.Key, pair.Value.ToJson())))),
        ("observed", JsonValue.Object(run.Observed.Select(seen => (seen.Key, JsonValue.Object([("result", JsonValue.Of(seen.Result)), ("detail", JsonValue.Of(seen.Detail))]))))),
        ("pending", pending ?? JsonValue.Null),
        ("said", JsonValue.Array(run.Said.Select(JsonValue.Shown))),
    ]);

    private static string Outcome(BootRun run, Paint paint) => run.Outcome switch
    {
        BootOutcome.Complete => paint.Good("complete"),
        BootOutcome.Incomplete => paint.Bad($"not complete: {SafeText.ForTerminal(run.Why)}"),
        _ => paint.Waiting("not complete yet: qwamos-boot-complete has not run to its end"),
    };

    private static IEnumerable<string> Good(BootRun run) => run.Assessment.Values.Select(pair => pair.Value.LastGood is { } good
        ? Shown(pair.Key, good)
        : $"{KeyText.Of(JsonValue.Of(pair.Key))} at its default, for it was never set before");

    private static string Shown(string key, Applied set) => $"{KeyText.Of(JsonValue.Of(key))} = {KeyText.Of(set.Value)} (entry {set.Index})";

    private static string Result(BootValue value) => $": {SafeText.ForTerminal(value.Result)}";

    private static string Before(BootValue value) => value.Before is { } before ? $"{KeyText.Of(before.Value)} (entry {before.Index})" : "never set";

    private static void Line(StringBuilder text, string title, string what) => text.Append(title.PadRight(TitleWidth)).Append(what).Append('\n');

    private static void Section(StringBuilder text, string title, IEnumerable<string> lines)
    {
        var all = lines.ToList();
        if (all.Count == 0)
            return;
        text.Append('\n').Append(title).Append('\n');
        foreach (var line in all)
            text.Append("  ").Append(line).Append('\n');
    }
}
