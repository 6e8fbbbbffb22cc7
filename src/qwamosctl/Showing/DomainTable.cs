using System.Globalization;
using System.Text;
using Qwamos.Client.Talking;
using Qwamos.ControlBus;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Policy;

namespace Qwamos.Client.Showing;

/// <summary>What each domain says of its keys, by the daemon's word: desired, observed, since when, and why not. Every text is escaped.</summary>
internal static class DomainTable
{
    private const int MaxWidth = 48;

    private static readonly string[] Titles = ["key", "desired", "observed", "state", "since", "why not"];

    /// <summary>Appends nothing where no domain was asked yet.</summary>
    public static void Append(StringBuilder text, AnswerReader answer, PolicySchema? schema, Paint paint, long nowSeconds)
    {
        var domains = DomainState.Of(answer);
        if (!domains.Exists(domain => domain.Report is not null) && answer.TextOf("courier") is null)
            return;
        List<(string[] Cells, bool IsWell)> rows = [(Titles, true)];
        List<(int At, string Line)> heads = [];
        foreach (var domain in domains)
        {
            var own = Rows(domain, answer, schema).ToList();
            heads.Add((rows.Count, KeyText.Of(JsonValue.Of(domain.Name)) + Head(domain, paint, nowSeconds) + (own.Count == 0 && domain.WhyUnknown is null ? "\n    no key is set there, and nothing acts on one" : "")));
            rows.AddRange(own);
        }
        if (heads.Count == 0)
            return;
        text.Append("\nin force, as each domain says\n");
        var widths = Enumerable.Range(0, Titles.Length - 1).Select(column => rows.Max(row => row.Cells[column].Length)).ToArray();
        if (rows.Count > 1)
            text.Append(paint.Faint(Line(rows[0].Cells, widths))).Append('\n');
        for (var (i, head) = (1, 0); i <= rows.Count; i++)
        {
            for (; head < heads.Count && heads[head].At == i; head++)
                text.Append("  ").Append(heads[head].Line).Append('\n');
            if (i < rows.Count)
                text.Append(rows[i].IsWell ? Line(rows[i].Cells, widths) : paint.Waiting(Line(rows[i].Cells, widths))).Append('\n');
        }
    }

    /// <summary>The same as lines that stand for themselves, by domain and key: who follows prints the ones that change. None of them changes with the time alone.</summary>
    public static SortedDictionary<string, string> Lines(AnswerReader answer, PolicySchema? schema)
    {
        SortedDictionary<string, string> lines = new(StringComparer.Ordinal);
        foreach (var domain in DomainState.Of(answer))
        {
            var name = KeyText.Of(JsonValue.Of(domain.Name));
            lines[name] = $"{name}  {domain.Describe()}";
            foreach (var (cells, _) in Rows(domain, answer, schema))
                lines[$"{name} {cells[0]}"] = $"{name}  {string.Join("  ", cells.Where(cell => cell.Length > 0))}";
        }
        return lines;
    }

    private static string Head(DomainState domain, Paint paint, long nowSeconds)
    {
        if (domain.WhyUnknown is { } why)
            return $": not known: {why}";
        var age = nowSeconds - domain.HeardSeconds;
        return (!domain.IsOld(nowSeconds) ? "" : age < 0 ? $", as it was when this clock stood {Duration.InWords(-age)} ahead" : $", as it was {Duration.InWords(age)} ago")
            + (domain.IsStale ? paint.Bad($", STALE: no checkpoint came there for {Limits.CheckpointStaleSeconds} s") : "")
            + (domain.Refused is { } refused ? $"; {refused}" : "");
    }

