using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Trust;

namespace Qwamos.ControlBus.Verification;

/// <summary>
/// Decides whether to believe an envelope (DESIGN section 3), from <c>unknown_command</c> to <c>bad_signature</c> in the order of the codes, so
/// that every implementation gives the same one. Pure and thread-safe: time comes in, nothing is remembered. Replay is the writer's.
/// </summary>
public sealed class Verifier
{
    private readonly VerifierOptions _options;
    private readonly TrustRoot _implicit;

    /// <exception cref="ArgumentException">More than 16 keys, or one key twice.</exception>
    public Verifier(VerifierOptions options)
    {
        if (options.Keys.Count > Limits.MaxActiveKeys)
            throw new ArgumentException($"at most {Limits.MaxActiveKeys} keys may be active", nameof(options));
        if (options.Keys.Select(key => key.Id).Distinct().Count() != options.Keys.Count)
            throw new ArgumentException("one key is listed twice", nameof(options));
        _options = options;
        _implicit = TrustRoot.Implicit(options.Keys);
    }

    /// <summary>What is in force while nobody drew up a trust root.</summary>
    public TrustRoot Implicit => _implicit;

    /// <summary>Judges a message that arrives now.</summary>
    /// <param name="envelope">As received.</param>
    /// <param name="now">The effective time.</param>
    /// <param name="root">The trust root in force; null while there is none.</param>
    public Verdict Check(Envelope envelope, EffectiveTime now, TrustRoot? root = null) => Judge(envelope, now.Now, root ?? _implicit);

    /// <summary>
    /// Judges a recorded message again, at boot or after a restart: the same checks, fresh at the effective time it was recorded with
    /// (unix seconds, <see cref="EffectiveTime.Now"/> of then), however long ago that is.
    /// </summary>
    public Verdict CheckRecorded(Envelope envelope, long recordedSeconds, TrustRoot? root = null) => Judge(envelope, recordedSeconds, root ?? _implicit);

    /// <summary>The same for an entry of a ledger whose trust roots are known: by the one of then, and without the keys that are revoked by now from it on.</summary>
    public Verdict CheckRecorded(Envelope envelope, long recordedSeconds, RootHistory history, long index)
    {
        TrustRoot root = history.InForce(index);
        return CheckRecorded(envelope, recordedSeconds, root.IsImplicit ? _implicit : root, history.Current, key => history.IsDisowned(key, index));
    }

    /// <summary>The same where the caller says which of the keys that are revoked by now count for nobody: what the others signed stands when they suffice.</summary>
    /// <param name="envelope">As recorded.</param>
    /// <param name="recordedSeconds">When, unix seconds.</param>
    /// <param name="root">The trust root of then.</param>
    /// <param name="current">The one in force now, which revokes.</param>
    /// <param name="isDisowned">Whether the signature of a key is disowned.</param>
    /// <param name="isForOthers">It need not be for this receiver: what others were sent explains what they have.</param>
    public Verdict CheckRecorded(Envelope envelope, long recordedSeconds, TrustRoot root, TrustRoot current, Func<KeyId, bool> isDisowned, bool isForOthers = false)
    {
        Verdict verdict = Judge(envelope, recordedSeconds, root, isForOthers);
        if (!verdict.TryGet(out VerifiedMessage? message, out _) || !message.Signers.Any(isDisowned))
            return verdict;
        KeyId revoked = message.Signers.First(isDisowned);
        KeyId[] others = [.. message.Signers.Where(key => !isDisowned(key))];
        if (others.Length > 0 && message.Message.Command != Commands.TrustRoot && AuthorityRefusal(message.Message, others, recordedSeconds, root) is null)
            return verdict;
        string rest = others.Length > 0 ? ", and the other signers do not suffice" : "";
        return Verdict.Refuse(new Refusal(ErrorCode.UnknownKey, $"the key {revoked} is revoked from entry {current.RevocationOf(revoked)?.FromIndex ?? 0} on{rest}"));
    }

    /// <summary>Why a trust root may not take the place of the one in force, or null; the one in force itself may.</summary>
    /// <param name="next">Whose form was read.</param>
    /// <param name="recordedSeconds">When it was recorded, unix seconds.</param>
    /// <param name="root">The trust root in force; null while there is none.</param>
    public Refusal? CheckRoot(SignedRoot next, long recordedSeconds, TrustRoot? root) =>
        RootRefusal(next, recordedSeconds, root ?? _implicit);

    private Refusal? RootRefusal(SignedRoot next, long nowSeconds, TrustRoot root) =>
        RootChain.IsSame(root, next.Root) ? null : RootChain.Refusal(root, next, _options.SystemId, nowSeconds, _options.TakesExpiredRoots);

