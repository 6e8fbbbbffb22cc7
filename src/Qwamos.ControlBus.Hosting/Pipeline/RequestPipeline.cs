using System.Diagnostics;
using System.Runtime.InteropServices;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Hosting.Listening;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Verification;

namespace Qwamos.ControlBus.Hosting.Pipeline;

/// <summary>
/// The whole way of a request (DESIGN section 7). <see cref="BusConnection"/> cuts it from the stream; here it is parsed, verified on a fair
/// share of the processors, and handed to the one <see cref="Writer"/>, which decides, records and publishes; here it is answered.
/// </summary>
public sealed class RequestPipeline(
    Verifier verifier, FairScheduler scheduler, Writer writer, IStatusSource status, IChangeAnswer answer, TimeProvider time, IReadSource? reads = null, DeliveryJudge? deliveries = null, LedgerFollowers? followers = null, IWaitSource? waits = null, ReportJudge? reports = null) : IRequestHandler
{
    private const int MaxReasonCodePoints = 256;

    private readonly Dictionary<(uint Uid, string Command), int> _heavy = [];

    public RequestCounts Counts { get; } = new();

    /// <inheritdoc/>
    public int MaxFrameBytes => deliveries is null ? Limits.MaxRequestBytes : Limits.MaxDeliveryBytes;

    /// <summary>Told of each refusal, on any thread; it must not block. A flood of bad requests calls it as often.</summary>
    public event Action<PeerCredentials, Refusal>? Refused;

    /// <summary>A status could not be made, on any thread; it must not block.</summary>
    public event Action<Exception>? StatusFailed;

    internal Verifier Verifier => verifier;

    internal DeliveryJudge? Deliveries => deliveries;

    private EffectiveTime Now => new(time.GetUtcNow().ToUnixTimeSeconds(), writer.Published.Policy.FloorSeconds);

    /// <summary>1. On the connection's thread: parse, and queue for verification what is signed.</summary>
    public void Handle(BusRequest request, ReadOnlyMemory<byte> frame)
    {
        if (!EnvelopeReader.TryRead(frame, out Envelope? envelope, out Refusal? refusal, MaxFrameBytes))
            Refuse(request, refusal);
        else if (!envelope.IsSigned && !Envelopes.Commands.IsSelfAuthenticating(envelope.Message.Command))
            ShowOrRefuse(request, verifier.Check(envelope, Now, writer.Published.Policy.Trust.Root));
        else
            Schedule(request, envelope);
    }

    private void Schedule(BusRequest request, Envelope envelope)
    {
        if (!TryHold(envelope, request.Peer.Uid, out int most))
        {
            Refuse(request, new Refusal(ErrorCode.Busy, $"{most} requests {envelope.Message.Command} of this user wait already"));
            return;
        }
        writer.Expect();
        if (scheduler.TrySchedule(request.Lane, new PendingChange(this, request, envelope)))
            return;
        writer.NotComing();
        Release(envelope, request.Peer.Uid);
        Refuse(request, new Refusal(ErrorCode.Busy, $"{Limits.MaxWaitingPerUid} requests of this user wait already"));
    }

    /// <summary>What is long to hold and may be sent by anybody: a trust root is a parsed document of up to a megabyte in memory, a delivery several hundred kilobytes. Few wait.</summary>
    private static int MaxWaiting(string command) => command switch
    {
        Envelopes.Commands.TrustRoot => Limits.MaxWaitingRootsPerUid,
        Envelopes.Commands.Deliver => Limits.MaxWaitingDeliveriesPerUid,
        _ => 0,
    };

    private bool TryHold(Envelope envelope, uint uid, out int most)
    {
        most = MaxWaiting(envelope.Message.Command);
        if (most == 0)
            return true;
        lock (_heavy)
        {
            ref int waiting = ref CollectionsMarshal.GetValueRefOrAddDefault(_heavy, (uid, envelope.Message.Command), out _);
            if (waiting >= most)
                return false;
            waiting++;
            return true;
        }
    }

    private void Release(Envelope envelope, uint uid)
    {
        if (MaxWaiting(envelope.Message.Command) == 0)
            return;
        lock (_heavy)
        {
            var key = (uid, envelope.Message.Command);
            if (--CollectionsMarshal.GetValueRefOrAddDefault(_heavy, key, out _) == 0)
                _heavy.Remove(key);
        }
    }

    /// <summary>2. On a worker: cheap checks, then the signature; a change goes to the writer, in the connection's order.</summary>
    internal void Verify(PendingChange pending)
    {
        Release(pending.Envelope, pending.Peer.Uid);
        EffectiveTime now = Now;
        long begin = Stopwatch.GetTimestamp();
        writer.Stages.Add(RequestStage.Queue, pending.QueuedAt, begin);
        Verdict verdict = verifier.Check(pending.Envelope, now, writer.Published.Policy.Trust.Root);
        if (deliveries is not null && pending.Envelope.Message.Delivery is { } offer && verdict.TryGet(out _, out _))
        {
            JudgeDelivery(deliveries, pending, offer, now, begin);
            return;
        }
        if (pending.Envelope.Message.InForce is { } statement && verdict.TryGet(out VerifiedMessage? report, out _))
        {
            JudgeReport(pending, statement, report, now, begin);
            return;
        }
        long end = Stopwatch.GetTimestamp();
        writer.Stages.Add(RequestStage.Verify, begin, end);
        if (verdict.TryGet(out VerifiedMessage? message, out _) && message.Message.Command != Envelopes.Commands.GetStatus && reads?.Serves(message.Message.Command) != true && waits?.Waits(message.Message.Command) != true)
        {
            pending.Verified(message, now, end);
            writer.Submit(pending);
            return;
        }
        writer.NotComing();
        scheduler.Finished(pending.Request.Lane);
        ShowOrRefuse(pending.Request, verdict);
    }

    private void JudgeDelivery(DeliveryJudge judge, PendingChange pending, DeliveryOffer offer, EffectiveTime now, long begin)
    {
        JudgedDelivery judged = judge.Judge(offer, now, writer.Published.Policy.Trust.Root, out Refusal? refusal);
        long end = Stopwatch.GetTimestamp();
        writer.Stages.Add(RequestStage.Verify, begin, end);
        if (refusal is null)
            pending.Proven(judged, now, end);
        SubmitOrRefuse(pending, refusal);
    }

    private void JudgeReport(PendingChange pending, InForceStatement statement, VerifiedMessage message, EffectiveTime now, long begin)
    {
        string key = "";
        Refusal? refusal = reports is null ? Refusal.Undecided : reports.Judge(statement, out key);
        long end = Stopwatch.GetTimestamp();
        writer.Stages.Add(RequestStage.Verify, begin, end);
        if (refusal is null)
            pending.Reported(message, key, now, end);
        SubmitOrRefuse(pending, refusal);
    }

    private void SubmitOrRefuse(PendingChange pending, Refusal? refusal)
    {
        if (refusal is null)
        {
            writer.Submit(pending);
            return;
        }
        writer.NotComing();
        scheduler.Finished(pending.Request.Lane);
        Refuse(pending.Request, refusal);
    }

    /// <summary>3. From the writer, when the entry is durable and published: the change is accepted.</summary>
    internal void Accept(PendingChange pending, CommittedChange change)
    {
        scheduler.Finished(pending.Request.Lane);
        Counts.CountAccepted();
        pending.Request.AnswerLater(Answer.Ok((answer, change, note: ClockNote()), static (json, from) =>
        {
            from.answer.Write(json, from.change);
            foreach ((string name, JsonValue value) in from.note)
            {
                json.WritePropertyName(name);
                JsonText.Write(json, value);
            }
        }));
    }

    /// <summary>3. The same for a statement about the ledger's key.</summary>
    internal void Recorded(PendingChange pending, long index)
    {
        scheduler.Finished(pending.Request.Lane);
        Counts.CountAccepted();
        pending.Request.AnswerLater(Answer.Ok([("index", JsonValue.Of(index)), .. ClockNote()]));
    }

    /// <summary>3. The same for a delivery, whatever came of what is in it.</summary>
    internal void Delivered(PendingChange pending, string outcome, Refusal? refusal)
    {
        scheduler.Finished(pending.Request.Lane);
        if (refusal is null)
            Counts.CountAccepted();
        else
            CountRefused(pending.Peer, refusal);
        pending.Request.AnswerLater(Answer.Ok(
        [
            ("outcome", JsonValue.Of(outcome)),
            .. refusal is null ? ReadOnlySpan<(string, JsonValue)>.Empty : [("reason", JsonValue.Shown(CodePoints.Take(refusal.Reason, MaxReasonCodePoints)))],
            .. refusal?.Extra?.Select(member => (member.Key, member.Value)) ?? [],
            .. ClockNote(),
        ]));
    }

    /// <summary>3. Or it is refused: recorded, or with nothing consumed.</summary>
    internal void Refuse(PendingChange pending, Refusal refusal)
    {
        scheduler.Finished(pending.Request.Lane);
        // None of the writer's refusals closes its connection: those come while requests are read.
        pending.Request.AnswerLater(Line(pending.Peer, refusal));
    }

    /// <summary>Bytes that are no request, found by the connection.</summary>
    ReadOnlyMemory<byte> IRequestHandler.Refuse(FramingFault fault, string reason, PeerCredentials peer) =>
        Line(peer, new Refusal(fault == FramingFault.TooLarge ? ErrorCode.TooLarge : ErrorCode.BadJson, reason));

    /// <summary>A status, or another look, is made when it is its turn to be answered, so that it shows the changes sent before it.</summary>
    private void ShowOrRefuse(BusRequest request, Verdict verdict)
    {
        if (!verdict.TryGet(out VerifiedMessage? message, out Refusal? refusal))
            Refuse(request, refusal);
        else if (followers is not null && message.Message.Command == Envelopes.Commands.GetGrowth)
            request.AnswerAtHead(async () => Answer.Ok([("size", JsonValue.Of(await followers.WaitAsync(message.Message, request).ConfigureAwait(false))), .. ClockNote()]));
        else if (message.Message.Command == Envelopes.Commands.GetEnvelope && followers?.IsCourier(request) != true)
            Refuse(request, new Refusal(ErrorCode.NotAuthorised, "a confidential envelope is given to the courier's user only"));
        else if (waits?.Waits(message.Message.Command) == true)
            request.AnswerAtHead(async () => Answer.Ok([.. await waits.WaitAsync(message.Message, request, scheduler).ConfigureAwait(false), .. ClockNote()]));
        else if (reads?.Serves(message.Message.Command) == true)
            request.AnswerAtHead(() => scheduler.MakeAsync(request.Lane, () => Read(reads, message, request.Peer)));
        else
            request.AnswerAtHead(() => scheduler.MakeAsync(request.Lane, () => Show(message, request.Peer)));
    }

    private ReadOnlyMemory<byte> Read(IReadSource source, VerifiedMessage message, PeerCredentials peer) =>
        source.TryRead(message.Message, out var members, out Refusal? fault) ? Answer.Ok([.. members, .. ClockNote()]) : Line(peer, fault);

    /// <summary>A status that cannot be made is one request's misfortune: the connection keeps its order, and those around it get their answers.</summary>
    private ReadOnlyMemory<byte> Show(VerifiedMessage message, PeerCredentials peer)
    {
        try
        {
            return StatusLine.Write([.. ClockNote(), .. status.Describe(message)]);
        }
        catch (Exception e)
        {
            StatusFailed?.Invoke(e);
            return Line(peer, new Refusal(ErrorCode.Busy, "the status cannot be made now; the daemon's log says why"));
        }
    }

    private void Refuse(BusRequest request, Refusal refusal)
    {
        byte[] line = Line(request.Peer, refusal);
        if (refusal.ClosesConnection)
            request.AnswerAndClose(line);
        else
            request.Answer(line);
    }

    private byte[] Line(PeerCredentials peer, Refusal refusal)
    {
        CountRefused(peer, refusal);
        return Answer.Error(refusal with { Extra = [.. refusal.Extra ?? [], .. ClockNote().Select(member => KeyValuePair.Create(member.Name, member.Value))] });
    }

    private void CountRefused(PeerCredentials peer, Refusal refusal)
    {
        Counts.CountRefused(refusal.Code);
        Refused?.Invoke(peer, refusal);
    }

    /// <summary>While the clock is far behind the time floor every answer says so, with both times.</summary>
    private (string Name, JsonValue Value)[] ClockNote()
    {
        EffectiveTime now = Now;
        return now.IsBehind
            ? [("clock_behind_floor", JsonValue.Object([("clock", JsonValue.Of(now.ClockSeconds)), ("floor", JsonValue.Of(now.FloorSeconds))]))]
            : [];
    }
}
