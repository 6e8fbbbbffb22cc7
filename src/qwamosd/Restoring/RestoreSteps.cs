using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Policy;

namespace Qwamos.Daemon.Restoring;

/// <summary>
/// Carries out a plan. Each step can be repeated: killed at any point and run again it ends in the same state. Both locks are held.
/// </summary>
internal sealed class RestoreSteps(SystemPaths paths, BootFolder folder)
{
    private const UnixFileMode FolderMode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    private static readonly string[] LedgerSuffixes = ["", "-wal", "-shm", "-journal"];

    private string Candidate => Restoring.Candidate.PathIn(paths);

    /// <summary>As the daemon's account: what is there makes place, and the copy gets the ledger's name.</summary>
    /// <exception cref="IOException">A step failed; the plan stays.</exception>
    public void ReplaceLedger(RestorePlan plan)
    {
        // The last rename of these: without the copy they are all done.
        if (!Posix.IsAbsent(Candidate))
        {
            foreach (var suffix in LedgerSuffixes)
                Keep(paths.LedgerFile + suffix, plan);
            if (plan.Note.Kind == BootNoteKind.RestoredOlder)
            {
                // Another history is another key's to sign: one key under both would prove that somebody lies.
                Keep(paths.LedgerKeyFile, plan);
                Keep(paths.CheckpointFile, plan);
            }
            DurableFile.Move(Candidate, paths.LedgerFile);
        }
        else if (Posix.IsAbsent(paths.LedgerFile))
        {
            throw new IOException(
                $"{SafeText.ForTerminal(paths.RestorePlanFile)} says that {SafeText.ForTerminal(plan.File)} is to be restored, and its copy is gone: "
                + $"remove that file, and restore it again: rm {SafePath.Quote(paths.RestorePlanFile)}");
        }
        Restoring.Candidate.Remove(paths);
    }

    /// <summary>As root: the daemon's next start is told, and the boot remembers the ledger as it is now.</summary>
    /// <exception cref="IOException">A step failed; the plan stays.</exception>
    public void Record(RestorePlan plan)
    {
        if (!BootNotes.TryReadAfter(paths, 0, out var notes, out var fault))
            throw new IOException(fault);
        if (plan.Note.Kind == BootNoteKind.RestoredOlder)
        {
            // They name entries of the lost ledger. A key that one of them brought into force is applied once more, and noted anew.
            foreach (var note in notes.Where(note => note.Kind is BootNoteKind.Applied or BootNoteKind.PutBack))
                BootNotes.Remove(paths, note.Sequence);
        }
        if (!notes.Any(note => note.IsRestored && note.TimeSeconds == plan.Note.TimeSeconds && note.Trees == plan.Note.Trees))
        {
            var sequence = BootNotes.NextSequence(paths, plan.Note.Sequence, imported: 0);
            BootNotes.Write(paths, plan.Note.Numbered(sequence), folder.Gid);
        }
        folder.WriteMemory(plan.Memory with { NextSequence = BootNotes.NextSequence(paths, plan.Memory.NextSequence, imported: 0) });
        DurableFile.Remove(paths.RestorePlanFile);
    }

    private void Keep(string path, RestorePlan plan)
    {
        if (Posix.IsAbsent(path))
            return;
        var kept = Path.Combine(paths.BackupsDir, plan.Folder);
        DurableFile.MakeDirectory(paths.BackupsDir, FolderMode);
        DurableFile.MakeDirectory(kept, FolderMode);
        DurableFile.Move(path, Path.Combine(kept, Path.GetFileName(path)));
    }
}
