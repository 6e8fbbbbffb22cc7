using System.Collections.Immutable;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Json;

namespace Qwamos.Daemon.Delivery;

/// <summary>What the courier knows of one domain. Immutable; replaced whole.</summary>
internal sealed record DomainRow
{
    /// <summary>Lines that are kept of each domain: the tree being exported is not forgotten when a change comes meanwhile.</summary>
    public const int MaxCosignatures = 4;

    /// <summary>Longest error, and a text that is read is at most so long again for its escapes.</summary>
    public const int MaxErrorCodePoints = 800;

    /// <summary>The last delivery's number at this domain; 0 before the first.</summary>
    public long Sequence { get; init; }

    /// <summary>The last entry that was brought there, whatever became of it; -1 before the first.</summary>
    public long Index { get; init; } = -1;

    /// <summary>The last change that it took; null when there is none.</summary>
    public long? Taken { get; init; }

    /// <summary>An entry for it is not taken: on its way, or refused and nothing newer of its keys taken since.</summary>
    public bool IsBehind { get; init; }

    /// <summary>Whether it is behind for that an entry is not brought there yet.</summary>
    public bool HasNext { get; init; }

    /// <summary>Since when, unix seconds; null when it is not.</summary>
    public long? BehindSince { get; init; }

    /// <summary>Keys whose newest change it refused, with the entry of that change.</summary>
    public ImmutableSortedDictionary<string, long> Missed { get; init; } = ImmutableSortedDictionary.Create<string, long>(StringComparer.Ordinal);

    /// <summary>It once said that it stands where so many deliveries do not lead: one may be missing there, until its report shows that none is, or it takes a change that brings all.</summary>
    public bool HasGap { get; init; }

    /// <summary>Why the last attempt failed; null when it did not.</summary>
    public string? LastError { get; init; }

    /// <summary>Why it refused the newest trust root that it was given; null when it took it. It is not given again.</summary>
    public string? TrustFault { get; init; }

    /// <summary>The version of the trust root that it has; null when that is not known.</summary>
    public long? TrustVersion { get; init; }

    /// <summary>The key that it says is its own, 64 lower-case hex digits; null when it said none. Nothing is believed by it before an operator vouched for it.</summary>
    public string? Key { get; init; }

    /// <summary>What it says of its keys; null before it said anything.</summary>
    public ReportRow? Report { get; init; }

    /// <summary>How it stands as a witness.</summary>
    public WitnessRow Witness { get; init; } = new(WitnessState.Unknown);

    /// <summary>Its newest lines, each with the root of its tree, 64 lower-case hex digits: a size alone could be another history's.</summary>
    public IReadOnlyList<(string Root, string Line)> Cosignatures { get; init; } = [];

    /// <summary>Why a change was refused stays while nothing newer of its keys was taken.</summary>
    public string? KeptError => Missed.Count > 0 ? LastError : null;

    /// <summary>Whether it is known, or to be feared, that it lacks a change that came before the next one.</summary>
    public bool LacksSome => Missed.Count > 0 || HasGap || Report is { IsLacking: true };

    /// <summary>What status shows.</summary>
    public JsonValue ToStatus() => JsonValue.Object(
    [
        ("taken", Taken is { } index ? JsonValue.Of(index) : JsonValue.Null),
        ("seq", JsonValue.Of(Sequence)),
        ("behind", JsonValue.Of(IsBehind)),
        .. Missed.Count > 0 ? [("missed", JsonValue.Object(Missed.Select(pair => (pair.Key, JsonValue.Of(pair.Value)))))] : ReadOnlySpan<(string, JsonValue)>.Empty,
        .. (TrustFault ?? LastError ?? (HasGap ? GapError : null)) is { } error ? [("last_error", JsonValue.Shown(error))] : ReadOnlySpan<(string, JsonValue)>.Empty,
        .. IsBehind ? [("undelivered", JsonValue.Of(HasNext))] : ReadOnlySpan<(string, JsonValue)>.Empty,
        .. TrustVersion is { } version ? [("trust_version", JsonValue.Of(version))] : ReadOnlySpan<(string, JsonValue)>.Empty,
        .. Key is { } key ? [("key", JsonValue.Of(key))] : ReadOnlySpan<(string, JsonValue)>.Empty,
        .. Report is { } report ? [("report", report.ToJson())] : ReadOnlySpan<(string, JsonValue)>.Empty,
        ("witness", Witness.ToJson()),
    ]);

