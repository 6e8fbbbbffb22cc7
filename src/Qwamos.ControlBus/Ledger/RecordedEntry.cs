using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Policy;

namespace Qwamos.ControlBus.Ledger;

/// <summary>What a leaf itself says of a message: a change that was accepted, or one that was fresh and authorised and yet refused.</summary>
/// <param name="TimeSeconds">When it was recorded.</param>
/// <param name="Peer">Who sent it.</param>
/// <param name="Signer">Whose signature verified.</param>
/// <param name="SchemaHash">SHA-256 of the schema that judged it, 64 lower-case hex digits.</param>
/// <param name="Outcome">What an accepted change did; null for a refusal.</param>
/// <param name="RefusalCode">Why it was refused; null for an accepted change.</param>
/// <param name="RefusalReason">The sentence that its sender got, cut at 256 code points; null for an accepted change.</param>
public abstract record RecordedEntry(
    long TimeSeconds,
    EntryPeer Peer,
    KeyId Signer,
    string SchemaHash,
    ChangeOutcome? Outcome,
    ErrorCode? RefusalCode,
    string? RefusalReason) : LedgerEntry(TimeSeconds)
{
    /// <summary>The outcome of an accepted change.</summary>
    public const string Accepted = "accepted";

    /// <summary>True for a change that was accepted.</summary>
    public bool IsAccepted => Outcome is not null;

    /// <summary>What a resend is told: <c>accepted</c>, or the code of the refusal.</summary>
    public string OutcomeName => RefusalCode is { } code ? ErrorCodes.Name(code) : Accepted;
}
