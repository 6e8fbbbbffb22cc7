using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Policy;

namespace Qwamos.ControlBus.Ledger;

/// <summary>
/// The state as a fold over the ledger (DESIGN section 7). It judges nothing: it does what the entries say was decided, with the values that
/// the envelopes hold, so that no later schema or program changes what an entry meant.
/// </summary>
public static class LedgerFold
{
    // Some hundred keys of the longest names: far more than one schema has, for the state keeps those of earlier ones. And the statements about the keys of all domains.
    internal const int MaxSnapshotStateBytes = (1 << 20) + (Limits.MaxDomainKeys * 1_024);

    /// <summary>The state after one more entry.</summary>
    /// <exception cref="InvalidDataException">The decision names a key that its message does not set.</exception>
    public static PolicyState Apply(PolicyState state, LedgerEntry entry, long index) => entry switch
    {
        MessageEntry { Outcome: { } outcome, Message: var message } => state.Accept(message.Args!, outcome, message.Timestamp!.Value, index),
        NoteEntry note => state.Import(note.Note),
        LedgerKeyEntry key => state.WithKey(key.Statement, index),
        DomainKeyEntry key => state.WithDomain(key.Statement, index),
        InForceEntry inForce => state.WithReport(inForce.Statement),
        TrustRootEntry root => state.WithRoot(root.Root, index),
        CatchUpEntry caughtUp => state.Adopt(caughtUp.Value, index),
        DeliveryEntry delivery => state.Take(delivery.Cursor, delivery.Outcome == RecordedEntry.Accepted, index),
        _ => state,
    };

    /// <summary>The snapshot of a state that is the fold of the tree's entries.</summary>
    public static LedgerSnapshot Snapshot(PolicyState state, MerkleTree tree) =>
        new(tree.Size, tree.Frontier(), JsonText.Bytes(state.ToJson()));

    /// <summary>
    /// Folds the ledger: the snapshot and the entries after it, or all of them where there is no sound snapshot. Checks the hash, form and
    /// place of each entry read, the tree over them, and that the ledger extends what is remembered of it.
    /// </summary>
    /// <param name="store">The ledger.</param>
    /// <param name="remembered">What the boot's memory holds; null when nothing is remembered.</param>
    /// <param name="useSnapshot">False to fold from the first entry on.</param>
    /// <exception cref="LedgerIntegrityException">The ledger is not what was recorded, or not what was seen before: which entry, and why.</exception>
    public static LoadedLedger Load(LedgerStore store, RememberedTree? remembered = null, bool useSnapshot = true)
    {
        var stored = store.Tree();
        if (remembered is not null)
            CheckExtends(store, remembered);
        var loaded = useSnapshot && TryStartFromSnapshot(store, stored) is { } start ? Fold(store, start) : null;
        // A sound fold that does not give the stored tree started from a wrong snapshot, or the ledger is wrong: all entries tell.
        if (loaded is null || MerkleTree.FirstDifference(loaded.Tree, stored) is not null)
            loaded = Fold(store, new LoadedLedger(PolicyState.Empty, new MerkleTree(), 0, 0));
        if (MerkleTree.FirstDifference(loaded.Tree, stored) is var (from, to))
            throw new LedgerIntegrityException(
                to - from == 1
                    ? $"Entry {from} is not the one whose hash is in the ledger's tree."
                    : $"Entries {from} to {to - 1} are not those whose hashes are in the ledger's tree.",
                from);
        return loaded;
    }

    private static LoadedLedger? TryStartFromSnapshot(LedgerStore store, MerkleTree stored)
    {
        if (store.ReadSnapshot() is not { } snapshot || snapshot.Size > stored.Size)
            return null;
        if (!MerkleTree.TryRestore(snapshot.Size, snapshot.Frontier, out var tree))
            return null;
        if (!StrictJson.TryParse(snapshot.State, out var json, out _, MaxSnapshotStateBytes) || !PolicyStateDocument.TryRead(json, out var state, out _))
            return null;
        var time = snapshot.Size > 0 ? store.ReadEntry(snapshot.Size - 1)!.TimeSeconds : 0;
        return new LoadedLedger(state, tree, time, snapshot.Size);
    }

    /// <summary>The state after one more entry of a stored ledger.</summary>
    /// <exception cref="LedgerIntegrityException">The decision does not belong to its message.</exception>
    internal static PolicyState ApplyRecorded(PolicyState state, LedgerEntry entry, long index)
    {
        try
        {
            return Apply(state, entry, index);
        }
        catch (InvalidDataException e)
        {
            throw new LedgerIntegrityException($"Entry {index} is not what was recorded: {e.Message}.", index, e);
        }
    }

    private static LoadedLedger Fold(LedgerStore store, LoadedLedger start)
    {
        var (state, tree, time, from) = start;
        foreach (var row in store.ReadFrom(from))
        {
            var entry = store.Parse(row);
            state = ApplyRecorded(state, entry, row.Index);
            tree.Append(row.LeafHash);
            time = entry.TimeSeconds;
        }
        return new LoadedLedger(state, tree, time, from);
    }

    /// <summary>The stored hashes must prove that the whole tree begins with the remembered one: O(log n), whatever the two sizes are.</summary>
    /// <exception cref="LedgerIntegrityException">They do not.</exception>
    public static void CheckExtends(LedgerStore store, RememberedTree remembered)
    {
        var stored = store.Tree();
        if (remembered.Size > stored.Size)
            throw new LedgerIntegrityException(
                $"Entry {stored.Size} is missing: the ledger has {stored.Size} entries, and {remembered.Size} were seen before. It was put back or cut.",
                stored.Size);
        var tree = new LedgerTree(store);
        var root = tree.RootAt(remembered.Size);
        if (Convert.ToHexStringLower(root) != remembered.RootHash)
            throw new LedgerIntegrityException(
                $"Among the entries 0 to {remembered.Size - 1} is one that is not the one seen before: their root hash is {Convert.ToHexStringLower(root)}, "
                + $"and {remembered.RootHash} is remembered. Another ledger, or another history, was put in this one's place.");
        if (!TreeProofs.VerifyConsistency(remembered.Size, root, stored.Size, stored.Root(), tree.ConsistencyProof(remembered.Size, stored.Size)))
            throw new LedgerIntegrityException(
                $"The ledger's {stored.Size} entries do not extend the first {remembered.Size}, which were seen before: hashes of its tree are damaged or others.");
    }
}