    /// <summary>What is kept.</summary>
    public JsonValue ToJson() => JsonValue.Object(
    [
        ("seq", JsonValue.Of(Sequence)),
        ("index", JsonValue.Of(Index)),
        ("taken", Number(Taken)),
        ("behind_since", Number(BehindSince)),
        ("undelivered", JsonValue.Of(HasNext)),
        ("missed", JsonValue.Object(Missed.Select(pair => (pair.Key, JsonValue.Of(pair.Value))))),
        ("gap", JsonValue.Of(HasGap)),
        ("last_error", JsonValue.Shown(LastError ?? "")),
        ("trust_fault", JsonValue.Shown(TrustFault ?? "")),
        ("trust_version", Number(TrustVersion)),
        ("report", Report?.ToJson() ?? JsonValue.Null),
        ("key", Key is null ? JsonValue.Null : JsonValue.Of(Key)),
        ("witness", Witness.ToJson()),
        ("cosignatures", JsonValue.Array(Cosignatures.Select(line => JsonValue.Array(JsonValue.Of(line.Root), JsonValue.Of(line.Line))))),
    ]);

    /// <summary>Reads what <see cref="ToJson"/> wrote, here or in an earlier program, which had no <c>report</c>, <c>key</c>, <c>undelivered</c> and <c>gap</c>; false for anything else.</summary>
    public static bool TryRead(JsonValue json, out DomainRow row, out string fault)
    {
        var reader = new MemberReader(json, "a domain");
        var missed = ImmutableSortedDictionary.CreateBuilder<string, long>(StringComparer.Ordinal);
        row = new DomainRow
        {
            Sequence = reader.Integer("seq", 0, long.MaxValue),
            Index = reader.Integer("index", -1, long.MaxValue),
            Taken = OptionalNumber(reader, "taken"),
            BehindSince = OptionalNumber(reader, "behind_since"),
            HasNext = reader.AnyIfPresent("undelivered") is not null && reader.Boolean("undelivered"),
            HasGap = reader.AnyIfPresent("gap") is not null && reader.Boolean("gap"),
            LastError = reader.Text("last_error", MaxTextCodePoints) is { Length: > 0 } error ? error : null,
            TrustFault = reader.Text("trust_fault", MaxTextCodePoints) is { Length: > 0 } trustFault ? trustFault : null,
            TrustVersion = OptionalNumber(reader, "trust_version"),
            Key = ReadKey(reader),
            Report = reader.AnyIfPresent("report") is { } report ? ReportRow.Read(report, reader) : null,
            Witness = WitnessRow.Read(reader.Any("witness"), reader),
            Cosignatures = [.. reader.Array("cosignatures", MaxCosignatures).Select(line => ReadLine(line, reader))],
        };
        foreach ((string key, JsonValue value) in reader.Object("missed"))
        {
            if (value.TryGetInteger(out long index))
                missed[key] = index;
            else
                reader.Refuse("a domain: missed holds something else than numbers");
        }

        row = row with { Missed = missed.ToImmutable(), IsBehind = row.BehindSince is not null };
        return reader.Finish(out fault);
    }

    private const string GapError = "it said that it stands where it was not brought: a delivery may be missing there; its own report shows which, once it is enrolled; the next change of its class brings what it lacks of that class";

    private const int MaxTextCodePoints = 16 * MaxErrorCodePoints;
    private const int MaxLineChars = 512;
    private const string LineStart = "\u2014 ";

    private static JsonValue Number(long? number) => number is { } known ? JsonValue.Of(known) : JsonValue.Null;

    private static long? OptionalNumber(MemberReader reader, string name)
    {
        JsonValue value = reader.Any(name);
        if (value.Kind == JsonKind.Null)
            return null;
        if (value.TryGetInteger(out long number))
            return number;
        reader.Refuse($"a domain: {name} is no number");
        return null;
    }

    private static string? ReadKey(MemberReader reader)
    {
        if (reader.AnyIfPresent("key") is not { Kind: not JsonKind.Null } value)
            return null;
        if (value.TryGetString(out string? key) && DomainKeyStatement.IsKey(key))
            return key;
        reader.Refuse("a domain: key is no key");
        return null;
    }

    private static (string, string) ReadLine(JsonValue value, MemberReader reader)
    {
        if (value is { Kind: JsonKind.Array, Items.Length: 2 } && value.Items[0].TryGetString(out string? root) && value.Items[1].TryGetString(out string? line)
            && line.Length <= MaxLineChars && line.StartsWith(LineStart, StringComparison.Ordinal) && !line.Any(char.IsControl) && line.Split(' ') is [_, _, var text] && Convert.TryFromBase64String(text, new byte[text.Length], out _))
            return (root, line);
        reader.Refuse("a domain: cosignatures holds something else than pairs of a root and a note's line");
        return ("", "");
    }
}
