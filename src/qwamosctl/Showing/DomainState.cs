using Qwamos.Client.Talking;
using Qwamos.ControlBus;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Json;

namespace Qwamos.Client.Showing;

/// <summary>One row of the member <c>gateways</c> of a status: how a domain is reached, and what it said last. Every text but <see cref="Name"/> is escaped.</summary>
internal sealed class DomainState
{
    private const int MaxNamed = 4;

    /// <summary>A report that is older than two questions of the courier is said to be.</summary>
    private const int FreshSeconds = 2 * Limits.MaxGrowthWaitSeconds;

    /// <summary>Errors with one of these name what mends them.</summary>
    private static readonly string[] SaysHow = ["gateway.json", "qwamosctl ", "gateway-policyd enroll", "qwamos-link "];

    private readonly JsonValue row;

    private DomainState(string name, JsonValue row, bool isCourierWell)
    {
        (Name, this.row) = (name, row);
        Report = Member("report") is { Kind: JsonKind.Object } report ? report : null;
        Error = Member("last_error") is { Kind: not JsonKind.Null } error ? KeyText.Of(error) : null;
        IsBehind = IsTrue(row, "behind");
        IsStale = Report is not null && IsTrue(Report, "stale");
        IsCourierWell = isCourierWell;
        IsLate = Error is not null || !isCourierWell;
    }

    public string Name { get; }

    public string? Class => Member("class") is { } value && value.TryGetString(out var name) ? name : null;

    /// <summary>What it said, or why that is not believed; null before it said anything.</summary>
    public JsonValue? Report { get; }

    /// <summary>Why the last attempt to reach it failed, or what it refused; null when there is nothing.</summary>
    public string? Error { get; }

    /// <summary>Whether somebody delivers, here as anywhere.</summary>
    public bool IsCourierWell { get; }

    /// <summary>What to do about <see cref="Error"/>; null where it says so itself, or where the courier is to be mended first.</summary>
    public string? MendOfError(SystemPaths paths) =>
        Error is null || !IsCourierWell || SaysHow.Any(word => Error.Contains(word, StringComparison.Ordinal)) ? null
        : $"{(IsRefusal(Error) ? "" : "see whether its VM and its link are up; ")}{MendInside(paths)}";

    /// <summary>Where it says itself what is wrong; in a trial its folder is most often the same one.</summary>
    public static string MendInside(SystemPaths paths) => $"in it: {ProposedCommand.Of(paths, "gateway-policyd", "status")}";

    /// <summary>Whether it lacks something that concerns it.</summary>
    public bool IsBehind { get; }

    /// <summary>Whether it is behind for what was not brought there yet; an older daemon does not say.</summary>
    public bool IsUndelivered => Member("undelivered") is { Kind: JsonKind.Boolean } said ? said.AsBoolean : IsBehind;

    /// <summary>Changes that it is said to have taken, of which its own report has something else: the key, the entry and the value. One that it refused is not among them.</summary>
    public IEnumerable<(string Key, long Entry, JsonValue Value)> Lacks
    {
        get
        {
            foreach (var (key, change) in Report is not null && Report.TryGet("lacks", out var lacks) && lacks.Kind == JsonKind.Object ? lacks.Members : [])
            {
                if (change.TryGet("index", out var index) && index.TryGetInteger(out var entry) && change.TryGet("value", out var value))
                    yield return (key, entry, value);
            }
        }
    }

    /// <summary>The newest trust root that it is said to have taken, with its entry, where its own report has an older one in force; null where it has not.</summary>
    public (long Version, long Entry)? LacksRoot =>
        Report is not null && Report.TryGet("lacks_root", out var root) && root.TryGet("version", out var number) && number.TryGetInteger(out var version) && root.TryGet("index", out var index) && index.TryGetInteger(out var entry)
            ? (version, entry) : null;

    /// <summary>Whether it says that no checkpoint came for long.</summary>
    public bool IsStale { get; }

    /// <summary>Whether it may not be asked as often as ever: what it said is of then.</summary>
    public bool IsLate { get; }

