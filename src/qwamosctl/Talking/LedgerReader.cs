using System.Text;
using Qwamos.Client.Auditing;
using Qwamos.ControlBus;
using Qwamos.ControlBus.Audit;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Ledger;
using BusCommands = Qwamos.ControlBus.Envelopes.Commands;

namespace Qwamos.Client.Talking;

/// <summary>Asks the daemon what auditors ask: unsigned, page by page, believing nothing but what the ledger's key signed.</summary>
/// <param name="session">Where the daemon is.</param>
/// <param name="given">The key that the ledger's must be; null for the one that the client pins.</param>
internal sealed class LedgerReader(Session session, NoteVerifierKey? given = null) : ILedgerSource
{
    private static readonly TimeSpan WitnessPause = TimeSpan.FromMilliseconds(100);

    private bool _saidStale;

    public string Place => "the daemon's ledger";

    public bool TryGetCheckpoint(out SignedCheckpoint checkpoint, out Failure failure)
    {
        checkpoint = null!;
        return TryAsk(BusCommands.GetCheckpoint, null, out var answer, out failure) && TryOpen(answer, out checkpoint, out failure);
    }

    /// <summary>The same, with the lines of those witnesses that cosign within <see cref="Limits.WitnessWaitSeconds"/>; without them when none do.</summary>
    public bool TryGetCosigned(out SignedCheckpoint checkpoint, out Failure failure)
    {
        checkpoint = null!;
        Deadline deadline = new(session.Terminal.Clock, TimeSpan.FromSeconds(Limits.WitnessWaitSeconds));
        while (true)
        {
            if (!TryAsk(BusCommands.GetCheckpoint, null, out var answer, out failure) || !TryOpen(answer, out checkpoint, out failure))
                return false;
            var isAwaited = answer.Document.TryGet("cosignatures_awaited", out var count) && count.TryGetInteger(out var awaited) && awaited > 0;
            if (!isAwaited || deadline.LeftMilliseconds == 0)
                return true;
            Task.Delay(WitnessPause, session.Terminal.Clock).Wait();
        }
    }

    public bool TryGetProof(long index, out InclusionProof proof, out NoteVerifierKey key, out Failure failure)
    {
        (proof, key) = (null!, null!);
        if (!TryAsk(BusCommands.GetProof, JsonValue.Object([("index", JsonValue.Of(index))]), out var answer, out failure)
            || !TryOpen(answer, out var signed, out failure)
            || !TryReadHashes(answer, "path", out var path, out failure))
            return false;
        try
        {
            (proof, key) = (new InclusionProof(index, ReadLeaves(index, index + 1).Single(), path, signed.Note), signed.Key);
            return true;
        }
        catch (SourceException e)
        {
            return No(e.Failure, out failure);
        }
    }

    /// <summary>The daemon's are those of its present trust: of the ones before root had it begin anew only an export tells.</summary>
    public bool TryFindRoots(long index, long size, out IReadOnlyList<long> indexes, out Failure failure)
    {
        List<long> found = [];
        (indexes, failure) = (found, null!);
        for (long version = 1, newest = 1; version <= newest; version++)
        {
            MessageDraft draft = new() { Command = BusCommands.GetTrustRoot, Args = JsonValue.Object([("version", JsonValue.Of(version))]) };
            if (!EnvelopeWriter.TryWriteUnsigned(draft, out var envelope, out var refusal))
                throw new InvalidOperationException(refusal.Reason);
            if (!Bus.TryAsk(session, envelope, out var answer, out failure))
                return false;
            // None, or a daemon that knows of none.
            if (!answer.IsOk && version == 1)
                return true;
            if (!answer.IsOk)
                return No(Refused(answer), out failure);
            if (answer.Index is not { } place || answer.NumberOf("version") is not { } last || (found.Count > 0 && place <= found[^1]))
                return No(NotOne("it has no place for a trust root"), out failure);
            // Recorded after the checkpoint: it says nothing about what is in the tree.
            if (place >= size)
                return true;
            found.Add(place);
            newest = Math.Min(last, Limits.MaxProofRoots + 1);
        }
        return true;
    }

