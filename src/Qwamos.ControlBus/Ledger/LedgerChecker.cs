using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Policy;
using Qwamos.ControlBus.Verification;

namespace Qwamos.ControlBus.Ledger;

/// <summary>
/// The full check of a ledger's file: each entry's bytes, hash, form and envelope, its signature where its key is known, every hash of the tree,
/// the fold against the snapshot, the side table, the tables and SQLite's structure. Used once.
/// </summary>
public sealed class LedgerChecker(LedgerStore store)
{
    private const int ProgressEveryEntries = 1_024;
    private const int RunEntries = 64;

    private readonly byte[] _completed = new byte[MerkleTree.MaxLevels * MerkleTree.HashBytes];
    private int _levels;
    private LoadedLedger _fold = new(PolicyState.Empty, new MerkleTree(), 0, 0);
    // Null from a trust root on that does not begin with a key of Signers: then nobody's signature can be checked.
    private volatile RootHistory? _history;
    private RowJudge? _judge;
    private long _messages;
    private long _confidential;

    /// <summary>What somebody saw of it before; null when nothing is remembered.</summary>
    public RememberedTree? Remembered { get; init; }

    /// <summary>The enrolled keys whose signatures are checked, and those of the trust roots that begin with them.</summary>
    public IReadOnlyList<VerifyingKey> Signers { get; init; } = [];

    /// <summary>Signatures that hold under one of <see cref="Signers"/>.</summary>
    public long Signatures { get; private set; }

    /// <summary>Entries of other keys: their signatures were not checked.</summary>
    public long UncheckedSignatures { get; private set; }

    /// <summary>Words of domains about what is in force in them, each under the key that was enrolled for the domain then.</summary>
    public long Reports { get; private set; }

    /// <summary>Is told, now and then, how many entries are checked.</summary>
    public Action<long>? Progress { get; init; }

    /// <summary>Reads everything; gives the fold from the first entry on.</summary>
    /// <exception cref="LedgerIntegrityException">The ledger is not sound: the first entry that is wrong, and why.</exception>
    public LoadedLedger Check()
    {
        if (Remembered is { } seen && seen.Size > store.Size)
            throw new LedgerIntegrityException($"Entry {store.Size} is missing: the ledger has {store.Size} entries, and {seen.Size} were seen before.", store.Size);
        var snapshot = store.ReadSnapshot();
        if (snapshot is null && store.HasDamagedSnapshot())
            throw new LedgerIntegrityException("The snapshot does not have its checksum. No entry depends on it: the next start folds all of them.");
        // An earlier program's is not read by the start either: it folds all entries and replaces it.
        if (snapshot is not null && StrictJson.TryParse(snapshot.State, out var state, out _, LedgerFold.MaxSnapshotStateBytes) && PolicyStateDocument.IsEarlier(state))
            snapshot = null;
        CheckSnapshot(snapshot);
        using var hashes = store.ReadStoredHashes(0, TreePosition.StoredNodes(store.Size)).GetEnumerator();
        _history = RootHistory.Of(Signers);
        _judge = new RowJudge(store, () => _history?.Current);
        foreach (var judged in Runs().InOrder(_judge.Judge).SelectMany(run => run))
        {
            Take(judged);
            CheckHashes(hashes, judged.Row.Index);
            CheckSnapshot(snapshot);
            CheckRemembered();
            if (_fold.Tree.Size % ProgressEveryEntries == 0)
                Progress?.Invoke(_fold.Tree.Size);
        }
        if (!_fold.Tree.Root().AsSpan().SequenceEqual(store.Tree().Root()))
            throw new LedgerIntegrityException($"The entries 0 to {store.Size - 1} do not make the tree that the ledger keeps.");
        if (snapshot is not null && snapshot.Size > store.Size)
            throw new LedgerIntegrityException($"The snapshot is one of {snapshot.Size} entries, and the ledger has {store.Size}.");
        _ = store.ReadDeliveries();
        store.CheckRest(_messages, _confidential);
        Progress?.Invoke(_fold.Tree.Size);
        return _fold;
    }

