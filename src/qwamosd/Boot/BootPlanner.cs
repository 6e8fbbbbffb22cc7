using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Policy;

namespace Qwamos.Daemon.Boot;

/// <summary>Reads the ledger for the boot: that it extends the remembered tree, what it stages, and which of that may be applied.</summary>
internal sealed class BootPlanner(SystemPaths paths, BootGrounds grounds, LedgerStore store, Assessor assessor, BootReport report)
{
    // No machine boots that often: a ledger that counts further was not written by qwamosd.
    internal const long MaxNotesImported = 90_000_000;

    /// <summary>Throws <see cref="LedgerIntegrityException"/> and other <see cref="IOException"/> when the ledger is not to be believed.</summary>
    public BootPlan Plan()
    {
        CheckSeen(new LedgerTree(store));
        var loaded = LedgerFold.Load(store);
        var state = loaded.State;
        if (state.LastNote > MaxNotesImported) throw new LedgerIntegrityException("It counts more boot notes than were ever written.");
        if (!BootNotes.TryReadAfter(paths, state.LastNote, out var waiting, out var notesFault)) throw new IOException(notesFault);
        var newest = Newest(state, waiting);
        var isBehind = PendingFile.IsBehind(paths.StatusFile, loaded.Tree.Size);
        foreach (var difference in PendingFile.Differences(paths.PendingFile, Projections.Pending(state, grounds.Schema), isBehind)) report.Warn(difference);

        var effective = waiting.Aggregate(state, (before, note) => before.Import(note));
        var (roots, trust) = new TrustJudge(paths, grounds, store, report).Judge(effective.Trust);
        var judge = new StagedJudge(grounds, roots, store.ReadEntry, newest);
        List<StagedChange> accepted = [];
        List<RefusedChange> refused = [];
        foreach (var (key, staged) in state.Staged)
        {
            if (assessor.Now.IsReturned(key, staged)) report.Say($"not applied again: {assessor.Now.Returned[key].Sentence}; to try it once more, set it again");
            else if (!assessor.MayApply) report.Say($"{key} (entry {staged.Index}) waits for the next boot");
            else if (judge.TryJudge(key, staged, out var change, out var fault)) accepted.Add(change);
            else refused.Add(new RefusedChange(key, staged.Index, fault));
        }
        var seen = grounds.Memory with
        {
            TreeSize = loaded.Tree.Size,
            RootHash = Convert.ToHexStringLower(loaded.Tree.Root()),
            Timestamps = Timestamps(judge, newest),
            // A run that was killed between its note and its memory is ended.
            NextSequence = Math.Max(grounds.Memory.NextSequence, waiting.Count == 0 ? 0 : waiting[^1].Sequence + 1),
            Trust = trust,
        };
        return new BootPlan(loaded, roots, accepted, refused, effective, [.. assessor.Now.Returned.Values.Where(effective.Holds)], assessor.Turned(), seen);
    }

    private void CheckSeen(LedgerTree tree)
    {
        if (store.Size < grounds.Memory.TreeSize)
            throw new LedgerIntegrityException($"It has {store.Size} entries, and the last boot saw {grounds.Memory.TreeSize}: it is an older one, or cut off.");
        CheckSeen(tree.At(grounds.Memory.TreeSize));
    }

    private void CheckSeen(MerkleTree tree)
    {
        if (grounds.Memory.RootHash is { } seen && Convert.ToHexStringLower(tree.Root()) != seen)
            throw new LedgerIntegrityException($"Its first {grounds.Memory.TreeSize} entries are not those that the last boot saw.");
    }

    /// <summary>
    /// Walks the entries that the last boot did not see, and those after the oldest that is staged. Their own hashes, not the stored ones above
    /// them, must give both the remembered root and the ledger's: so whatever is applied stands in the tree that was seen.
    /// </summary>
    private NewestChanges Newest(PolicyState state, IReadOnlyList<BootNote> waiting)
    {
        var newest = new NewestChanges();
        List<long> walked = [];
        var from = state.Staged.Values.Select(staged => staged.Index).Append(grounds.Memory.TreeSize).Min();
        var tree = new LedgerTree(store).At(Math.Clamp(from, 0, store.Size));
        foreach (var row in store.ReadFrom(from))
        {
            if (tree.Size == grounds.Memory.TreeSize) CheckSeen(tree);
            tree.Append(row.LeafHash);
            var entry = store.Parse(row);
            if (entry is MessageEntry { IsAccepted: true, Message: { Args: { } args, Timestamp: { } timestamp } })
                newest.Add(args.Members.Select(member => member.Key), timestamp, row.Index);
            else if (entry is NoteEntry { Note.Kind: BootNoteKind.TimeFloor } lowered)
                newest.LowerTo(lowered.Note.FloorSeconds);
            else if (entry is TrustRootEntry)
                walked.Add(row.Index);
            else if (entry is NoteEntry { Note.Kind: BootNoteKind.AnchorReplaced })
                walked.Clear();
        }
        // As with the changes: the snapshot is in reach of qwamosd's account, which could hide with it that a key was revoked.
        if (walked.Except(state.Trust.Entries).ToList() is [var hidden, ..])
            throw new LedgerIntegrityException($"Its entry {hidden} is a trust root, and its snapshot hides that: somebody changed it. Put your newest backup back.", hidden);
        if (tree.Size == grounds.Memory.TreeSize) CheckSeen(tree);
        if (!tree.Root().AsSpan().SequenceEqual(store.Tree().Root()))
            throw new LedgerIntegrityException($"Its entries from {from} on do not make the tree that it keeps.");
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
            else report.Warn($"the newest change of {key} is not believed: {fault}");
        }
        return timestamps;
    }
}
