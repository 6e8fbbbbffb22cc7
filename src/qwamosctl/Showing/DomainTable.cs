using System.Globalization;
using System.Text;
using Qwamos.ControlBus;
using Qwamos.ControlBus.Json;

namespace Qwamos.Client.Showing;

/// <summary>What each domain says of its keys, by the daemon's word: desired, observed, since when, and why not. Every text is escaped.</summary>
internal static class DomainTable
{
    private const int MaxWidth = 48;

    /// <summary>A report that is older than two questions of the courier is said to be.</summary>
    private const int FreshSeconds = 2 * Limits.MaxGrowthWaitSeconds;

    private static readonly string[] Titles = ["key", "desired", "observed", "state", "since", "why not"];

    /// <summary>Appends nothing where no domain was asked yet.</summary>
    public static void Append(StringBuilder text, JsonValue gateways, Paint paint, long nowSeconds)
    {
        List<(string[] Cells, bool IsWell)> rows = [(Titles, true)];
        List<(int At, string Line)> heads = [];
        foreach (var (name, gateway) in gateways.Members)
        {
            if (ReportOf(gateway) is not { } report)
                continue;
            var fault = report.TryGet("fault", out var why) ? KeyText.Of(why) : null;
            var heard = Number(report, "heard");
            var age = heard is { } seconds && nowSeconds - seconds > FreshSeconds ? $", as it was {Duration.InWords(nowSeconds - seconds)} ago" : "";
            if (report.TryGet("stale", out var stale) && stale is { Kind: JsonKind.Boolean, AsBoolean: true })
                age += paint.Bad($", STALE: no checkpoint came there for {Limits.CheckpointStaleSeconds} s");
            heads.Add((rows.Count, KeyText.Of(JsonValue.Of(name)) + (fault is null ? age : $": not known: {fault}")));
            rows.AddRange(KeysOf(report).Select(key => (Cells(key.Key, key.Value), Text(key.Value, "state") == "in_force")));
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

    /// <summary>The same as lines that stand for themselves, by domain and key: who follows prints the ones that change.</summary>
    public static SortedDictionary<string, string> Lines(JsonValue gateways)
    {
        SortedDictionary<string, string> lines = new(StringComparer.Ordinal);
        foreach (var (name, gateway) in gateways.Members)
        {
            var domain = KeyText.Of(JsonValue.Of(name));
            if (ReportOf(gateway) is not { } report)
                continue;
            if (report.TryGet("fault", out var fault))
                lines[domain] = $"{domain}  not known: {KeyText.Of(fault)}";
            foreach (var (key, value) in KeysOf(report))
            {
                var cells = Cells(key, value);
                lines[$"{domain} {cells[0]}"] = $"{domain}  {string.Join("  ", cells.Where(cell => cell.Length > 0))}";
            }
        }
        return lines;
    }

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

    private static string Value(JsonValue key, string member) => key.TryGet(member, out var value) && value.Kind != JsonKind.Null ? Cut(KeyText.Of(value)) : "-";

    private static string Text(JsonValue key, string member) => key.TryGet(member, out var value) ? KeyText.Of(value) : "";

    private static string Cut(string text) => text.Length <= MaxWidth ? text : text[..(MaxWidth - 3)] + "...";

    private static long? Number(JsonValue value, string member) => value.TryGet(member, out var number) && number.TryGetInteger(out var known) ? known : null;

    private static string Time(long seconds) =>
        DateTimeOffset.FromUnixTimeSeconds(Math.Clamp(seconds, 0, Limits.MaxShownSeconds)).ToString("yyyy-MM-dd HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    private static JsonValue? ReportOf(JsonValue gateway) => gateway.Kind == JsonKind.Object && gateway.TryGet("report", out var report) && report.Kind == JsonKind.Object ? report : null;

    private static IEnumerable<KeyValuePair<string, JsonValue>> KeysOf(JsonValue report) =>
        report.TryGet("keys", out var keys) && keys.Kind == JsonKind.Object ? keys.Members.Where(key => key.Value.Kind == JsonKind.Object) : [];
}