    public bool TryGetRoot(long index, long size, out ProofRoot root, out Failure failure)
    {
        root = null!;
        if (!TryAsk(BusCommands.GetProof, JsonValue.Object([("index", JsonValue.Of(index)), ("size", JsonValue.Of(size))]), out var answer, out failure)
            || !TryReadHashes(answer, "path", out var path, out failure))
            return false;
        try
        {
            root = new ProofRoot(index, ReadLeaves(index, index + 1).Single(), path);
            return true;
        }
        catch (SourceException e)
        {
            return No(e.Failure, out failure);
        }
    }

    /// <summary>The hash of a leaf, proven to be in a tree: what the daemon gives now for an entry that it gave before need not be the same.</summary>
    /// <exception cref="SourceException">The daemon does not give it, or does not prove it.</exception>
    public byte[] ReadHash(long index, Checkpoint checkpoint)
    {
        if (!TryGetRoot(index, checkpoint.Size, out var entry, out var failure))
            throw new SourceException(failure);
        var hash = MerkleTree.LeafHash(entry.Leaf.Span);
        return TreeProofs.VerifyInclusion(hash, index, checkpoint.Size, entry.Path, checkpoint.RootHash.Span)
            ? hash
            : throw new SourceException(NotOne($"its proof of entry {index} does not lead to the root that was signed"));
    }

    public bool TryGetConsistency(long old, long @new, out IReadOnlyList<byte[]> proof, out Failure failure)
    {
        proof = [];
        return TryAsk(BusCommands.GetConsistency, JsonValue.Object([("old", JsonValue.Of(old)), ("new", JsonValue.Of(@new))]), out var answer, out failure)
            && TryReadHashes(answer, "proof", out proof, out failure);
    }

    /// <summary>The newest checkpoint, opened with the key that comes with it and compared with nothing.</summary>
    internal bool TryAskNewest(out SignedCheckpoint newest, out Failure failure)
    {
        newest = null!;
        if (!TryAsk(BusCommands.GetCheckpoint, null, out var answer, out failure))
            return false;
        return SignedCheckpoint.TryRead(answer, out newest, out var fault) || No(NotOne(fault), out failure);
    }

    /// <summary>Whether a checkpoint that came is of the ledger that is meant here, and extends the one seen before.</summary>
    internal bool TryAccept(ref SignedCheckpoint signed, out Failure failure)
    {
        if (!IsOfTheLedger(signed, out failure))
            return false;
        if (signed.Checkpoint.IsStale(session.Now) && !_saidStale)
        {
            _saidStale = true;
            session.Terminal.Note($"STALE: the newest checkpoint was signed {AuditText.Time(signed.TimeSeconds)}, and here it is {AuditText.Time(session.Now)}. A ledger that lives signs one a minute: what comes is an old answer, or one of the clocks is wrong.");
        }
        return new SeenCheckpoints(session).TryAccept(this, ref signed, out failure);
    }

    /// <summary>Whether it is by the key given, or, where none was, of this machine's system.</summary>
    internal bool IsOfTheLedger(SignedCheckpoint signed, out Failure failure) => given is null ? IsOwn(signed, out failure) : IsGiven(signed, out failure);

    /// <summary>On a machine that has a system ID the ledger is that system's: what another one says is not pinned in its place.</summary>
    private bool IsOwn(SignedCheckpoint signed, out Failure failure)
    {
        if (!SystemName.TryRead(session.Paths, out var own, out failure))
            return false;
        return own is null || signed.Checkpoint.SystemId == own
            || No(new Failure(ExitCode.Refused, $"the ledger is {signed.Checkpoint.Origin}, and this system is {own}", "Another system's daemon answers: look at --socket. The audit commands read it all the same when its key is given: --key KEY"), out failure);
    }