    /// <summary>
    /// The keys that the domain spoke of; of one that was not brought all, those too that Dom0 has set meanwhile, with Dom0's value; and those of which its report lacks what it is said to have taken, with what
    /// that set: Dom0's value may be another domain's.
    /// </summary>
    private static IEnumerable<(string[] Cells, bool IsWell)> Rows(DomainState domain, AnswerReader answer, PolicySchema? schema)
    {
        if (domain.WhyUnknown is not null)
            yield break;
        var lacks = domain.Lacks.ToDictionary(lack => lack.Key, StringComparer.Ordinal);
        foreach (var (key, value) in domain.Keys)
        {
            var newer = domain.IsUndelivered || domain.MissedEntry(key) is not null ? Newer(answer, key, value) : null;
            yield return newer is not null ? (Cells(domain, key, newer, Value(value, "observed")), false)
                : lacks.TryGetValue(key, out var lack) ? (Cells(lack, Value(value, "observed")), false)
                : (Cells(key, value), Text(value, "state") == "in_force");
        }
        foreach (var lack in lacks.Values.Where(lack => !domain.Has(lack.Key)))
            yield return (Cells(lack, "-"), false);
        foreach (var key in schema?.Keys ?? [])
        {
            if ((domain.IsUndelivered || domain.MissedEntry(key.Name) is not null) && (key.Class == domain.Class || key.Class == PolicyKey.ClassAll)
                && !domain.Has(key.Name) && !lacks.ContainsKey(key.Name) && Here(answer, key.Name) is { } newer)
                yield return (Cells(domain, key.Name, newer, "-"), false);
        }
    }

    /// <summary>Dom0's value, where the domain speaks of another one.</summary>
    private static JsonValue? Newer(AnswerReader answer, string key, JsonValue said) =>
        Here(answer, key) is { } here && said.TryGet("desired", out var desired) && !ReportedKey.Short(here).Equals(desired) ? here : null;

    /// <summary>What is policy here, or staged.</summary>
    private static JsonValue? Here(AnswerReader answer, string key) =>
        answer.ObjectOf("pending") is { } pending && pending.TryGet(key, out var staged) ? staged
        : answer.ObjectOf("policy") is { } policy && policy.TryGet(key, out var set) ? set
        : null;

    private static string Line(string[] cells, int[] widths) =>
        "    " + string.Join("  ", cells.Select((cell, column) => column < widths.Length ? cell.PadRight(widths[column]) : cell)).TrimEnd();

    private static string[] Cells(string name, JsonValue key)
    {
        var why = key.TryGet("why", out var text) ? KeyText.Of(text) : "";
        if (Number(key, "drifted") is { } drifted)
            why += $"{(why.Length > 0 ? "; " : "")}somebody changed it at {Time(drifted)}";
        return
        [
            Cut(KeyText.Of(JsonValue.Of(name))), Value(key, "desired"), Value(key, "observed"), Text(key, "state").Replace('_', ' '), Number(key, "since") is { } since ? Time(since) : "-", why,
        ];
    }

    private static string[] Cells(DomainState domain, string name, JsonValue desired, string observed) =>
        [Cut(KeyText.Of(JsonValue.Of(name))), Cut(KeyText.Of(desired)), observed, "waiting", "-", domain.MissedEntry(name) is { } entry ? $"it refused entry {entry}" : "it has not taken the change yet"];

    private static string[] Cells((string Key, long Entry, JsonValue Value) lack, string observed) =>
        [Cut(KeyText.Of(JsonValue.Of(lack.Key))), Cut(KeyText.Of(lack.Value)), observed, "lacking", "-", $"it is said to have taken entry {lack.Entry}, and its own report has something else"];

    private static string Value(JsonValue key, string member) => key.TryGet(member, out var value) && value.Kind != JsonKind.Null ? Cut(KeyText.Of(value)) : "-";

    private static string Text(JsonValue key, string member) => key.TryGet(member, out var value) ? KeyText.Of(value) : "";

    private static string Cut(string text) => text.Length <= MaxWidth ? text : text[..(MaxWidth - 3)] + "...";

    private static long? Number(JsonValue value, string member) => value.TryGet(member, out var number) && number.TryGetInteger(out var known) ? known : null;

    private static string Time(long seconds) =>
        DateTimeOffset.FromUnixTimeSeconds(Math.Clamp(seconds, 0, Limits.MaxShownSeconds)).ToString("yyyy-MM-dd HH:mm:ss'Z'", CultureInfo.InvariantCulture);
}
