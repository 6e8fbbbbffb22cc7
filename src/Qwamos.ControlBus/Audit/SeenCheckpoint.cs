using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Ledger;

namespace Qwamos.ControlBus.Audit;

/// <summary>The last checkpoint that a witness saw. Immutable.</summary>
/// <param name="Checkpoint">What was signed.</param>
/// <param name="Note">It with the ledger's own signature lines.</param>
/// <param name="SignedSeconds">When the ledger signed it, unix seconds, as it says itself; null when that is not <see cref="Credible"/>.</param>
/// <param name="ArrivedSeconds">When it first came, by the witness's clock, unix seconds.</param>
/// <param name="Cosignature">The witness's own line; null while the ledger's key is only pinned, for then nothing is vouched for.</param>
public sealed record SeenCheckpoint(Checkpoint Checkpoint, SignedNote Note, long? SignedSeconds, long ArrivedSeconds, NoteSignature? Cosignature)
{
    /// <summary>The note, with the witness's line under it where it vouches for it.</summary>
    public SignedNote Cosigned => Cosignature is { } line ? Note.With([line]) : Note;

    /// <summary>
    /// A time that the ledger says it signed at, where it may be true by the clock of who reads it. One of the future would make every later
    /// word of the ledger look older than it is: it counts as none (ATTACKS 12).
    /// </summary>
    public static long? Credible(long? signedSeconds, long now) => signedSeconds <= now + Limits.FreshnessWindowSeconds ? signedSeconds : null;

    /// <summary>Seconds since the ledger signed it, or since it came when the ledger's time is not to be believed; below 0 when that is yet to come.</summary>
    public long AgeSeconds(long now) => now - (SignedSeconds ?? ArrivedSeconds);

    /// <summary>
    /// True when nothing new was heard for too long: a ledger that lives signs at least each minute. A time in the future tells nothing and
    /// counts as stale, else one such checkpoint would hide a freeze (ATTACKS 14).
    /// </summary>
    public bool IsStale(long now) => SignedSeconds is null || Math.Abs(AgeSeconds(now)) > Limits.CheckpointStaleSeconds;

    /// <summary>
    /// The witness's rule: why a checkpoint, its signature verified, is not taken after the last one; null when it may be. A fork is two trees of
    /// one size: both notes together prove it, whoever brings them. A proof that does not hold proves nothing: anybody can make one.
    /// </summary>
    /// <param name="seen">The last one; null before the first.</param>
    /// <param name="offered">The one that is offered.</param>
    /// <param name="old">The size that the proof starts from.</param>
    /// <param name="proof">The consistency proof.</param>
    public static Refusal? Judge(SeenCheckpoint? seen, Checkpoint offered, long old, IReadOnlyList<byte[]> proof)
    {
        var last = seen?.Checkpoint;
        var size = last?.Size ?? 0;
        if (old != size)
            return Behind(size, $"the last checkpoint seen here has {size} entries, and the proof starts from {old}");
        if (last is null || (last.Size == offered.Size && last.RootHash.Span.SequenceEqual(offered.RootHash.Span)))
            return proof.Count == 0 ? null : new Refusal(ErrorCode.BadRequest, "proof must be empty for the first checkpoint, and for the tree seen last");
        if (offered.Size == last.Size)
            return new Refusal(ErrorCode.Fork, $"it has another root than the checkpoint of {size} entries seen here: the ledger's key signed two histories");
        if (offered.Size > last.Size)
        {
            return TreeProofs.VerifyConsistency(last.Size, last.RootHash.Span, offered.Size, offered.RootHash.Span, proof)
                ? null
                : new Refusal(ErrorCode.Unproven, $"its {offered.Size} entries are not shown to begin with the {size} seen here: its history is another, or the proof is wrong");
        }
        return TreeProofs.VerifyConsistency(offered.Size, offered.RootHash.Span, last.Size, last.RootHash.Span, proof)
            ? Behind(size, $"it is older than the one seen here, of {size} entries")
            : new Refusal(ErrorCode.Unproven, $"it has {offered.Size} entries after {size} were seen here, and is not shown to be their beginning: the ledger was put back or changed");
    }

    private static Refusal Behind(long size, string reason) =>
        new(ErrorCode.BaseMismatch, reason, Extra: [KeyValuePair.Create("size", JsonValue.Of(size))]);
}
