using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Policy;

namespace Qwamos.ControlBus.Ledger;

/// <summary>A recorded message with its envelope; see <see cref="RecordedEntry"/> for what is common to all.</summary>
/// <param name="TimeSeconds">When it was recorded.</param>
/// <param name="Peer">Who sent it.</param>
/// <param name="Signer">Whose signature verified.</param>
/// <param name="SchemaHash">SHA-256 of the schema that judged it, 64 lower-case hex digits.</param>
/// <param name="Envelope">What was received; its <see cref="Envelope.Raw"/> are the exact bytes.</param>
/// <param name="IsConfidential">The leaf holds the envelope's hash only.</param>
/// <param name="Outcome">What an accepted change did; null for a refusal.</param>
/// <param name="RefusalCode">Why it was refused; null for an accepted change.</param>
/// <param name="RefusalReason">The sentence that its sender got, cut at 256 code points; null for an accepted change.</param>
public sealed record MessageEntry(
    long TimeSeconds,
    EntryPeer Peer,
    KeyId Signer,
    string SchemaHash,
    Envelope Envelope,
    bool IsConfidential,
    ChangeOutcome? Outcome,
    ErrorCode? RefusalCode,
    string? RefusalReason) : RecordedEntry(TimeSeconds, Peer, Signer, SchemaHash, Outcome, RefusalCode, RefusalReason)
{
    /// <summary>The message.</summary>
    public Message Message => Envelope.Message;

    /// <summary>All whose signatures the envelope holds; <see cref="RecordedEntry.Signer"/> is the first of them.</summary>
    public IEnumerable<KeyId> Signers => Envelope.Signatures.Select(signature => signature.KeyId ?? Signer);
}