    /// <summary>When it was heard, unix seconds.</summary>
    public long HeardSeconds => Report is not null && Report.TryGet("heard", out var heard) && heard.TryGetInteger(out var seconds) ? seconds : 0;

    /// <summary>Whether what it said is of another time: it may not be asked as often as ever, was not heard for long, or was heard when the clock stood well ahead of where it stands now.</summary>
    public bool IsOld(long nowSeconds) => IsLate || HeardSeconds < nowSeconds - FreshSeconds || HeardSeconds > nowSeconds + FreshSeconds;

    /// <summary>Why nothing is known of its keys; null when something is.</summary>
    public string? WhyUnknown =>
        Report is null ? Error ?? "it has said nothing yet"
        : Report.TryGet("fault", out var fault) ? KeyText.Of(fault)
        : null;

    /// <summary>Why what it says to be in force is not recorded, though its report is believed; null when it is.</summary>
    public string? Refused => Report is not null && Report.TryGet("refused", out var refused) ? KeyText.Of(refused) : null;

    /// <summary>Its keys, by name.</summary>
    public IEnumerable<KeyValuePair<string, JsonValue>> Keys =>
        Report is not null && Report.TryGet("keys", out var keys) && keys.Kind == JsonKind.Object ? keys.Members.Where(key => key.Value.Kind == JsonKind.Object) : [];

    /// <summary>The domains of a status, by name.</summary>
    public static List<DomainState> Of(AnswerReader answer)
    {
        var isCourierWell = answer.TextOf("courier") is null or "ok";
        return [.. (answer.ObjectOf("gateways")?.Members ?? []).Where(row => row.Value.Kind == JsonKind.Object).Select(row => new DomainState(row.Key, row.Value, isCourierWell))];
    }

    /// <summary>Whether it spoke of a key.</summary>
    public bool Has(string key) => Report is not null && Report.TryGet("keys", out var keys) && keys.Kind == JsonKind.Object && keys.TryGet(key, out _);

    /// <summary>The entry with the newest change of a key, where it refused that; else null.</summary>
    public long? MissedEntry(string key) =>
        Member("missed") is { Kind: JsonKind.Object } missed && missed.TryGet(key, out var index) && index.TryGetInteger(out var entry) ? entry : null;

    /// <summary>How it stands, in a clause that changes only when that does.</summary>
    public string Describe()
    {
        List<string> clauses = [];
        if (Error is not null)
            clauses.Add($"last {(IsRefusal(Error) ? "refusal" : "error")}: {Error}");
        if (IsBehind)
            clauses.Add("is behind");
        if (Lacking is { } lacking)
            clauses.Add($"its own report lacks what it is said to have taken: {lacking}");
        if (IsStale)
            clauses.Add("STALE: no checkpoint came there for long");
        if (Refused is { } refused)
            clauses.Add(refused);
        if (WhyUnknown is { } why && why != Error)
            clauses.Add($"not known: {why}");
        return clauses.Count == 0 ? "is reached, and has all" : string.Join("; ", clauses);
    }

    /// <summary>What it is said to have taken and its own report has not, each with its entry: the trust root, and at most four of the keys by name; null where there is nothing.</summary>
    public string? Lacking
    {
        get
        {
            var named = Lacks.Select(lack => $"{KeyText.Of(JsonValue.Of(lack.Key))} of entry {lack.Entry}").ToList();
            var more = named.Count > MaxNamed ? $" and {named.Count - MaxNamed} more" : "";
            List<string> all = [.. LacksRoot is { } root ? [$"trust root {root.Version} of entry {root.Entry}"] : ReadOnlySpan<string>.Empty, .. named.Take(MaxNamed)];
            return all.Count == 0 ? null : string.Join(", ", all) + more;
        }
    }

    /// <summary>The domain's own answer begins with its code; what else is there the daemon says of a link that is down.</summary>
    public static bool IsRefusal(string error) => ErrorCodes.TryParse(error.Split(':')[0], out _);

    private JsonValue? Member(string name) => row.TryGet(name, out var value) ? value : null;

    private static bool IsTrue(JsonValue value, string name) => value.TryGet(name, out var member) && member is { Kind: JsonKind.Boolean, AsBoolean: true };
}
