using System.Diagnostics;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Hosting.Listening;
using Qwamos.ControlBus.Policy;
using Qwamos.ControlBus.Trust;
using Qwamos.ControlBus.Verification;

namespace Qwamos.ControlBus.Hosting.Pipeline;

/// <summary>A signed request, or one that carries its own signature, on its way: first waiting for verification, then, verified, for the writer.</summary>
internal sealed class PendingChange(RequestPipeline pipeline, BusRequest request, Envelope envelope) : IFairWork
{
    private VerifiedMessage? _message;

    /// <summary>When it came to wait for verification, by <see cref="Stopwatch"/>.</summary>
    public long QueuedAt { get; } = Stopwatch.GetTimestamp();

    public BusRequest Request { get; } = request;

    public Envelope Envelope { get; } = envelope;

    public PeerCredentials Peer => Request.Peer;

    /// <summary>Only the writer asks, and it is given nothing unverified.</summary>
    public VerifiedMessage Message => _message ?? throw new InvalidOperationException("The request is not verified.");

    public void Run() => pipeline.Verify(this);

    /// <summary>What is delivered; null for every other request.</summary>
    public JudgedDelivery? Delivery { get; private set; }

    /// <summary>The time the message was found fresh at: what its entry says, so that whoever judges the entry again agrees.</summary>
    public EffectiveTime Judged { get; private set; }

    /// <summary>When it was verified, by <see cref="Stopwatch"/>.</summary>
    public long VerifiedAt { get; private set; }

    public void Verified(VerifiedMessage message, EffectiveTime judged, long at)
    {
        VerifiedAt = at;
        _message = message;
        Judged = judged;
    }

    /// <inheritdoc cref="Verified(VerifiedMessage, EffectiveTime, long)"/>
    public void Proven(JudgedDelivery delivery, EffectiveTime now, long at)
    {
        VerifiedAt = at;
        Delivery = delivery;
        Judged = now;
    }

    /// <summary>The domain's key by which its word was believed, 64 hex digits; null for every other request.</summary>
    public string? ReportKey { get; private set; }

    /// <summary>A domain's word that holds under a key.</summary>
    public void Reported(VerifiedMessage message, string key, EffectiveTime now, long at)
    {
        ReportKey = key;
        Verified(message, now, at);
    }

    /// <summary>The delivery by another trust root than before.</summary>
    public JudgedDelivery JudgeAgain(JudgedDelivery delivery, TrustRoot? root) => pipeline.Deliveries!.JudgeAgain(delivery, root);

    /// <summary>Another delivery than this one was taken with its number.</summary>
    public void Forked(DeliveryCursor taken) => pipeline.Deliveries!.Forked(Envelope.Message.Delivery!, taken);

    /// <summary>Verifies it again, by another trust root than before; why it is nothing now, or null.</summary>
    public Refusal? JudgeAgain(TrustRoot? root)
    {
        if (!pipeline.Verifier.Check(Envelope, Judged, root).TryGet(out VerifiedMessage? message, out Refusal? refusal))
            return refusal;
        _message = message;
        return null;
    }

    /// <summary>Gives the answer; it leaves with <see cref="Send"/>.</summary>
    public void Accept(CommittedChange change) => pipeline.Accept(this, change);

    /// <inheritdoc cref="Accept"/>
    public void Recorded(long index) => pipeline.Recorded(this, index);

    /// <inheritdoc cref="Accept"/>
    public void Delivered(string outcome, Refusal? refusal) => pipeline.Delivered(this, outcome, refusal);

    /// <inheritdoc cref="Accept"/>
    public void Refuse(Refusal refusal) => pipeline.Refuse(this, refusal);

    public void Send() => Request.Send();
}
