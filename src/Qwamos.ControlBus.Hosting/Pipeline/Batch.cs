using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Hosting.Listening;
using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Policy;
using Qwamos.ControlBus.Trust;
using Qwamos.ControlBus.Verification;

namespace Qwamos.ControlBus.Hosting.Pipeline;

/// <summary>
/// The changes of one commit, each decided against the state that the ones before it leave. Nothing of it is believed before it is durable:
/// a batch the disk has no room for is dropped by forgetting it.
/// </summary>
internal sealed class Batch(LedgerStore ledger, ReplayStore replay, PolicySchema schema, DomainScope scope, PublishedState start, int count)
{
    private readonly List<Decided> _decided = new(count);
    private readonly List<NewEntry> _entries = new(count);
    private readonly List<Nonce> _nonces = new(count);
    private readonly List<string> _outcomes = new(count);

    /// <summary>The fold after the last change decided.</summary>
    public PolicyState State { get; private set; } = start.Policy;

    /// <summary>When the newest entry is recorded, unix seconds.</summary>
    public long LastUpdateSeconds { get; private set; } = start.LastUpdateSeconds;

    public IReadOnlyList<NewEntry> Entries => _entries;

    public IReadOnlyList<CommittedChange> Changes => [.. _decided.Select(item => item.Change).OfType<CommittedChange>()];

    /// <summary>Nonce, then policy: a refusal before the nonce consumes nothing, one after it is recorded with it.</summary>
    public void Decide(PendingChange pending)
    {
        long index = start.Size + _entries.Count;
        if (pending.Message.RootVersion != State.Trust.Version && pending.JudgeAgain(State.Trust.Root) is { } changed)
        {
            // What was verified under the trust root before is nothing under this one.
            _decided.Add(new Decided(pending, Refusal: changed));
            return;
        }
        VerifiedMessage message = pending.Message;
        if (message.Root is { } root)
        {
            _decided.Add(Decide(pending, root, index));
            return;
        }
        if (message.Message.KeyStatement is { } statement)
        {
            _decided.Add(Decide(pending, statement, index));
            return;
        }
        replay.SetNow(pending.Judged, start.Size);
        if (Consume(message, index) is { } refusal)
        {
            _decided.Add(new Decided(pending, Refusal: refusal));
            return;
        }
        PolicyDecision decision = PolicyRules.Decide(schema, State, message.Message, scope, index);
        EntryPeer peer = PeerOf(pending);
        LastUpdateSeconds = pending.Judged.Now;
        if (decision.TryGet(out ChangeOutcome? outcome, out PolicyState? next, out refusal))
        {
            _entries.Add(EntryWriter.Accept(pending.Judged.Now, peer, message, schema, outcome));
            _outcomes.Add(MessageEntry.Accepted);
            _decided.Add(new Decided(pending, new CommittedChange(index, message, outcome)));
            State = next;
            return;
        }
        _entries.Add(EntryWriter.Refuse(pending.Judged.Now, peer, message, schema, refusal));
        _outcomes.Add(ErrorCodes.Name(refusal.Code));
        _decided.Add(new Decided(pending, Refusal: refusal with { Index = index }));
    }

    /// <summary>Durable and published: everybody is told what was decided.</summary>
    public void Answer()
    {
        foreach (Decided decided in _decided)
        {
            if (decided.Change is { } change)
                decided.Pending.Accept(change);
            else if (decided.Statement is { } index)
                decided.Pending.Recorded(index);
            else
                decided.Pending.Refuse(decided.Refusal!);
        }
        Send();
    }

    /// <summary>Nothing of it was recorded: its nonces are free again, and everybody is told why.</summary>
    public void Drop(Refusal why)
    {
        foreach (Nonce nonce in _nonces)
            replay.Forget(nonce);
        foreach (Decided decided in _decided)
            decided.Pending.Refuse(why);
        Send();
    }