    private bool IsGiven(SignedCheckpoint signed, out Failure failure)
    {
        failure = null!;
        return given!.ToString() == signed.Key.ToString()
            || No(new Failure(ExitCode.Refused, $"the ledger's key is {signed.Key}, not the one given, {given}: another ledger answers"), out failure);
    }

    private bool TryOpen(AnswerReader answer, out SignedCheckpoint checkpoint, out Failure failure)
    {
        if (!SignedCheckpoint.TryRead(answer, out checkpoint, out var fault))
            return No(NotOne(fault), out failure);
        return TryAccept(ref checkpoint, out failure);
    }

    public IEnumerable<byte[]> ReadLeaves(long from, long to)
    {
        var begun = Array.Empty<byte>();
        while (from < to)
        {
            if (!TryReadPage(from, begun.Length, out var page, out var failure))
                throw new SourceException(failure);
            if (page.Length == 0)
                throw new SourceException(NotOne($"entry {from} is not in it"));
            begun = [.. begun, .. page];
            foreach (var leaf in TakeWhole(ref begun, to - from))
            {
                yield return leaf;
                from++;
            }
        }
    }

    /// <summary>The leaves that have come whole, at most so many; what is left is the beginning of the next one.</summary>
    private static List<byte[]> TakeWhole(ref byte[] bytes, long most)
    {
        List<byte[]> leaves = [];
        ReadOnlySpan<byte> rest = bytes;
        while (leaves.Count < most && EntryBundle.TryTake(ref rest, out var leaf))
            leaves.Add(leaf);
        bytes = rest.ToArray();
        return leaves;
    }

    private static bool TryReadHashes(AnswerReader answer, string name, out IReadOnlyList<byte[]> hashes, out Failure failure)
    {
        failure = null!;
        var read = new List<byte[]>();
        hashes = read;
        if (!answer.Document.TryGet(name, out var list) || list.Kind != JsonKind.Array || list.Items.Length > Limits.MaxProofHashes)
            return No(NotOne("it has no proof"), out failure);
        foreach (var item in list.Items)
        {
            var hash = new byte[MerkleTree.HashBytes];
            if (!item.TryGetString(out var text) || !Convert.TryFromBase64String(text, hash, out var length) || length != hash.Length)
                return No(NotOne("its proof is not one of hashes"), out failure);
            read.Add(hash);
        }
        return true;
    }

    private bool TryReadPage(long from, long skip, out byte[] page, out Failure failure)
    {
        page = [];
        var args = JsonValue.Object([("from", JsonValue.Of(from)), ("skip", JsonValue.Of(skip))]);
        if (!TryAsk(BusCommands.GetEntries, args, out var answer, out failure))
            return false;
        if (answer.TextOf("leaves") is not { } text)
            return No(NotOne("it has no leaves"), out failure);
        page = new byte[text.Length];
        if (!Convert.TryFromBase64String(text, page, out var length))
            return No(NotOne("its leaves are not base64"), out failure);
        Array.Resize(ref page, length);
        return true;
    }

    private bool TryAsk(string command, JsonValue? args, out AnswerReader answer, out Failure failure)
    {
        MessageDraft draft = new() { Command = command, Args = args };
        if (!EnvelopeWriter.TryWriteUnsigned(draft, out var envelope, out var refusal))
            throw new InvalidOperationException(refusal.Reason);
        if (!Bus.TryAsk(session, envelope, out answer, out failure))
            return false;
        return answer.IsOk || No(Refused(answer), out failure);
    }

    private static Failure Refused(AnswerReader answer) => new(
        ExitCode.Refused,
        $"refused{(answer.Code is { } code ? $" ({code})" : "")}: {answer.Reason ?? "no reason given"}",
        answer.Code is "unknown_command" or null ? "This daemon keeps no audit of this kind: it is an older one, or a gateway's" : null,
        RefusalCode: answer.Code);

    private static Failure NotOne(string why) => new(ExitCode.Refused, $"the daemon's answer is not that of a ledger: {why}");

    private static bool No(Failure why, out Failure failure)
    {
        failure = why;
        return false;
    }
}
