using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Policy;
using Qwamos.ControlBus.Trust;
using Qwamos.ControlBus.Verification;

namespace Qwamos.ControlBus.Audit;

/// <summary>
/// Checks a ledger's leaves from the first one on: each by itself on all cores, then in order that no nonce stands twice, that each trust root follows from the one before, the
/// fold, the tree, and that what a domain says is about an entry of it. Used once, to the end or to the first fault.
/// </summary>
/// <param name="checkpoint">What the ledger's key signed.</param>
/// <param name="signers">The operators' keys, at most 16: an entry of any other key is a fault.</param>
/// <param name="tiles">Grown by each entry that is sound.</param>
/// <param name="olderHash">The 32-byte hash in the tree of an entry that was taken long before: asked for what <see cref="RecentHashes"/> has no more, and believed.</param>
internal sealed class HistoryAuditor(Checkpoint checkpoint, IReadOnlyList<VerifyingKey> signers, TileBuilder tiles, Func<long, byte[]> olderHash)
{
    private const int FirstMessages = 1 << 20;

    private readonly EntryAuditor _auditor = new(signers, checkpoint.SystemId);
    // Of the size that it will have, up to some million: a set that grows copies itself again and again.
    private readonly HashSet<ReplayKey> _messages = new((int)Math.Min(checkpoint.Size, FirstMessages));
    // What each signed, to tell what is disowned by the end: eight bytes an entry.
    private readonly Dictionary<KeyId, List<long>> _signed = [];
    // What was revoked when the trust began anew, and the entry that says so: up to it, it stays revoked.
    private readonly List<(Revocation Revocation, long Until)> _ended = [];
    private readonly List<long> _begunAnew = [];
    private readonly RecentHashes _recent = new();
    private volatile RootHistory _history = RootHistory.Of(signers);
    private PolicyState _state = PolicyState.Empty;
    private long _signatures;
    private long _withheld;

    /// <summary>The first fault, or null. What the source of the runs or of older hashes, or the taker of the tiles throws passes through.</summary>
    public AuditFault? Check(IEnumerable<LeafRun> runs, Action<long, long>? progress)
    {
        foreach (var (place, first, entries, hashes) in runs.InOrder(Judge))
        {
            for (var i = 0; i < entries.Length; i++)
            {
                if (Take(first + i, entries[i]) is { } fault)
                    return new AuditFault(place, first + i, fault);
                var hash = hashes.AsSpan(i * MerkleTree.HashBytes, MerkleTree.HashBytes);
                _recent.Append(hash);
                tiles.Append(hash);
            }
            progress?.Invoke(tiles.Tree.Size, checkpoint.Size);
        }
        return null;
    }

    /// <summary>What was found, when this is the fault or there is none.</summary>
    public AuditReport Report(AuditFault? fault) => new()
    {
        Fault = fault,
        Checkpoint = checkpoint,
        Entries = tiles.Tree.Size,
        Signatures = _signatures,
        Withheld = _withheld,
        State = _state,
        Disowned = Disowned(),
        BegunAnew = _begunAnew,
    };

    /// <summary>Whether the entries, all taken, are those that were signed.</summary>
    public AuditFault? CheckRoot(string place)
    {
        if (tiles.Tree.Size != checkpoint.Size)
            return new AuditFault(place, tiles.Tree.Size, $"it is missing: the ledger's key signed a tree of {checkpoint.Size} entries");
        var root = tiles.Tree.Root();
        return root.AsSpan().SequenceEqual(checkpoint.RootHash.Span)
            ? null
            : new AuditFault(place, null, $"the entries' root hash is {Convert.ToHexStringLower(root)}, and {checkpoint.RootHex} was signed: entries were changed, or others put in their place");
    }

    private (string Place, long First, AuditedEntry[] Entries, byte[] Hashes) Judge(LeafRun run)
    {
        var entries = new AuditedEntry[run.Leaves.Count];
        var hashes = new byte[entries.Length * MerkleTree.HashBytes];
        // Perhaps not yet the one that was in force then: who takes the entries in order sees that.
        var root = _history.Current;
        for (var i = 0; i < entries.Length; i++)
        {
            var hash = hashes.AsSpan(i * MerkleTree.HashBytes, MerkleTree.HashBytes);
            MerkleTree.LeafHash(run.Leaves[i], hash);
            // What is not in the tree is not worth a look: its hash is the fault to be told.
            if (run.Hashes is null || hash.SequenceEqual(run.Hashes.AsSpan(i * MerkleTree.HashBytes, MerkleTree.HashBytes)))
                entries[i] = _auditor.Judge(run.First + i, run.Leaves[i], root);
        }
        return (run.Place, run.First, entries, hashes);
    }

