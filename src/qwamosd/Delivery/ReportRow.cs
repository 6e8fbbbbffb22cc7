using Qwamos.ControlBus;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Keys;

namespace Qwamos.Daemon.Delivery;

/// <summary>What a domain said last of its keys, verified; or why nothing is believed. Immutable; replaced whole.</summary>
/// <param name="HeardSeconds">When it was heard, by the clock here, unix seconds.</param>
/// <param name="Keys">By name; empty where there is a fault.</param>
/// <param name="Fault">Why nothing is believed, one bounded clause; null when it is.</param>
/// <param name="IsStale">It says that it has seen no checkpoint for long.</param>
/// <param name="SignedBy">The fingerprint of the key that signed it; where there is a fault, that which signed what it lacks, or empty.</param>
internal sealed record ReportRow(long HeardSeconds, IReadOnlyDictionary<string, ReportedKey> Keys, string? Fault, bool IsStale, string SignedBy)
{
    /// <summary>A longer one loses what explains it, and then is none: a hostile domain's must leave room for the others'.</summary>
    public const int MaxBytes = 16_384;

    /// <summary>Keys that a longer one lacks, and still says, by name.</summary>
    private const int MaxLacksOfLong = 8;

    /// <summary>
    /// Keys of which the report has something else than the newest change that the domain is said to have taken before it was asked, with that change. Who relays can say so in
    /// the domain's place, and cannot sign: this is what shows it (ATTACKS 13, 14).
    /// </summary>
    public IReadOnlyDictionary<string, LackedKey> Lacks { get; init; } = new Dictionary<string, LackedKey>();

    /// <summary>The version of the trust root in force there, 0 while there is none; null where it does not say.</summary>
    public long? TrustVersion { get; init; }

    /// <summary>The newest trust root that the domain is said to have taken before it was asked, where the report has an older one in force; null where it has not.</summary>
    public LackedRoot? LacksRoot { get; init; }

    /// <summary>Whether it lacks something of what the domain is said to have taken.</summary>
    public bool IsLacking => Lacks.Count > 0 || LacksRoot is not null;

    /// <summary>Why qwamosd does not record what it says to be in force, one bounded clause; null when it does. Its keys are believed all the same.</summary>
    public string? Refused { get; init; }

    /// <summary>
    /// A fault in the place of this. What it was found to lack stands until a verified report takes that back: else whoever relays would only have to spoil the next one (ATTACKS 13, 14).
    /// </summary>
    public ReportRow Spoiled(long heardSeconds, string fault) =>
        IsLacking ? Of(heardSeconds, fault) with { SignedBy = SignedBy, Lacks = Lacks, LacksRoot = LacksRoot, TrustVersion = TrustVersion } : Of(heardSeconds, fault);

    /// <summary>A fault in a row.</summary>
    public static ReportRow Of(long heardSeconds, string fault) => new(heardSeconds, new Dictionary<string, ReportedKey>(), CodePoints.Take(fault, DomainRow.MaxErrorCodePoints), false, "");

    /// <summary>What was verified, as far as there is room.</summary>
    public static ReportRow Of(long heardSeconds, IEnumerable<KeyValuePair<string, ReportedKey>> keys, bool isStale, string signedBy, Lacking lacking, long? trustVersion)
    {
        var row = new ReportRow(heardSeconds, keys.ToDictionary(StringComparer.Ordinal), null, isStale, signedBy) { Lacks = lacking.Keys, LacksRoot = lacking.Root, TrustVersion = trustVersion };
        if (!IsLong(row))
            return row;
        row = row with { Keys = row.Keys.ToDictionary(pair => pair.Key, pair => pair.Value with { Why = null, Observed = null }, StringComparer.Ordinal) };
        return IsLong(row) ? (row with { Lacks = row.Lacks.OrderBy(pair => pair.Key, StringComparer.Ordinal).Take(MaxLacksOfLong).ToDictionary(StringComparer.Ordinal) }).Spoiled(heardSeconds, $"its report has more than {MaxBytes} bytes") : row;
    }

    public JsonValue ToJson() => JsonValue.Object(
    [
        ("heard", JsonValue.Of(HeardSeconds)),
        ("stale", JsonValue.Of(IsStale)),
        ("keys", JsonValue.Object(Keys.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => (pair.Key, pair.Value.ToJson())))),
        .. Lacks.Count > 0 ? [("lacks", JsonValue.Object(Lacks.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => (pair.Key, pair.Value.ToJson()))))] : ReadOnlySpan<(string, JsonValue)>.Empty,
        .. TrustVersion is { } version ? [("trust_version", JsonValue.Of(version))] : ReadOnlySpan<(string, JsonValue)>.Empty,
        .. LacksRoot is { } root ? [("lacks_root", root.ToJson())] : ReadOnlySpan<(string, JsonValue)>.Empty,
        .. SignedBy.Length > 0 ? [("signed_by", JsonValue.Of(SignedBy))] : ReadOnlySpan<(string, JsonValue)>.Empty,
        .. Refused is { } refused ? [("refused", JsonValue.Shown(refused))] : ReadOnlySpan<(string, JsonValue)>.Empty,
        .. Fault is { } fault ? [("fault", JsonValue.Shown(fault))] : ReadOnlySpan<(string, JsonValue)>.Empty,
    ]);

    /// <summary>Reads that form, or null; what is wrong is a fault of the reader's.</summary>
    public static ReportRow? Read(JsonValue json, MemberReader outer)
    {
        if (json.Kind == JsonKind.Null)
            return null;
        var reader = new MemberReader(json, "report");
        long heard = reader.Integer("heard", 0, Limits.MaxSafeInteger);
        bool isStale = reader.AnyIfPresent("stale") is not null && reader.Boolean("stale");
        var keys = new Dictionary<string, ReportedKey>(StringComparer.Ordinal);
        foreach ((string name, JsonValue value) in reader.Object("keys"))
            keys[name] = ReportedKey.Read(name, value, reader);
        var lacks = new Dictionary<string, LackedKey>(StringComparer.Ordinal);
        foreach ((string name, JsonValue value) in reader.AnyIfPresent("lacks") is null ? [] : reader.Object("lacks"))
            lacks[name] = LackedKey.Read(name, value, reader);
        long? trustVersion = reader.AnyIfPresent("trust_version") is null ? null : reader.Integer("trust_version", 0, Limits.MaxSafeInteger);
        LackedRoot? lacksRoot = reader.AnyIfPresent("lacks_root") is { } root ? LackedRoot.Read(root, reader) : null;
        string? fault = reader.TextIfPresent("fault", 16 * DomainRow.MaxErrorCodePoints);
        string? refused = reader.TextIfPresent("refused", 16 * DomainRow.MaxErrorCodePoints);
        string signedBy = reader.TextIfPresent("signed_by", KeyId.Digits) ?? "";
        if (!reader.Finish(out string wrong))
            outer.Refuse(wrong);
        return new ReportRow(heard, keys, fault, isStale, signedBy) { Lacks = lacks, TrustVersion = trustVersion, LacksRoot = lacksRoot, Refused = refused };
    }

    private static bool IsLong(ReportRow row) => JsonText.Bytes(row.ToJson()).Length > MaxBytes;
}