    /// <summary>What is wrong with a tree that does not have the stored root: the first entry for which it is.</summary>
    internal static LedgerIntegrityException Explain(LedgerStore store, byte[] root)
    {
        var checker = new LedgerChecker(store);
        try
        {
            using var hashes = store.ReadStoredHashes(0, TreePosition.StoredNodes(store.Size)).GetEnumerator();
            foreach (var row in checker.Runs().SelectMany(run => run))
            {
                checker._levels = checker._fold.Tree.Append(row.LeafHash, checker._completed);
                checker.CheckHashes(hashes, row.Index);
            }
        }
        catch (LedgerIntegrityException e)
        {
            return e;
        }
        // Those below stored hashes are theirs: what is left are the last few, and the root that was noted.
        var from = TreePosition.StoredPart(store.Size);
        var last = store.Size - 1;
        return new LedgerIntegrityException(
            $"{(from > last ? "The ledger's recorded root hash is" : from == last ? $"Entry {last} is" : $"One of the entries {from} to {last} is")} not what was recorded: the root hash is "
            + $"{Convert.ToHexStringLower(store.Tree().Root())}, and {Convert.ToHexStringLower(root)} was noted with the last entry.",
            from > last ? null : from);
    }

    /// <summary>The entries in order, some at a time; a fault comes after those before it, and a damaged page is put down to the entry that was to be read.</summary>
    private IEnumerable<List<LedgerRow>> Runs()
    {
        using var rows = store.ReadFrom(0).GetEnumerator();
        LedgerIntegrityException? fault = null;
        for (var size = 0L; fault is null;)
        {
            var run = new List<LedgerRow>(RunEntries);
            while (run.Count < RunEntries && TryNext(rows, size + run.Count, out fault))
                run.Add(rows.Current);
            if (run.Count == 0 && fault is null)
                yield break;
            size += run.Count;
            yield return run;
        }
        throw fault;
    }

    private static bool TryNext(IEnumerator<LedgerRow> rows, long index, out LedgerIntegrityException? fault)
    {
        fault = null;
        try
        {
            return rows.MoveNext();
        }
        catch (LedgerIntegrityException e)
        {
            fault = e.Index is null ? new LedgerIntegrityException($"Entry {index}, or one of the next, cannot be read: {e.Message}", index, e) : e;
            return false;
        }
    }

    private void Take(JudgedRow judged)
    {
        var (row, entry, isSigned, fault, root) = judged;
        var inForce = _history?.Current;
        // Judged ahead of its turn, by a trust root that may have been replaced since: whoever was rotated out before this entry signs nothing any more.
        if (entry is not null && root != inForce)
            isSigned = _judge!.IsSigned(row.Index, entry, inForce);
        else if (fault is not null)
            throw fault;
        TakeRoot(row.Index, entry!);
        if (entry is InForceEntry report)
        {
            if ((ReportFault(_fold.State, report) ?? PlaceFault(row.Index, report.Statement.Entry, at => store.ReadHash(new TreePosition(0, at)))) is { } why)
                throw new LedgerIntegrityException($"Entry {row.Index} is not what was recorded: {why}.", row.Index);
            Reports++;
        }
        if (entry is MessageEntry)
            _messages++;
        if (entry is MessageEntry { IsConfidential: true })
            _confidential++;
        if (isSigned is true)
            Signatures++;
        else if (isSigned is false)
            UncheckedSignatures++;
        _levels = _fold.Tree.Append(row.LeafHash, _completed);
        _fold = _fold with { State = LedgerFold.ApplyRecorded(_fold.State, entry!, row.Index), LastTimeSeconds = entry!.TimeSeconds };
    }

