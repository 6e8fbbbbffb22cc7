using System.Diagnostics.CodeAnalysis;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Policy;
using Qwamos.ControlBus.Verification;

namespace Qwamos.Daemon.Staging;

/// <summary>
/// Brings what root's programs did into the ledger (DESIGN section 6): each note becomes an entry, once and in order, before the daemon listens.
/// </summary>
internal static class BootNoteImport
{
    /// <summary>Imports the notes after the last one in the ledger; <paramref name="lastBoot"/> is the newest that tells of a boot, old or new.</summary>
    /// <exception cref="IOException">The ledger could not be written.</exception>
    public static bool TryImport(
        SystemPaths paths, LedgerStore ledger, TimeProvider time, LogMessages log, ref LoadedLedger loaded, out BootNote? lastBoot, [NotNullWhen(false)] out string? fault)
    {
        lastBoot = null;
        if (!BootNotes.TryReadAfter(paths, 0, out IReadOnlyList<BootNote> notes, out string why))
        {
            fault = why;
            return false;
        }
        fault = null;
        lastBoot = notes.LastOrDefault(note => note.Kind is BootNoteKind.Applied or BootNoteKind.PutBack);
        foreach (BootNote note in notes)
        {
            if (note.Sequence <= loaded.State.LastNote)
                continue;
            loaded = Import(ledger, loaded, note, time.GetUtcNow().ToUnixTimeSeconds());
            log.NoteImported(note.Sequence, Describe(note));
        }
        return true;
    }

    private static LoadedLedger Import(LedgerStore ledger, LoadedLedger loaded, BootNote note, long clock)
    {
        // A lowered floor counts for its own entry already: the entry of a correction is not itself dated wrong.
        PolicyState state = loaded.State.Import(note);
        long now = new EffectiveTime(clock, state.FloorSeconds).Now;
        ledger.AppendBatch([EntryWriter.Import(now, note)]);
        return loaded with { State = state, Tree = ledger.Tree(), LastTimeSeconds = now };
    }

    private static string Describe(BootNote note) => note.Kind switch
    {
        BootNoteKind.Applied => string.Join(", ", note.Results.Select(result => $"{result.Key} {result.Result}")),
        BootNoteKind.PutBack => string.Join("; ", note.Returned.Select(back => back.Sentence)),
        BootNoteKind.TimeFloor => $"the time floor is set to {note.FloorSeconds}",
        BootNoteKind.Restored => $"the ledger was put back, {note.Trees!.Size} entries, and extends all that was seen",
        BootNoteKind.RestoredOlder => $"an older ledger was put back, {note.Trees!.Size} entries with the root hash {note.Trees.RootHash}; seen before were {note.Trees.OldSize} with {note.Trees.OldRootHash}",
        _ => $"the anchor {note.OldAnchor} was replaced by {note.NewAnchor}",
    };
}
