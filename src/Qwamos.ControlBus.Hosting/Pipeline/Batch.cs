using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Hosting.Listening;
using Qwamos.ControlBus.Json;
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
    private const int MaxEntriesLookedBack = 64;

    private const int MaxLooksBackABatch = 4;

    private readonly List<Decided> _decided = new(count);
    private readonly List<NewEntry> _entries = new(count);
    private readonly List<Nonce> _nonces = new(count);
    private readonly List<string> _outcomes = new(count);
    private readonly List<(long, AdoptedValue)> _adopted = [];
    private int _looksBack;

    /// <summary>The fold after the last change decided.</summary>
    public PolicyState State { get; private set; } = start.Policy;

    /// <summary>When the newest entry is recorded, unix seconds.</summary>
    public long LastUpdateSeconds { get; private set; } = start.LastUpdateSeconds;

    public IReadOnlyList<NewEntry> Entries => _entries;

    public IReadOnlyList<CommittedChange> Changes => [.. _decided.Select(item => item.Change).OfType<CommittedChange>()];

    public IReadOnlyList<(long Index, AdoptedValue Value)> Adopted => _adopted;

    /// <summary>Nonce, then policy: a refusal before the nonce consumes nothing, one after it is recorded with it.</summary>
    public void Decide(PendingChange pending)
    {
        long index = start.Size + _entries.Count;
        if (pending.Delivery is { } delivery)
        {
            _decided.Add(DecideDelivery(pending, delivery));
            return;
        }
        if (pending.Message.Message.InForce is { } inForce)
        {
            _decided.Add(Decide(pending, inForce));
            return;
        }
        if (pending.Message.RootVersion != State.Trust.Version && pending.JudgeAgain(State.Trust.Root) is { } changed)
        {
            // What was verified under the trust root before is nothing under this one.
            _decided.Add(new Decided(pending, Refusal: changed));
            return;
        }
        VerifiedMessage message = pending.Message;
        if (message.Root is { } root)
        {
            if (State.TakesDeliveries)
            {
                // Out of its place it would have what is on its way judged by keys of later.
                _decided.Add(new Decided(pending, Refusal: DirectDisabled));
                return;
            }
            _decided.Add(Decide(pending, root, index, pending.Judged.Now, out _));
            return;
        }
        if (message.Message.KeyStatement is { } statement)
        {
            _decided.Add(Decide(pending, statement, index));
            return;
        }
        if (message.Message.DomainKey is { } domain)
        {
            _decided.Add(Decide(pending, domain, index));
            return;
        }
        if (State.TakesDeliveries && !(message.Message.Audience is [var only] && only == scope.Name))
        {
            _decided.Add(new Decided(pending, Refusal: DirectDisabled));
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
            Append(EntryWriter.Accept(pending.Judged.Now, peer, message, schema, outcome), RecordedEntry.Accepted);
            _decided.Add(new Decided(pending, new CommittedChange(index, message, outcome)));
            State = next;
            return;
        }
        Append(EntryWriter.Refuse(pending.Judged.Now, peer, message, schema, refusal), ErrorCodes.Name(refusal.Code));
        _decided.Add(new Decided(pending, Refusal: refusal with { Index = index }));
    }

    /// <summary>Durable and published: everybody is told what was decided.</summary>
    public void Answer()
    {
        foreach (Decided decided in _decided)
        {
            if (decided.Delivered is { } outcome)
                decided.Pending.Delivered(outcome, decided.Refusal);
            else if (decided.Change is { } change)
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
        Append(EntryWriter.RecordKey(pending.Judged.Now, PeerOf(pending), statement), RecordedEntry.Accepted);
        LastUpdateSeconds = pending.Judged.Now;
        State = State.WithKey(statement, index);
        return new Decided(pending, Statement: index);
    }

    /// <inheritdoc cref="Decide(PendingChange, LedgerKeyStatement, long)"/>
    private Decided Decide(PendingChange pending, DomainKeyStatement statement, long index)
    {
        if (State.Domains.TryGetValue(statement.Name, out RecordedDomain? known))
        {
            if (known.Statement == statement)
                return new Decided(pending, Statement: known.Index);
            if (known.Seconds >= statement.TimestampSeconds)
                return new Decided(pending, Refusal: new Refusal(ErrorCode.Superseded, $"a statement about {statement.Name} as new as this one or newer is recorded, as entry {known.Index}"));
        }
        else if (State.Domains.Count >= Limits.MaxDomainKeys)
        {
            return new Decided(pending, Refusal: new Refusal(ErrorCode.BadRequest, $"the keys of {Limits.MaxDomainKeys} domains are known already, and that is the most"));
        }
        if (State.Domains.Values.FirstOrDefault(other => other.Statement.Key == statement.Key && other.Statement.Name != statement.Name && !other.Statement.IsRevoked) is { } owner && !statement.IsRevoked)
            return new Decided(pending, Refusal: new Refusal(ErrorCode.BadRequest, $"key is that of the domain {owner.Statement.Name}: each domain makes its own"));
        Append(EntryWriter.RecordKey(pending.Judged.Now, PeerOf(pending), statement), RecordedEntry.Accepted);
        LastUpdateSeconds = pending.Judged.Now;
        State = State.WithDomain(statement, index);
        return new Decided(pending, Statement: index);
    }

    /// <summary>At most one of a domain about a change: a hostile domain records no more than there are changes for it.</summary>
    private Decided Decide(PendingChange pending, InForceStatement statement)
    {
        Refusal? refusal = pending.ReportKey is { } key ? ReportJudge.JudgeAgain(State, statement, key) : Refusal.Undecided;
        if (refusal is not null)
            return new Decided(pending, Refusal: refusal);
        long index = start.Size + _entries.Count;
        Append(EntryWriter.RecordInForce(pending.Judged.Now, PeerOf(pending), statement), RecordedEntry.Accepted);
        LastUpdateSeconds = pending.Judged.Now;
        State = State.WithReport(statement);
        return new Decided(pending, Statement: index);
    }

    /// <summary>The one in force is answered as the first time. A baseline that this ledger does not have was seen in another, or in what root gave up.</summary>
    private Decided Decide(PendingChange pending, SignedRoot root, long index, long judgedSeconds, out bool isKnown)
    {
        isKnown = RootChain.IsSame(State.Trust.Root ?? TrustRoot.Implicit([]), root.Root);
        if (isKnown)
            return new Decided(pending, Statement: State.Trust.Entries[^1]);
        if (State.Trust.Root is null && root.Root.CreatedSeconds <= State.Trust.BegunSeconds)
            return new Decided(pending, Refusal: new Refusal(
                ErrorCode.Superseded, "the trust root was drawn up before root had the trust begin anew here: draw up another one: qwamosctl trust init"));
        if (!scope.IsReceiver && !HasSeen(root.Root.Baseline) && State.Lost?.MayHold(root.Root) != true)
            return new Decided(pending, Refusal: new Refusal(ErrorCode.Unproven, $"the trust root's baseline, {root.Root.Baseline.Size} entries, is not of this ledger"));
        Append(EntryWriter.RecordRoot(judgedSeconds, PeerOf(pending), root), RecordedEntry.Accepted);
        LastUpdateSeconds = pending.Judged.Now;
        State = State.WithRoot(root, index);
        return new Decided(pending, Statement: index);
    }

    // A delivery. What it is not proven to be never came so far; from here on the number and the entry count, and whatever becomes of what is in it, one that is next is taken.

    private Decided DecideDelivery(PendingChange pending, JudgedDelivery judged)
    {
        if (judged.Proven is not { } proven)
            return new Decided(pending, Refusal: Refusal.Undecided);
        DeliveryCursor next = proven.Cursor;
        DeliveryCursor last = State.Delivered.Of(next.Ledger);
        if (next.Sequence == DeliveryOffer.Late)
            return TakeLateRoot(pending, judged, proven, last);
        if (next.Sequence <= last.Sequence)
            return DecideKnown(pending, next);
        if (next.Sequence != last.Sequence + 1 || next.Index <= last.Index)
        {
            return new Decided(pending, Refusal: Elsewhere(last, $"{next.Sequence}, entry {next.Index}, is not the one after it"));
        }
        if (judged.RootVersion != State.Trust.Version)
            judged = pending.JudgeAgain(judged, State.Trust.Root);
        Decided decided = proven.Root is { } root ? TakeRoot(pending, judged, proven, root) : TakeChange(pending, judged, proven);
        if (decided.Delivered is not { } outcome)
            return decided;
        Append(EntryWriter.RecordDelivery(pending.Judged.Now, PeerOf(pending), next, outcome), outcome);
        LastUpdateSeconds = pending.Judged.Now;
        State = State.Take(next, outcome == RecordedEntry.Accepted, start.Size + _entries.Count - 1);
        return decided;
    }

    /// <summary>The one with that number again is answered as such; another one is a fork (ATTACKS 6, 9).</summary>
    private Decided DecideKnown(PendingChange pending, DeliveryCursor offered)
    {
        if (FindTaken(offered) is not { } taken)
            return new Decided(pending, Refusal: new Refusal(ErrorCode.Superseded, $"delivery {offered.Sequence} was taken so long ago that it is not compared: {State.Delivered.Sequence} was taken last"));
        if (taken == offered)
            return new Decided(pending, Delivered: DeliveryEntry.Duplicate);
        pending.Forked(taken);
        return new Decided(pending, Refusal: new Refusal(ErrorCode.Fork, $"delivery {taken.Sequence} was entry {taken.Index} when it was taken here, with the hash {taken.LeafHash}"));
    }

    /// <summary>Looks no further back than a sender that missed its answers asks.</summary>
    private DeliveryCursor? FindTaken(DeliveryCursor offered)
    {
        if (offered.Sequence == State.Delivered.Sequence)
            return State.Delivered;
        // A delivery is one entry at least. And who asks for old ones again and again has others wait for the reading.
        if (State.Delivered.Sequence - offered.Sequence > MaxEntriesLookedBack || _looksBack++ >= MaxLooksBackABatch)
            return null;
        for (long index = start.Size - 1; index >= Math.Max(0, start.Size - MaxEntriesLookedBack); index--)
        {
            if (ledger.ReadEntry(index) is DeliveryEntry entry && entry.Cursor.Of(offered.Ledger).Sequence <= offered.Sequence)
                return entry.Cursor.Of(offered.Ledger).Sequence == offered.Sequence ? entry.Cursor : null;
        }
        return null;
    }

    private Decided TakeRoot(PendingChange pending, JudgedDelivery judged, ProvenDelivery proven, SignedRoot root)
    {
        if (judged.Refusal is { } disbelieved)
            return IsRecorded(root) ? new Decided(pending, Delivered: DeliveryEntry.Duplicate) : Refused(pending, disbelieved);
        Decided decided = Decide(pending, root, start.Size + _entries.Count, proven.RecordedSeconds, out bool isKnown);
        return decided.Refusal is { } refusal ? Refused(pending, refusal)
            : new Decided(pending, Delivered: isKnown ? DeliveryEntry.Duplicate : RecordedEntry.Accepted);
    }

    /// <summary>
    /// One that was kept back while what comes after it was taken (ATTACKS 7, 14). Its place is proven, and that it follows from the one in force its own signatures say; nothing but the next
    /// version is taken so. It has no number: which delivery was the last stays, so that nothing else comes late with it. Refused, it leaves no entry.
    /// </summary>
    private Decided TakeLateRoot(PendingChange pending, JudgedDelivery judged, ProvenDelivery proven, DeliveryCursor last)
    {
        if (proven.Root is not { } root)
            return new Decided(pending, Refusal: Refusal.Undecided);
        if (State.Trust.Root is { } current && (RootChain.IsSame(current, root.Root) || IsRecorded(root)))
            return new Decided(pending, Delivered: DeliveryEntry.Duplicate);
        if (root.Root.Version != State.Trust.Version + 1)
            return new Decided(pending, Refusal: Elsewhere(last, $"trust root {root.Root.Version} is not the one after {State.Trust.Version}, which is in force here"));
        if (judged.RootVersion != State.Trust.Version)
            judged = pending.JudgeAgain(judged, State.Trust.Root);
        if (judged.Refusal is { } disbelieved)
            return new Decided(pending, Refusal: disbelieved);
        Decided decided = Decide(pending, root, start.Size + _entries.Count, proven.RecordedSeconds, out _);
        return decided.Refusal is null ? new Decided(pending, Delivered: RecordedEntry.Accepted) : decided;
    }

    private static Refusal Elsewhere(DeliveryCursor last, string why) => new(
        ErrorCode.BaseMismatch, $"delivery {last.Sequence}, entry {last.Index}, was taken last here: {why}",
        Extra: [KeyValuePair.Create("seq", JsonValue.Of(last.Sequence)), KeyValuePair.Create("index", JsonValue.Of(last.Index))]);

    /// <summary>Whether it is the version of its number here.</summary>
    private bool IsRecorded(SignedRoot root) =>
        root.Root.Version <= State.Trust.Version && State.Trust.Entries[(int)root.Root.Version - 1] is var index && index < start.Size
        && (ledger.ReadEntry(index) as TrustRootEntry)?.Root.Root.Hash == root.Root.Hash;

    private Decided TakeChange(PendingChange pending, JudgedDelivery judged, ProvenDelivery proven)
    {
        Message change = proven.Change!.Message;
        if (judged.Message is not { } message)
        {
            // What came by another way was believed then, and is not judged twice.
            return ReplayKey.Of(change) is { } key && ledger.Find(key) is { } known
                ? Known(pending, known)
                : judged.IsHeld ? new Decided(pending, Refusal: judged.Refusal)
                : Refused(pending, judged.Refusal ?? Refusal.Undecided);
        }
        if (proven.Before is { } before && CatchUp(pending, change, before, judged.Missed) is { } unproven)
            return new Decided(pending, Refusal: unproven);
        // Dom0 compared it when it took the change. Here it tells whether something is missing, or was set here directly: that is to be explained, where it can be.
        if (proven.Before is null && (!proven.IsBeforeUnknown || judged.Doubted is not null) && PolicyRules.CheckBase(schema, State, change, scope) is { } other)
        {
            // While nobody vouches for the ledger's key nothing that is shown is believed: it waits for that, and is not refused for good.
            return new Decided(pending, Refusal: proven.IsBeforeUnknown
                ? other with { Code = ErrorCode.Unproven, Reason = $"{other.Reason}; nobody has vouched for the ledger's key, so that what came before cannot be shown here: qwamosctl audit key --sign" }
                : other with { Extra = [KeyValuePair.Create("catch_up", JsonValue.True)] });
        }
        long index = start.Size + _entries.Count;
        replay.SetNow(pending.Judged, start.Size);
        if (Consume(message, index) is { } refusal)
            return refusal is { Code: ErrorCode.Replayed, Index: { } entry } ? Known(pending, entry) : new Decided(pending, Refusal: refusal);
        PolicyDecision decision = PolicyRules.Decide(schema, State, change, scope, index, isBaseShown: proven.Before is not null);
        if (decision.TryGet(out ChangeOutcome? outcome, out PolicyState? next, out refusal))
        {
            Append(EntryWriter.Accept(proven.RecordedSeconds, PeerOf(pending), message, schema, outcome), RecordedEntry.Accepted);
            State = next;
            return new Decided(pending, new CommittedChange(index, message, outcome), Delivered: RecordedEntry.Accepted);
        }
        Append(EntryWriter.Refuse(proven.RecordedSeconds, PeerOf(pending), message, schema, refusal), ErrorCodes.Name(refusal.Code));
        return Refused(pending, refusal);
    }

    /// <summary>What was missed is taken over whatever becomes of the change beside it: that may be known here, or superseded by what was said here directly.</summary>
    private Refusal? CatchUp(PendingChange pending, Message change, JsonValue before, IReadOnlyList<(Message, EntryReference)> missed)
    {
        if (Policy.CatchUp.Refusal(schema, State, change, scope, before, missed, out List<AdoptedValue> values) is { } unproven)
            return unproven;
        foreach (AdoptedValue value in values)
        {
            long index = start.Size + _entries.Count;
            Append(EntryWriter.RecordCatchUp(pending.Judged.Now, PeerOf(pending), value), RecordedEntry.Accepted);
            _adopted.Add((index, value));
            State = State.Adopt(value, index);
        }
        return null;
    }

    private Decided Known(PendingChange pending, long index) =>
        new(pending, Delivered: OutcomeOf(index) is { } outcome and not RecordedEntry.Accepted ? outcome : DeliveryEntry.Duplicate);

    private static Decided Refused(PendingChange pending, Refusal refusal) => new(pending, Refusal: refusal, Delivered: ErrorCodes.Name(refusal.Code));

    private void Append(NewEntry entry, string outcome)
    {
        _entries.Add(entry);
        _outcomes.Add(outcome);
    }

    private static Refusal DirectDisabled { get; } = new(
        ErrorCode.DirectDisabled, "this domain takes changes and trust roots from Dom0's delivery: a change that is sent to it directly must name it, and it alone, in its audience");

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

    /// <summary>What became of one request: a change, the entry of a statement, or why not; a delivery that was taken has its outcome, whatever came of what is in it.</summary>
    private readonly record struct Decided(PendingChange Pending, CommittedChange? Change = null, long? Statement = null, Refusal? Refusal = null, string? Delivered = null);
}