    /// <summary>Why a domain's word is not that of the key that was enrolled for it then, or null.</summary>
    internal static string? ReportFault(PolicyState state, InForceEntry entry)
    {
        var statement = entry.Statement;
        if (!state.Domains.TryGetValue(statement.Domain, out var domain) || domain.Statement.IsRevoked)
            return $"no key was enrolled for the domain {SafeText.ForTerminal(statement.Domain)}, which it says is in force there";
        if (statement.Entry.Index <= domain.ReportedIndex)
            return "the domain had spoken of that change, or a later one, before";
        if (statement.SystemId != domain.Statement.SystemId)
            return "the domain's word is about another system";
        return domain.Statement.TryLoadKey(out var key, out _) && statement.IsSignedBy(key) ? null : $"the signature does not hold under the key that was enrolled for the domain {SafeText.ForTerminal(statement.Domain)}";
    }

    /// <summary>Why a domain's word, itself an entry, is about no entry of its ledger from before, or null: a word about a history that was given up is none about this one.</summary>
    internal static string? PlaceFault(long index, EntryReference about, Func<long, byte[]> hashOf) =>
        about.Index < index && Convert.ToHexStringLower(hashOf(about.Index)) == about.LeafHash ? null : $"the domain's word is about another entry than {about.Index} of this ledger";

    /// <exception cref="LedgerIntegrityException">A trust root does not follow from the one before it.</exception>
    private void TakeRoot(long index, LedgerEntry entry)
    {
        if (entry is NoteEntry { Note: { Kind: BootNoteKind.AnchorReplaced, BegunSeconds: var seconds } })
            _history = (_history ?? RootHistory.Of(Signers)).BeginAnew(seconds);
        else if (entry is NoteEntry { Note: { Kind: BootNoteKind.TimeFloor } floor })
            _history = _history?.LowerFloor(floor.FloorSeconds, floor.TimeSeconds);
        if (entry is not TrustRootEntry root || _history is not { } history)
            return;
        var refusal = history.TryExtend(index, root.TimeSeconds, root.Root, history.Current.SystemId ?? root.Root.Root.SystemId, out var longer);
        if (refusal is not null && (history.Count > 0 || refusal.Code is not (ErrorCode.UnknownKey or ErrorCode.NotAuthorised)))
            throw new LedgerIntegrityException($"Entry {index} is not what was recorded: its trust root does not follow from what was in force before: {refusal.Reason}.", index);
        _history = refusal is null ? longer : null;
    }

    /// <summary>The hashes that this entry completes are stored as they are calculated.</summary>
    private void CheckHashes(IEnumerator<byte[]> stored, long index)
    {
        for (var level = TreePosition.StoredLevel; level <= _levels; level++)
        {
            var position = new TreePosition(level, index >> level);
            try
            {
                if (stored.MoveNext() && stored.Current.AsSpan().SequenceEqual(_completed.AsSpan((level - 1) * MerkleTree.HashBytes, MerkleTree.HashBytes)))
                    continue;
            }
            catch (LedgerIntegrityException e)
            {
                throw new LedgerIntegrityException($"The stored hash over the entries {position.From} to {position.To - 1} cannot be read: {e.Message}", position.From, e);
            }
            throw new LedgerIntegrityException(
                $"The stored hash over the entries {position.From} to {position.To - 1} is not theirs: one of them was changed together with its hash, or that hash is damaged.",
                position.From);
        }
    }

    private void CheckRemembered()
    {
        if (Remembered?.Size == _fold.Tree.Size && Remembered.RootHash != Convert.ToHexStringLower(_fold.Tree.Root()))
            throw new LedgerIntegrityException(
                $"Among the entries 0 to {Remembered.Size - 1} is one that is not the one seen before, though they are sound by themselves: another history was put in the place of this one.");
    }

    private void CheckSnapshot(LedgerSnapshot? snapshot)
    {
        if (snapshot is null || snapshot.Size != _fold.Tree.Size)
            return;
        if (!snapshot.Frontier.AsSpan().SequenceEqual(_fold.Tree.Frontier()))
            throw new LedgerIntegrityException($"The snapshot of {snapshot.Size} entries is one of other entries.");
        if (!snapshot.State.AsSpan().SequenceEqual(JsonText.Bytes(_fold.State.ToJson())))
            throw new LedgerIntegrityException($"The snapshot of {snapshot.Size} entries is not their fold.");
    }
}
