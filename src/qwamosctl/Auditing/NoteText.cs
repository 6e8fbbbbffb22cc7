using System.Globalization;
using Qwamos.ControlBus.Policy;

namespace Qwamos.Client.Auditing;

/// <summary>What root's programs noted in the ledger, as a sentence; the note itself is in the JSON form.</summary>
internal static class NoteText
{
    public static string Describe(BootNote note) => note.Kind switch
    {
        BootNoteKind.Applied => note.Results.Count == 0 ? "the boot found nothing staged" : $"the boot applied what was staged: {string.Join("; ", note.Results.Select(Describe))}",
        BootNoteKind.PutBack => $"the boot put back what did not prove itself: {string.Join("; ", note.Returned.Select(back => back.Sentence))}",
        BootNoteKind.TimeFloor => $"root lowered the time floor to {Time(note.FloorSeconds)}",
        BootNoteKind.AnchorReplaced when note.OldAnchor == note.NewAnchor => $"root had the trust begin anew from the enrolled key {note.NewAnchor}",
        BootNoteKind.AnchorReplaced => $"root replaced the operator's key {note.OldAnchor} by {note.NewAnchor}",
        BootNoteKind.Restored => $"root put a copy of the ledger in its place: {Trees(note.Trees!)}; nothing that was seen is lost",
        BootNoteKind.RestoredOlder => $"root put an OLDER copy of the ledger in its place: {Trees(note.Trees!)}; what was recorded after it is lost",
        _ => throw new ArgumentOutOfRangeException(nameof(note), note.Kind, "a kind of note without a sentence"),
    };

    private static string Describe(BootResult result)
    {
        var detail = result.Detail.Length == 0 ? "" : $" ({result.Detail})";
        return string.Create(CultureInfo.InvariantCulture, $"{result.Key} (entry {result.Index}): {result.Result}{detail}");
    }

    private static string Trees(RestoredTrees trees) => trees.OldSize == 0
        ? string.Create(CultureInfo.InvariantCulture, $"{trees.Size} {AuditText.Entries(trees.Size)}, and none was there")
        : string.Create(CultureInfo.InvariantCulture, $"{trees.Size} {AuditText.Entries(trees.Size)} after {trees.OldSize}");

    private static string Time(long seconds) => string.Create(CultureInfo.InvariantCulture, $"{AuditText.Time(seconds)} ({seconds})");
}