    private Verdict Judge(Envelope envelope, long nowSeconds, TrustRoot root, bool isForOthers = false)
    {
        var message = envelope.Message;
        var refusal = CommandRefusal(message)
            ?? (envelope.IsSigned ? Freshness.Refusal(message, nowSeconds, root) : null)
            ?? SystemRefusal(message, envelope.IsSigned, root)
            ?? (isForOthers ? null : _options.AudienceRule(message));
        if (refusal is not null)
            return Verdict.Refuse(refusal);
        if (message.Command == Commands.TrustRoot)
            return JudgeRoot(envelope, nowSeconds, root);
        if (message.KeyStatement is { } statement)
            return JudgeStatement(envelope, statement, nowSeconds, root);
        if (message.DomainKey is { } domain)
        {
            refusal = StatementRefusal(message, domain, nowSeconds, root);
            return refusal is not null ? Verdict.Refuse(refusal) : Verdict.Accept(new VerifiedMessage(envelope, [domain.Signer], root.Version));
        }
        if (!envelope.IsSigned)
            return JudgeUnsigned(envelope);
        refusal = SignerRefusal(envelope, root, out KeyId[] signers) ?? AuthorityRefusal(message, signers, nowSeconds, root);
        return refusal is not null ? Verdict.Refuse(refusal) : Verdict.Accept(new VerifiedMessage(envelope, signers, root.Version));
    }

    private Refusal? CommandRefusal(Message message) => _options.Commands.Contains(message.Command)
        ? null
        : new Refusal(ErrorCode.UnknownCommand, "the command is not known here");

