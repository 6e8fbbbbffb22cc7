using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Keys;

namespace Qwamos.ControlBus.Verification;

/// <summary>
/// Decides whether to believe an envelope (DESIGN section 3), from <c>unknown_command</c> to <c>bad_signature</c> in the order of the codes, so
/// that every implementation gives the same one. Pure and thread-safe: time comes in, nothing is remembered. Replay is the writer's.
/// </summary>
public sealed class Verifier
{
    private readonly VerifierOptions _options;

    /// <exception cref="ArgumentException">More than 16 keys, or one key twice.</exception>
    public Verifier(VerifierOptions options)
    {
        if (options.Keys.Count > Limits.MaxActiveKeys)
            throw new ArgumentException($"at most {Limits.MaxActiveKeys} keys may be active", nameof(options));
        if (options.Keys.Select(key => key.Id).Distinct().Count() != options.Keys.Count)
            throw new ArgumentException("one key is listed twice", nameof(options));
        _options = options;
    }

    /// <summary>Judges a message that arrives now.</summary>
    public Verdict Check(Envelope envelope, EffectiveTime now) => Judge(envelope, now.Now);

    /// <summary>
    /// Judges a recorded message again, at boot or after a restart: the same checks, fresh at the effective time it was recorded with
    /// (unix seconds, <see cref="EffectiveTime.Now"/> of then), however long ago that is.
    /// </summary>
    public Verdict CheckRecorded(Envelope envelope, long recordedSeconds) => Judge(envelope, recordedSeconds);

    private Verdict Judge(Envelope envelope, long nowSeconds)
    {
        var message = envelope.Message;
        var refusal = CommandRefusal(message)
            ?? (envelope.IsSigned ? Freshness.Refusal(message, nowSeconds) : null)
            ?? SystemRefusal(message, envelope.IsSigned)
            ?? _options.AudienceRule(message);
        if (refusal is not null)
            return Verdict.Refuse(refusal);
        if (message.KeyStatement is { } statement)
            return StatementRefusal(statement, nowSeconds) is { } fault ? Verdict.Refuse(fault) : Verdict.Accept(new VerifiedMessage(envelope, statement.Signer));
        if (!envelope.IsSigned)
            return JudgeUnsigned(envelope);

        refusal = SignerRefusal(envelope, out var signer);
        return refusal is not null ? Verdict.Refuse(refusal) : Verdict.Accept(new VerifiedMessage(envelope, signer));
    }

    private Refusal? CommandRefusal(Message message) => _options.Commands.Contains(message.Command)
        ? null
        : new Refusal(ErrorCode.UnknownCommand, "the command is not known here");

    private Refusal? SystemRefusal(Message message, bool isSigned)
    {
        if (message.System is null)
        {
            return _options.SystemRequired && isSigned
                ? new Refusal(ErrorCode.WrongSystem, "the message names no system, and this one requires its ID")
                : null;
        }

        return message.System == _options.SystemId
            ? null
            : new Refusal(ErrorCode.WrongSystem, "the message is for another system");
    }

    /// <summary>
    /// Only a look without secrets needs no signature, and what carries its own inside, which whoever handles it verifies; the rest is refused
    /// again here.
    /// </summary>
    private static Verdict JudgeUnsigned(Envelope envelope)
    {
        var message = envelope.Message;
        return message.Offer is not null || (Commands.IsRead(message.Command) && !message.AsksToReveal)
            ? Verdict.Accept(new VerifiedMessage(envelope, signer: null))
            : Verdict.Refuse(new Refusal(ErrorCode.BadSignature, "this needs a signature"));
    }

    /// <summary>An old statement is as good as a new one, until a newer one was recorded: that is the writer's to see.</summary>
    private Refusal? StatementRefusal(LedgerKeyStatement statement, long nowSeconds)
    {
        if (statement.TimestampSeconds > nowSeconds + Limits.FreshnessWindowSeconds)
            return new Refusal(ErrorCode.FromFuture, $"the statement was signed more than {Limits.FreshnessWindowSeconds} s after now");
        if (statement.SystemId != _options.SystemId)
            return new Refusal(ErrorCode.WrongSystem, "the statement is about another system's ledger");
        if (_options.LedgerKey is { } own && statement.Key != own)
            return Refusal.BadRequest($"key is not this ledger's, which is {own}");
        if (_options.Keys.FirstOrDefault(key => key.Id == statement.Signer) is not { } signer)
            return new Refusal(ErrorCode.UnknownKey, "the key_id is not that of an active key");
        return statement.IsSignedBy(signer) ? null : new Refusal(ErrorCode.BadSignature, "the statement's signature does not hold under the key that it names");
    }

    private Refusal? SignerRefusal(Envelope envelope, out KeyId? signer)
    {
        signer = null;
        // The reader lets one signature through; a list counts only when every one of it holds.
        if (envelope.Signatures is not [var signature])
            return new Refusal(ErrorCode.NotSupported, "more than one signature is not supported yet");

        var isKnown = signature.KeyId is null;
        foreach (var key in _options.Keys)
        {
            if (signature.KeyId is { } named && key.Id != named)
                continue;
            isKnown = true;
            if (key.Verify(envelope.Message.Canonical.Span, signature.Bytes.Span))
            {
                signer = key.Id;
                return null;
            }
        }

        if (!isKnown)
            return new Refusal(ErrorCode.UnknownKey, "the key_id is not that of an active key");
        return new Refusal(ErrorCode.BadSignature, "the signature does not hold under an active key");
    }
}
