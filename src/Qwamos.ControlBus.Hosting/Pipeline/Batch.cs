using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Hosting.Listening;
using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Policy;
using Qwamos.ControlBus.Verification;

namespace Qwamos.ControlBus.Hosting.Pipeline;

/// <summary>
/// The changes of one commit, each decided against the state that the ones before it leave. Nothing of it is believed before it is durable:
/// a batch the disk has no room for is dropped by forgetting it.
/// </summary>
internal sealed class Batch(LedgerStore ledger, ReplayStore replay, PolicySchema schema, DomainScope scope, PublishedState start)
{
    private readonly List<(PendingChange Pending, CommittedChange? Change, Refusal? Refusal)> _decided = [];
    private readonly List<NewEntry> _entries = [];
    private readonly List<Nonce> _nonces = [];
    private readonly List<string> _outcomes = [];

    /// <summary>The fold after the last change decided.</summary>
    public PolicyState State { get; private set; } = start.Policy;

    /// <summary>When the newest entry is recorded, unix seconds.</summary>
    public long LastUpdateSeconds { get; private set; } = start.LastUpdateSeconds;

    public IReadOnlyList<NewEntry> Entries => _entries;

    public IReadOnlyList<CommittedChange> Changes => [.. _decided.Select(item => item.Change).OfType<CommittedChange>()];

    /// <summary>Nonce, then policy: a refusal before the nonce consumes nothing, one after it is recorded with it.</summary>
    public void Decide(PendingChange pending)
    {
        VerifiedMessage message = pending.Message;
        long index = start.Size + _entries.Count;
        replay.SetNow(pending.JudgedSeconds);
        if (Consume(message, index) is { } refusal)
        {
            _decided.Add((pending, null, refusal));
            return;
        }
        PolicyDecision decision = PolicyRules.Decide(schema, State, message.Message, scope, index);
        EntryPeer peer = new(pending.Peer.Uid, pending.Peer.Gid, pending.Peer.Pid);
        LastUpdateSeconds = pending.JudgedSeconds;
        if (decision.TryGet(out ChangeOutcome? outcome, out PolicyState? next, out refusal))
        {
            _entries.Add(EntryWriter.Accept(pending.JudgedSeconds, peer, message, schema, outcome));
            _outcomes.Add(MessageEntry.Accepted);
            _decided.Add((pending, new CommittedChange(index, message, outcome), null));
            State = next;
            return;
        }
        _entries.Add(EntryWriter.Refuse(pending.JudgedSeconds, peer, message, schema, refusal));
        _outcomes.Add(ErrorCodes.Name(refusal.Code));
        _decided.Add((pending, null, refusal with { Index = index }));
    }

    /// <summary>Durable and published: everybody is told what was decided.</summary>
    public void Answer()
    {
        foreach ((PendingChange pending, CommittedChange? change, Refusal? refusal) in _decided)
        {
            if (change is not null)
                pending.Accept(change);
            else
                pending.Refuse(refusal!);
        }
    }

    /// <summary>Nothing of it was recorded: its nonces are free again, and everybody is told why.</summary>
    public void Drop(Refusal why)
    {
        foreach (Nonce nonce in _nonces)
            replay.Forget(nonce);
        foreach ((PendingChange pending, _, _) in _decided)
            pending.Refuse(why);
    }

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
}