    private Refusal? SystemRefusal(Message message, bool isSigned, TrustRoot root)
    {
        if (message.System is null)
        {
            return (_options.SystemRequired || !root.IsImplicit) && isSigned
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
        return message.Command is Commands.Checkpoint or Commands.Deliver or Commands.Report || (Commands.IsRead(message.Command) && !message.AsksToReveal)
            ? Verdict.Accept(new VerifiedMessage(envelope, [], 0))
            : Verdict.Refuse(new Refusal(ErrorCode.BadSignature, "this needs a signature"));
    }

    /// <summary>It carries its own signatures, and who brings it does not matter. The one in force is no fault: who brings it again is told so.</summary>
    private Verdict JudgeRoot(Envelope envelope, long nowSeconds, TrustRoot root)
    {
        if (EarlyRefusal(envelope.Message.Args!, nowSeconds, root) is { } early)
            return Verdict.Refuse(early);
        if (!SignedRoot.TryRead(envelope.Message.Args, out SignedRoot? next, out string? fault))
            return Verdict.Refuse(Refusal.BadRequest($"args of trust_root: {fault}"));
        return RootRefusal(next, nowSeconds, root) is not { } refusal
            ? Verdict.Accept(new VerifiedMessage(envelope, [.. next.Signatures.Select(signature => signature.Key)], root.Version, next))
            : Verdict.Refuse(refusal);
    }

    /// <summary>What refuses a stranger's before its keys are read, of which each costs as much as a verification.</summary>
    private Refusal? EarlyRefusal(JsonValue args, long nowSeconds, TrustRoot root)
    {
        if (!args.TryGet("root", out JsonValue? document) || RootPlace.Of(document) is not { } place
            || !args.TryGet("signatures", out JsonValue? list) || !SignedRoot.TryReadSignatures(list, mayBeUnsigned: false, out List<RootSignature> signatures, out _))
            return null;
        byte[] canonical = CanonicalJson.Write(document);
        if (place.Version == root.Version && canonical.AsSpan().SequenceEqual(root.Canonical.Span))
            return null;
        return RootChain.PlaceRefusal(root, place, _options.SystemId, nowSeconds, _options.TakesExpiredRoots)
            ?? RootChain.CurrentRefusal(root, place.Version, signatures, SigningPurposes.SignedBytes(SigningPurpose.TrustRoot, canonical));
    }

    private Verdict JudgeStatement(Envelope envelope, LedgerKeyStatement statement, long nowSeconds, TrustRoot root) =>
        StatementRefusal(envelope.Message, statement, nowSeconds, root) is { } fault
            ? Verdict.Refuse(fault)
            : Verdict.Accept(new VerifiedMessage(envelope, [statement.Signer], root.Version));

    /// <summary>An old statement is as good as a new one, until a newer one was recorded: that is the writer's to see.</summary>
    private Refusal? StatementRefusal(Message message, LedgerKeyStatement statement, long nowSeconds, TrustRoot root)
    {
        if (statement.TimestampSeconds > nowSeconds + Limits.FreshnessWindowSeconds)
            return new Refusal(ErrorCode.FromFuture, $"the statement was signed more than {Limits.FreshnessWindowSeconds} s after now");
        if (statement.SystemId != _options.SystemId)
            return new Refusal(ErrorCode.WrongSystem, "the statement is about another system's ledger");
        if (_options.LedgerKey is { } own && statement.Key != own)
            return Refusal.BadRequest($"key is not this ledger's, which is {own}");
        if (root.FindKey(statement.Signer) is not { } signer)
            return Unknown(root, statement.Signer);
        return statement.IsSignedBy(signer)
            ? AuthorityRefusal(message, [statement.Signer], nowSeconds, root)
            : new Refusal(ErrorCode.BadSignature, "the statement's signature does not hold under the key that it names");
    }

    /// <summary>Fresh as a change must be: one from before a ledger was put back could have a revoked key believed again (ATTACKS 13).</summary>
    private Refusal? StatementRefusal(Message message, DomainKeyStatement statement, long nowSeconds, TrustRoot root)
    {
        long age = nowSeconds - statement.TimestampSeconds;
        if (Math.Abs(age) > Limits.FreshnessWindowSeconds)
            return new Refusal(age > 0 ? ErrorCode.Stale : ErrorCode.FromFuture, $"the statement was signed more than {Limits.FreshnessWindowSeconds} s {(age > 0 ? "ago" : "after now")}");
        if (statement.SystemId != _options.SystemId)
            return new Refusal(ErrorCode.WrongSystem, "the statement is about a domain of another system");
        if (root.FindKey(statement.Signer) is not { } signer)
            return Unknown(root, statement.Signer);
        if (!statement.IsSignedBy(signer))
            return new Refusal(ErrorCode.BadSignature, "the statement's signature does not hold under the key that it names");
        if (!statement.TryLoadKey(out VerifyingKey? key, out string? fault))
            return Refusal.BadRequest($"key is no key: {fault}");
        // Else a domain would sign as an operator, or an operator as a domain.
        return root.FindKey(key.Id) is not null ? Refusal.BadRequest("key is an operator's, not a domain's") : AuthorityRefusal(message, [statement.Signer], nowSeconds, root);
    }

    /// <summary>A bare signature is tried against every active key; of a list each must hold under the key that it names.</summary>
    private static Refusal? SignerRefusal(Envelope envelope, TrustRoot root, out KeyId[] signers)
    {
        signers = new KeyId[envelope.Signatures.Count];
        ReadOnlySpan<byte> signed = envelope.Message.Canonical.Span;
        // Unknown keys first: they cost nothing, and so a list with one costs nothing.
        foreach (EnvelopeSignature signature in envelope.Signatures)
        {
            if (signature.KeyId is { } named && root.FindKey(named) is null)
                return Unknown(root, named);
        }
        for (int i = 0; i < signers.Length; i++)
        {
            EnvelopeSignature signature = envelope.Signatures[i];
            VerifyingKey? key = signature.KeyId is { } named ? root.FindKey(named) : FindSigner(root, signed, signature);
            if (key is null || (signature.KeyId is not null && !key.Verify(signed, signature.Bytes.Span)))
                return new Refusal(ErrorCode.BadSignature, "the signature does not hold under an active key");
            signers[i] = key.Id;
        }
        return null;
    }

    private static VerifyingKey? FindSigner(TrustRoot root, ReadOnlySpan<byte> signed, EnvelopeSignature signature)
    {
        foreach (VerifyingKey key in root.Keys)
        {
            if (key.Verify(signed, signature.Bytes.Span))
                return key;
        }
        return null;
    }

    private static Refusal Unknown(TrustRoot root, KeyId key) => new(
        ErrorCode.UnknownKey,
        root.RevocationOf(key) is { } revocation ? $"the key_id is that of a key which is revoked from entry {revocation.FromIndex} on" : "the key_id is not that of an active key");

    private static Refusal? AuthorityRefusal(Message message, KeyId[] signers, long nowSeconds, TrustRoot root)
    {
        if (root.IsImplicit || (Commands.IsRead(message.Command) && !message.AsksToReveal))
            return null;
        // A panic button waits for nobody, least of all for a renewal: it was armed under a trust root in force, and its holders and thresholds count as ever.
        if (root.ExpiresSeconds < nowSeconds && !message.Fires)
            return new Refusal(ErrorCode.NotAuthorised, $"the trust root in force, version {root.Version}, expired {nowSeconds - root.ExpiresSeconds} s ago: nothing but the next one, and {Message.Fire}, is accepted");
        // A holder with two keys stands in it twice, and is counted once: a role looks for each of its holders.
        string[] holders = new string[signers.Length];
        for (int i = 0; i < holders.Length; i++)
            holders[i] = root.HolderOf(signers[i])!;
        return Authority.Refusal(root, message, holders);
    }
}
