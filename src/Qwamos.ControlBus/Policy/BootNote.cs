using System.Collections.ObjectModel;
using System.Diagnostics.CodeAnalysis;
using System.Text;
using Qwamos.ControlBus.Json;

namespace Qwamos.ControlBus.Policy;

/// <summary>
/// A message from root's programs to qwamosd, which alone writes the ledger: <c>/var/lib/qwamos-boot/notes/SEQ.json</c>
/// (DESIGN section 6). Imported once, in the order of the sequence numbers. Immutable.
/// </summary>
public sealed record BootNote
{
    private const long Format = 1;
    private const int MaxKindCodePoints = 32;
    private const int TextBudgetCodePoints = 4_000;

    private BootNote()
    {
    }

    /// <summary>1 to 99,999,999, each used once.</summary>
    public long Sequence { get; private init; }

    public BootNoteKind Kind { get; private init; }

    /// <summary>Unix seconds by the clock of the program that wrote it.</summary>
    public long TimeSeconds { get; private init; }

    /// <summary>The results of <see cref="BootNoteKind.Applied"/>.</summary>
    public IReadOnlyList<BootResult> Results { get; private init; } = [];

    /// <summary>What <see cref="BootNoteKind.PutBack"/> put back.</summary>
    public IReadOnlyList<PutBack> Returned { get; private init; } = [];

    /// <summary>The new floor of <see cref="BootNoteKind.TimeFloor"/>, or the one that a restored ledger gets at least; unix seconds.</summary>
    public long FloorSeconds { get; private init; }

    /// <summary>Key ID (64 hex digits) of the anchor before <see cref="BootNoteKind.AnchorReplaced"/>.</summary>
    public string OldAnchor { get; private init; } = "";

    /// <summary>Key ID (64 hex digits) of the anchor after <see cref="BootNoteKind.AnchorReplaced"/>.</summary>
    public string NewAnchor { get; private init; } = "";

    /// <summary>No version 1 of a trust root that was drawn up until then counts again after <see cref="BootNoteKind.AnchorReplaced"/>, unix seconds.</summary>
    public long BegunSeconds => Begun ?? TimeSeconds;

    private long? Begun { get; init; }

    /// <summary>What was put in the place of what; null when <see cref="IsRestored"/> is not so.</summary>
    public RestoredTrees? Trees { get; private init; }

    /// <summary>Policy key to the unix seconds below which a message that names it is superseded in a restored ledger; in ordinal order.</summary>
    public IReadOnlyDictionary<string, long> Timestamps { get; private init; } = ReadOnlyDictionary<string, long>.Empty;

    /// <summary>True when the ledger was put back by root, older or not.</summary>
    public bool IsRestored => Kind is BootNoteKind.Restored or BootNoteKind.RestoredOlder;

    public static BootNote Applied(long sequence, long timeSeconds, IReadOnlyList<BootResult> results)
        => new() { Sequence = sequence, Kind = BootNoteKind.Applied, TimeSeconds = timeSeconds, Results = Shorten(results) };

    /// <param name="sequence">The note's number.</param>
    /// <param name="timeSeconds">When, unix seconds.</param>
    /// <param name="returned">What was put back; at most as many as a schema has keys.</param>
    public static BootNote PutBackTo(long sequence, long timeSeconds, IReadOnlyList<PutBack> returned)
        => new() { Sequence = sequence, Kind = BootNoteKind.PutBack, TimeSeconds = timeSeconds, Returned = returned };

    public static BootNote TimeFloor(long sequence, long timeSeconds, long floorSeconds)
        => new() { Sequence = sequence, Kind = BootNoteKind.TimeFloor, TimeSeconds = timeSeconds, FloorSeconds = floorSeconds };

    /// <param name="sequence">The note's number.</param>
    /// <param name="timeSeconds">When, unix seconds.</param>
    /// <param name="oldAnchor">Key ID before.</param>
    /// <param name="newAnchor">Key ID after.</param>
    /// <param name="begunSeconds">No version 1 of a trust root that was drawn up until then counts again, unix seconds; null: until the note's time.</param>
    public static BootNote AnchorReplaced(long sequence, long timeSeconds, string oldAnchor, string newAnchor, long? begunSeconds = null)
        => new() { Sequence = sequence, Kind = BootNoteKind.AnchorReplaced, TimeSeconds = timeSeconds, OldAnchor = oldAnchor, NewAnchor = newAnchor, Begun = begunSeconds };

    /// <param name="sequence">The note's number.</param>
    /// <param name="timeSeconds">When, unix seconds.</param>
    /// <param name="isOlder">What was seen before is lost.</param>
    /// <param name="trees">The ledger before and after.</param>
    /// <param name="floorSeconds">The time floor that was known.</param>
    /// <param name="timestamps">At most 64 keys: every message that can have been lost is before its keys'.</param>
    public static BootNote Restored(long sequence, long timeSeconds, bool isOlder, RestoredTrees trees, long floorSeconds, IEnumerable<KeyValuePair<string, long>> timestamps) => new()
    {
        Sequence = sequence,
        Kind = isOlder ? BootNoteKind.RestoredOlder : BootNoteKind.Restored,
        TimeSeconds = timeSeconds,
        Trees = trees,
        FloorSeconds = floorSeconds,
        Timestamps = new SortedDictionary<string, long>(timestamps.ToDictionary(StringComparer.Ordinal), StringComparer.Ordinal),
    };

    /// <summary>The same note under another number.</summary>
    public BootNote Numbered(long sequence) => this with { Sequence = sequence };

