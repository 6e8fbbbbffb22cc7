using Qwamos.ControlBus.Audit;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Policy;
using Qwamos.ControlBus.Trust;
using Qwamos.ControlBus.Verification;

namespace Qwamos.ControlBus.Hosting.Pipeline;

/// <summary>
/// Judges what Dom0 delivers to a domain (docs/formats/delivery.md): that it is an entry of the ledger that the domain watches, and what its signatures say by the trust root in
/// force here. Fresh is what was fresh when Dom0 recorded it. Thread-safe.
/// </summary>
/// <param name="verifier">The domain's.</param>
/// <param name="memory">What the domain knows of the ledger; null before its first checkpoint, and where it watches none.</param>
/// <param name="forked">Told of a delivery that is another than the one that was taken with its number.</param>
/// <param name="rootAt">The trust root that was in force at an entry of a ledger; null while there was none. Without it the present one counts.</param>
public sealed class DeliveryJudge(Verifier verifier, Func<WitnessMemory?> memory, Action<DeliveryOffer, DeliveryCursor> forked, Func<string, long, TrustRoot?>? rootAt = null)
{
    private const int SecondsOfAMinute = 60;
    private const int MaxDoubtedAMinute = 64;

    private readonly Lock _turn = new();
    private long _minute;
    private int _recorded;

    /// <summary>Judges one that arrives now; the refusal, when it proves nothing.</summary>
    internal JudgedDelivery Judge(DeliveryOffer offer, EffectiveTime now, TrustRoot? root, out Refusal? refusal)
    {
        WitnessMemory? watched = memory();
        if (watched?.Seen?.Checkpoint is not { } seen || seen.Size != offer.Size)
        {
            long size = watched?.Seen?.Checkpoint.Size ?? 0;
            refusal = new Refusal(ErrorCode.BaseMismatch, $"the last checkpoint seen here has {size} entries, and the path is one of {offer.Size}", Extra: [KeyValuePair.Create("size", JsonValue.Of(size))]);
            return default;
        }

        if (!ProvenDelivery.TryProve(offer, watched.Key.ToString(), seen.RootHash.Span, out ProvenDelivery? proven, out refusal))
            return default;
        // By a clock that is behind, here or there, nothing is decided: it waits until both agree (ATTACKS 12).
        if (proven.RecordedSeconds > now.Now + Limits.FreshnessWindowSeconds)
        {
            refusal = new Refusal(ErrorCode.FromFuture, $"Dom0 recorded it {proven.RecordedSeconds - now.Now} s from now, by the clock here; {Limits.FreshnessWindowSeconds} s are allowed");
            return default;
        }

        JudgedDelivery judged = JudgeContent(proven, watched.Statement is null ? now : null, root);
        if (judged is { Refusal: not null, Doubted: not null, IsHeld: false } && !MayRecordDoubted(now.ClockSeconds))
            refusal = new Refusal(ErrorCode.Busy, "nobody has vouched for the ledger's key, and too much of it was refused in this minute: qwamosctl audit key --sign");
        return judged;
    }

    /// <summary>Who comes first can name any key the ledger's, and have refusals recorded: few of them.</summary>
    private bool MayRecordDoubted(long seconds)
    {
        long minute = seconds / SecondsOfAMinute;
        lock (_turn)
        {
            if (minute != _minute)
                (_minute, _recorded) = (minute, 0);
            return _recorded++ < MaxDoubtedAMinute;
        }
    }

    /// <summary>The same by another trust root than before.</summary>
    internal JudgedDelivery JudgeAgain(JudgedDelivery judged, TrustRoot? root) => JudgeContent(judged.Proven!, judged.Doubted, root);

    internal void Forked(DeliveryOffer offer, DeliveryCursor taken) => forked(offer, taken);

    /// <summary>
    /// While nobody has vouched for the ledger's key, its word for when it recorded something is nobody's: a change must be fresh by the clock here, too
    /// (ATTACKS 9, 12). One that is not waits: who brings it may only have kept the operator's word back.
    /// </summary>
    private JudgedDelivery JudgeContent(ProvenDelivery proven, EffectiveTime? doubted, TrustRoot? root)
    {
        long version = root?.Version ?? 0;
        if (proven.Root is { } next)
            return new JudgedDelivery(proven, null, verifier.CheckRoot(next, proven.RecordedSeconds, root), version, doubted);
        Verdict verdict = verifier.CheckRecorded(proven.Change!, proven.RecordedSeconds, root);
        if (doubted is { } now && verdict.TryGet(out _, out _) && !verifier.Check(proven.Change!, now, root).TryGet(out _, out Refusal? unfresh))
            return new JudgedDelivery(proven, null, unfresh with { Reason = $"{unfresh.Reason}; nobody has vouched for the ledger's key, so that it waits whatever Dom0 says of its time: qwamosctl audit key --sign" }, version, doubted, IsHeld: true);
        return verdict.TryGet(out VerifiedMessage? message, out Refusal? refusal)
            ? new JudgedDelivery(proven, message, null, version, doubted) { Missed = Believed(proven, doubted, root) }
            : new JudgedDelivery(proven, null, refusal, version, doubted);
    }

    /// <summary>
    /// Of what the domain missed, each change that was signed as it had to be when Dom0 recorded it, and by nobody who is revoked from there on; to whomever it is addressed. One that is not is none:
    /// of a value that is here already nobody need prove how it came about.
    /// </summary>
    private List<(Message, EntryReference)> Believed(ProvenDelivery proven, EffectiveTime? doubted, TrustRoot? root)
    {
        var believed = new List<(Message, EntryReference)>();
        TrustRoot current = root ?? verifier.Implicit;
        foreach (ProvenChange missed in doubted is null ? proven.Missed : [])
        {
            TrustRoot then = (rootAt is null ? root : rootAt(proven.Cursor.Ledger, missed.Entry.Index)) ?? verifier.Implicit;
            if (verifier.CheckRecorded(missed.Change, missed.RecordedSeconds, then, current, key => current.RevocationOf(key)?.FromIndex <= missed.Entry.Index, isForOthers: true).TryGet(out VerifiedMessage? message, out _)
                && message.Message.Command == Envelopes.Commands.SetPolicy)
                believed.Add((message.Message, missed.Entry));
        }

        return believed;
    }
}
