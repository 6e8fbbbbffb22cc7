using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Policy;

namespace Qwamos.ControlBus.Ledger;

/// <summary>A confidential change as an export shows it: its envelope was left out, and only its hash is known.</summary>
/// <param name="TimeSeconds">When it was recorded.</param>
/// <param name="Peer">Who sent it.</param>
/// <param name="Signer">Whose signature verified, by the ledger's word: without the envelope nobody can check.</param>
/// <param name="SchemaHash">SHA-256 of the schema that judged it, 64 lower-case hex digits.</param>
/// <param name="EnvelopeHash">SHA-256 of the envelope, 64 lower-case hex digits.</param>
/// <param name="Outcome">What an accepted change did; null for a refusal.</param>
/// <param name="RefusalCode">Why it was refused; null for an accepted change.</param>
/// <param name="RefusalReason">The sentence that its sender got, cut at 256 code points; null for an accepted change.</param>
public sealed record WithheldEntry(
    long TimeSeconds,
    EntryPeer Peer,
    KeyId Signer,
    string SchemaHash,
    string EnvelopeHash,
    ChangeOutcome? Outcome,
    ErrorCode? RefusalCode,
    string? RefusalReason) : RecordedEntry(TimeSeconds, Peer, Signer, SchemaHash, Outcome, RefusalCode, RefusalReason);
