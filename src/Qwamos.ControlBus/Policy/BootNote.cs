using System.Diagnostics.CodeAnalysis;
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

    /// <summary>The new floor of <see cref="BootNoteKind.TimeFloor"/>, unix seconds.</summary>
    public long FloorSeconds { get; private init; }

    /// <summary>Key ID (64 hex digits) of the anchor before <see cref="BootNoteKind.AnchorReplaced"/>.</summary>
    public string OldAnchor { get; private init; } = "";

    /// <summary>Key ID (64 hex digits) of the anchor after <see cref="BootNoteKind.AnchorReplaced"/>.</summary>
    public string NewAnchor { get; private init; } = "";

    public static BootNote Applied(long sequence, long timeSeconds, IReadOnlyList<BootResult> results)
        => new() { Sequence = sequence, Kind = BootNoteKind.Applied, TimeSeconds = timeSeconds, Results = Shorten(results) };

    public static BootNote TimeFloor(long sequence, long timeSeconds, long floorSeconds)
        => new() { Sequence = sequence, Kind = BootNoteKind.TimeFloor, TimeSeconds = timeSeconds, FloorSeconds = floorSeconds };

    public static BootNote AnchorReplaced(long sequence, long timeSeconds, string oldAnchor, string newAnchor)
        => new() { Sequence = sequence, Kind = BootNoteKind.AnchorReplaced, TimeSeconds = timeSeconds, OldAnchor = oldAnchor, NewAnchor = newAnchor };

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
            members.Add(("results", JsonValue.Array(Results.Select(ResultToJson))));
        else if (Kind == BootNoteKind.TimeFloor)
            members.Add(("seconds", JsonValue.Of(FloorSeconds)));
        else
            members.AddRange([("old", JsonValue.Of(OldAnchor)), ("new", JsonValue.Of(NewAnchor))]);
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
            read = Applied(sequence, time, ReadResults(reader));
        else if (kind == KindName(BootNoteKind.TimeFloor))
            read = TimeFloor(sequence, time, reader.Integer("seconds", 0, Limits.MaxSafeInteger));
        else if (kind == KindName(BootNoteKind.AnchorReplaced))
            read = AnchorReplaced(sequence, time, reader.Hash("old"), reader.Hash("new"));
        else
            reader.Refuse($"the note's kind {kind} is not known");
        if (reader.Finish(out fault))
            note = read;
        return note is not null;
    }

    private static List<BootResult> ReadResults(MemberReader reader)
    {
        var results = new List<BootResult>();
        foreach (var json in reader.Array("results", Limits.MaxPolicyKeys))
        {
            var inner = new MemberReader(json, "a result");
            var result = new BootResult(
                inner.Text("key", Limits.MaxPolicyKeyNameBytes),
                inner.Integer("index", 0, Limits.MaxSafeInteger),
                inner.Text("result", BootResult.MaxTextCodePoints),
                inner.Text("detail", BootResult.MaxTextCodePoints));
            if (!inner.Finish(out var fault))
                reader.Refuse(fault);
            else if (!result.HasKnownForm)
                reader.Refuse($"the result of {result.Key} is not known");
            results.Add(result);
        }
        return results;
    }

    private static JsonValue ResultToJson(BootResult result) => JsonValue.Object(
    [
        ("key", JsonValue.Of(result.Key)),
        ("index", JsonValue.Of(result.Index)),
        ("result", JsonValue.Of(result.Result)),
        ("detail", JsonValue.Of(result.Detail)),
    ]);

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
        BootNoteKind.TimeFloor => "time-floor",
        _ => "anchor-replaced",
    };
}