    /// <summary>
    /// Entries that a key signed which was revoked from an entry before them on, by the end or until the trust began anew: another beginning does not give a thief's entries an owner.
    /// </summary>
    private long Disowned()
    {
        var disowned = new HashSet<long>();
        foreach (var ranges in _ended.Concat(_history.Current.Revoked.Select(revocation => (Revocation: revocation, Until: long.MaxValue))).GroupBy(range => range.Revocation.Key))
        {
            if (_signed.TryGetValue(ranges.Key, out var indexes))
                disowned.UnionWith(Within(indexes, [.. ranges.Select(range => (range.Revocation.FromIndex, range.Until)).OrderBy(range => range.FromIndex)]));
        }
        return disowned.Count;
    }

    /// <summary>Which of the rising indexes are in one of the ranges, whose beginnings rise: one walk over both, for a hostile ledger has many of each.</summary>
    private static IEnumerable<long> Within(List<long> indexes, List<(long From, long Until)> ranges)
    {
        var next = 0;
        var until = 0L;
        foreach (var index in indexes)
        {
            for (; next < ranges.Count && ranges[next].From <= index; next++)
                until = Math.Max(until, ranges[next].Until);
            if (index < until)
                yield return index;
        }
    }

    private string? TakeRoot(long index, LedgerEntry entry)
    {
        if (entry is NoteEntry { Note: { Kind: BootNoteKind.AnchorReplaced, BegunSeconds: var seconds } })
        {
            _ended.AddRange(_history.Current.Revoked.Select(revocation => (revocation, index)));
            _begunAnew.Add(index);
            _history = _history.BeginAnew(seconds);
        }
        else if (entry is NoteEntry { Note: { Kind: BootNoteKind.TimeFloor } floor })
        {
            _history = _history.LowerFloor(floor.FloorSeconds, floor.TimeSeconds);
        }
        if (entry is not TrustRootEntry root)
            return null;
        if (_history.TryExtend(index, root.TimeSeconds, root.Root, checkpoint.SystemId, out var longer) is { } refusal)
            return $"its trust root does not follow from what was in force before: {refusal.Reason}";
        _history = longer;
        return null;
    }

    private byte[] HashOf(long index) => _recent.Find(index) ?? olderHash(index);

    private string? Take(long index, AuditedEntry audited)
    {
        if (audited is { Entry: MessageEntry or LedgerKeyEntry or DomainKeyEntry, Root: { } judged } && judged != _history.Current)
            audited = _auditor.Judge(audited.Entry, _history.Current);
        if (!audited.IsSound)
            return audited.Fault ?? "its bytes do not have the hash that is in the tree";
        if (audited.Entry is WithheldEntry)
            _withheld++;
        if (audited.Entry is InForceEntry report && (LedgerChecker.ReportFault(_state, report) ?? LedgerChecker.PlaceFault(index, report.Statement.Entry, HashOf)) is { } lie)
            return lie;
        if (audited.Entry is MessageEntry or LedgerKeyEntry or DomainKeyEntry or InForceEntry)
            _signatures++;
        if (audited.Entry is MessageEntry message && !_messages.Add(ReplayKey.Of(message.Message)!.Value))
            return "its timestamp and nonce stand in an earlier entry: the message was replayed";
        foreach (var signer in EntryAuditor.SignersOf(audited.Entry))
        {
            if (!_signed.TryGetValue(signer, out var indexes))
                _signed.Add(signer, indexes = []);
            indexes.Add(index);
        }
        if (TakeRoot(index, audited.Entry!) is { } fault)
            return fault;
        try
        {
            _state = LedgerFold.Apply(_state, audited.Entry!, index);
            return null;
        }
        catch (InvalidDataException e)
        {
            return e.Message;
        }
    }
}