    private void Send()
    {
        foreach (Decided decided in _decided)
            decided.Pending.Send();
    }

    /// <summary>The same statement again is answered as the first time; an older one than the recorded is nobody's word any more.</summary>
    private Decided Decide(PendingChange pending, LedgerKeyStatement statement, long index)
    {
        if (State.LedgerKey is { } known && known.Statement == statement)
            return new Decided(pending, Statement: known.Index);
        if (State.LedgerKey is { } newer && newer.Statement.TimestampSeconds >= statement.TimestampSeconds)
            return new Decided(pending, Refusal: new Refusal(ErrorCode.Superseded, $"a statement as new as this one or newer is recorded, as entry {newer.Index}"));
        _entries.Add(EntryWriter.RecordKey(pending.Judged.Now, PeerOf(pending), statement));
        _outcomes.Add(MessageEntry.Accepted);
        LastUpdateSeconds = pending.Judged.Now;
        State = State.WithKey(statement, index);
        return new Decided(pending, Statement: index);
    }

    /// <summary>The one in force is answered as the first time. A baseline that this ledger does not have was seen in another, or in what root gave up.</summary>
    private Decided Decide(PendingChange pending, SignedRoot root, long index)
    {
        if (RootChain.IsSame(State.Trust.Root ?? TrustRoot.Implicit([]), root.Root))
            return new Decided(pending, Statement: State.Trust.Entries[^1]);
        if (State.Trust.Root is null && root.Root.CreatedSeconds <= State.Trust.BegunSeconds)
            return new Decided(pending, Refusal: new Refusal(
                ErrorCode.Superseded, "the trust root was drawn up before root had the trust begin anew here: draw up another one: qwamosctl trust init"));
        if (!scope.IsReceiver && !HasSeen(root.Root.Baseline) && State.Lost?.MayHold(root.Root) != true)
            return new Decided(pending, Refusal: new Refusal(ErrorCode.Unproven, $"the trust root's baseline, {root.Root.Baseline.Size} entries, is not of this ledger"));
        _entries.Add(EntryWriter.RecordRoot(pending.Judged.Now, PeerOf(pending), root));
        _outcomes.Add(MessageEntry.Accepted);
        LastUpdateSeconds = pending.Judged.Now;
        State = State.WithRoot(root, index);
        return new Decided(pending, Statement: index);
    }

    private bool HasSeen(Baseline baseline) =>
        baseline.Size <= start.Size && Convert.ToHexStringLower(new LedgerTree(ledger).RootAt(baseline.Size)) == baseline.RootHash;

    private static EntryPeer PeerOf(PendingChange pending) => new(pending.Peer.Uid, pending.Peer.Gid, pending.Peer.Pid);

    private Refusal? Consume(VerifiedMessage message, long index)
    {
        // A verified change has all three: the reader and the verifier let nothing else through.
        Nonce nonce = message.Message.Nonce!.Value;
        ReplayAnswer answer = replay.TryAdd(nonce, index, message.Signer!.Value, message.Message.Timestamp!.Value);
        switch (answer.Verdict)
        {
            case ReplayVerdict.Added:
                _nonces.Add(nonce);
                return null;
            case ReplayVerdict.Replayed:
                return new Refusal(
                    ErrorCode.Replayed, $"this message was received before, as entry {answer.Index}", Index: answer.Index, Outcome: OutcomeOf(answer.Index));
            default:
                return new Refusal(ErrorCode.ReplayStoreFull, "too many messages are remembered to take another one now");
        }
    }

    private string? OutcomeOf(long index) => index >= start.Size
        ? _outcomes[(int)(index - start.Size)]
        : (ledger.ReadEntry(index) as MessageEntry)?.OutcomeName;

    /// <summary>What became of one request: a change, the entry of a statement, or why not.</summary>
    private readonly record struct Decided(PendingChange Pending, CommittedChange? Change = null, long? Statement = null, Refusal? Refusal = null);
}