    /// <summary>The document of the file, and of the ledger's entry.</summary>
    public JsonValue ToJson()
    {
        List<(string, JsonValue)> members =
        [
            ("format", JsonValue.Of(Format)),
            ("seq", JsonValue.Of(Sequence)),
            ("kind", JsonValue.Of(KindName(Kind))),
            ("time", JsonValue.Of(TimeSeconds)),
        ];
        if (Kind == BootNoteKind.Applied)
            members.Add(("results", JsonValue.Array(Results.Select(result => result.ToJson()))));
        else if (Kind == BootNoteKind.PutBack)
            members.Add(("put_back", JsonValue.Array(Returned.Select(back => JsonValue.Object([("key", JsonValue.Of(back.Key)), .. back.Members()])))));
        else if (Kind == BootNoteKind.TimeFloor)
            members.Add(("seconds", JsonValue.Of(FloorSeconds)));
        else if (Trees is { } trees)
            members.AddRange([.. trees.Members(), ("seconds", JsonValue.Of(FloorSeconds)), ("timestamps", JsonValue.Object(Timestamps.Select(pair => (pair.Key, JsonValue.Of(pair.Value)))))]);
        else
            members.AddRange([("old", JsonValue.Of(OldAnchor)), ("new", JsonValue.Of(NewAnchor)), .. Begun is { } begun ? [("begun", JsonValue.Of(begun))] : ReadOnlySpan<(string, JsonValue)>.Empty]);
        return JsonValue.Object(members);
    }

    /// <summary>Reads what <see cref="ToJson"/> wrote; any other member, format or value is a fault.</summary>
    public static bool TryRead(JsonValue document, [NotNullWhen(true)] out BootNote? note, out string fault)
    {
        ArgumentNullException.ThrowIfNull(document);
        note = null;
        var reader = new MemberReader(document, "the note");
        reader.Integer("format", Format, Format);
        var sequence = reader.Integer("seq", 1, BootNotes.MaxSequence);
        var kind = reader.Text("kind", MaxKindCodePoints);
        var time = reader.Integer("time", 0, Limits.MaxSafeInteger);
        BootNote? read = null;
        if (kind == KindName(BootNoteKind.Applied))
            read = Applied(sequence, time, BootResult.ReadAll(reader, "results"));
        else if (kind == KindName(BootNoteKind.PutBack))
            read = PutBackTo(sequence, time, ReadReturned(reader));
        else if (kind == KindName(BootNoteKind.TimeFloor))
            read = TimeFloor(sequence, time, reader.Integer("seconds", 0, Limits.MaxSafeInteger));
        else if (kind == KindName(BootNoteKind.AnchorReplaced))
            read = AnchorReplaced(
                sequence, time, reader.Hash("old"), reader.Hash("new"), document.TryGet("begun", out _) ? reader.Integer("begun", 0, Limits.MaxSafeInteger) : null);
        else if (kind == KindName(BootNoteKind.Restored) || kind == KindName(BootNoteKind.RestoredOlder))
            read = Restored(
                sequence, time, kind == KindName(BootNoteKind.RestoredOlder), RestoredTrees.Read(reader), reader.Integer("seconds", 0, Limits.MaxSafeInteger), ReadTimestamps(reader));
        else
            reader.Refuse($"the note's kind {kind} is not known");
        if (reader.Finish(out fault))
            note = read;
        return note is not null;
    }

    private static List<PutBack> ReadReturned(MemberReader reader)
    {
        var returned = new List<PutBack>();
        foreach (var json in reader.Array("put_back", Limits.MaxPolicyKeys))
        {
            var inner = new MemberReader(json, "what was put back");
            returned.Add(PutBack.Read(inner.Text("key", Limits.MaxPolicyKeyNameBytes), inner));
            if (!inner.Finish(out var fault))
                reader.Refuse(fault);
        }
        return returned;
    }

    private static List<KeyValuePair<string, long>> ReadTimestamps(MemberReader reader)
    {
        var read = new List<KeyValuePair<string, long>>();
        foreach (var (key, json) in reader.Object("timestamps"))
        {
            if (read.Count < Limits.MaxPolicyKeys && Encoding.UTF8.GetByteCount(key) <= Limits.MaxPolicyKeyNameBytes && json.TryGetInteger(out var seconds) && seconds >= 0)
                read.Add(KeyValuePair.Create(key, seconds));
            else
                reader.Refuse($"timestamps holds something else than the seconds of at most {Limits.MaxPolicyKeys} keys");
        }
        return read;
    }

    // An applier's reason may be as long as an error message of the system. Twice this budget, at six bytes a code point
    // (an escape), and 64 keys with their members stay below one ledger leaf.
    private static List<BootResult> Shorten(IReadOnlyList<BootResult> results)
    {
        var maxCodePoints = Math.Min(BootResult.MaxTextCodePoints, TextBudgetCodePoints / Math.Max(1, results.Count));
        return [.. results.Select(result => result with
        {
            Result = CodePoints.Take(result.Result, maxCodePoints),
            Detail = CodePoints.Take(result.Detail, maxCodePoints),
        })];
    }

    private static string KindName(BootNoteKind kind) => kind switch
    {
        BootNoteKind.Applied => "applied",
        BootNoteKind.PutBack => "put-back",
        BootNoteKind.TimeFloor => "time-floor",
        BootNoteKind.Restored => "restored",
        BootNoteKind.RestoredOlder => "restored-older",
        _ => "anchor-replaced",
    };
}
