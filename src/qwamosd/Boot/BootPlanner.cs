using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Policy;

namespace Qwamos.Daemon.Boot;

/// <summary>Reads the ledger for the boot: that it extends the remembered tree, what it stages, and which of that may be applied.</summary>
internal sealed class BootPlanner(SystemPaths paths, BootGrounds grounds, LedgerStore store, BootReport report)
{
    // No machine boots that often: a ledger that counts further was not written by qwamosd.
    private const long MaxNotesImported = 90_000_000;

    /// <summary>Throws <see cref="LedgerIntegrityException"/> and other <see cref="IOException"/> when the ledger is not to be believed.</summary>
    public BootPlan Plan()
    {
        var tree = LedgerTree.Check(store, grounds.Memory);
        var loaded = LedgerFold.Load(store);
        var state = loaded.State;
        if (state.LastNote > MaxNotesImported) throw new LedgerIntegrityException("It counts more boot notes than were ever written.");
        foreach (var difference in PendingFile.Differences(paths.PendingFile, Projections.Pending(state, grounds.Schema))) report.Say(difference);

        var newest = Newest(state);
        var judge = new StagedJudge(grounds, store.ReadEntry, newest);
        List<StagedChange> accepted = [];
        List<RefusedChange> refused = [];
        foreach (var (key, staged) in state.Staged)
        {
            if (judge.TryJudge(key, staged, out var change, out var fault)) accepted.Add(change);
            else refused.Add(new RefusedChange(key, staged.Index, fault));
        }
        var seen = grounds.Memory with
        {
            TreeSize = tree.Size,
            RootHash = Convert.ToHexStringLower(tree.Root()),
            Timestamps = Timestamps(judge, newest),
        };
        return new BootPlan(loaded, accepted, refused, seen);
    }

    /// <summary>Walks the entries that the last boot did not see, and those after the oldest that is staged.</summary>
    private NewestChanges Newest(PolicyState state)
    {
        var newest = new NewestChanges();
        var from = state.Staged.Values.Select(staged => staged.Index).Append(grounds.Memory.TreeSize).Min();
        foreach (var row in store.ReadFrom(from))
        {
            var entry = EntryReader.Read(row, store.ReadConfidential);
            if (entry is MessageEntry { IsAccepted: true, Message: { Args: { } args, Timestamp: { } timestamp } })
                newest.Add(args.Members.Select(member => member.Key), timestamp, row.Index);
            else if (entry is NoteEntry { Note.Kind: BootNoteKind.TimeFloor } lowered)
                newest.LowerTo(lowered.Note.FloorSeconds);
        }
        if (!BootNotes.TryReadAfter(paths, state.LastNote, out var waiting, out var fault)) throw new IOException(fault);
        foreach (var note in waiting.Where(note => note.Kind == BootNoteKind.TimeFloor)) newest.LowerTo(note.FloorSeconds);
        return newest;
    }

    /// <summary>Only what a verified signature says is remembered: a forged entry must not be able to block a key for ever.</summary>
    private Dictionary<string, long> Timestamps(StagedJudge judge, NewestChanges newest)
    {
        var timestamps = new Dictionary<string, long>(grounds.Memory.Timestamps, StringComparer.Ordinal);
        foreach (var (key, timestamp, index) in newest.All.Where(each => grounds.Schema.TryGet(each.Key, out _)))
        {
            if (judge.TryVerify(index, out _, out var fault)) timestamps[key] = Math.Max(timestamp, timestamps.GetValueOrDefault(key));
            else report.Say($"the newest change of {key} is not believed: {fault}");
        }
        return timestamps;
    }
}
