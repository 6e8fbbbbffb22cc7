using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Trust;
using Qwamos.ControlBus.Verification;

namespace Qwamos.ControlBus.Audit;

/// <summary>
/// Judges one leaf: its form, and that its envelope is signed by the key it names, that its signers may, that it is for this system and was fresh when it was
/// recorded. Thread-safe. What a change did is the fold's and the schema's.
/// </summary>
internal sealed class EntryAuditor
{
    private static readonly HashSet<string> Changes = new(StringComparer.Ordinal) { Commands.SetPolicy };

    /// <summary>How the sentence of an entry ends that a key signed which the auditor did not name.</summary>
    internal const string NotGiven = "which is not among those given";

    private readonly string? _systemId;
    private readonly Verifier _verifier;

    /// <param name="signers">The keys that were enrolled, at most 16, distinct: who signs while there is no trust root.</param>
    /// <param name="systemId">The system in the checkpoint's origin; null for a log of another kind.</param>
    public EntryAuditor(IReadOnlyList<VerifyingKey> signers, string? systemId)
    {
        _systemId = systemId;
        _verifier = new Verifier(new VerifierOptions { Keys = signers, SystemId = systemId, Commands = Changes });
    }

    /// <summary>Whose word an entry is, by what it says itself.</summary>
    public static IEnumerable<KeyId> SignersOf(LedgerEntry? entry) => entry switch
    {
        MessageEntry message => message.Signers,
        RecordedEntry withheld => [withheld.Signer],
        LedgerKeyEntry key => [key.Statement.Signer],
        DomainKeyEntry key => [key.Statement.Signer],
        _ => [],
    };

    /// <summary>Reads a leaf and judges it by a trust root.</summary>
    public AuditedEntry Judge(long index, byte[] leaf, TrustRoot root)
    {
        try
        {
            return Judge(EntryReader.ReadExported(index, leaf), root);
        }
        catch (LedgerIntegrityException e)
        {
            return new AuditedEntry(null, e.Message.TrimEnd('.'), root);
        }
    }

    /// <summary>Judges what was read.</summary>
    public AuditedEntry Judge(LedgerEntry entry, TrustRoot root) => new(
        entry,
        entry switch
        {
            MessageEntry message => SignatureFault(message, root),
            LedgerKeyEntry key => StatementFault(key, root),
            DomainKeyEntry key => StatementFault(key, root),
            _ => null,
        },
        root);

    private string? StatementFault(LedgerKeyEntry entry, TrustRoot root)
    {
        var statement = entry.Statement;
        if (root.FindKey(statement.Signer) is not { } signer)
            return $"it was signed by the key {statement.Signer}, {NotGiven}";
        if (statement.SystemId != _systemId)
            return "it is about the ledger of another system";
        if (statement.TimestampSeconds > entry.TimeSeconds + Limits.FreshnessWindowSeconds)
            return "it was signed after it was recorded";
        if (!Authority.MayGive(root, statement.Signer, Commands.LedgerKey))
            return $"its statement about the ledger's key is by a holder whom no role of trust root {root.Version} lets give one";
        return statement.IsSignedBy(signer) ? null : $"its statement about the ledger's key is not signed by {statement.Signer}, as it says";
    }

    private string? StatementFault(DomainKeyEntry entry, TrustRoot root)
    {
        var statement = entry.Statement;
        if (root.FindKey(statement.Signer) is not { } signer)
            return $"it was signed by the key {statement.Signer}, {NotGiven}";
        if (statement.SystemId != _systemId)
            return "it is about a domain of another system";
        if (Math.Abs(statement.TimestampSeconds - entry.TimeSeconds) > Limits.FreshnessWindowSeconds)
            return $"it was signed more than {Limits.FreshnessWindowSeconds} s before or after it was recorded";
        if (!Authority.MayGive(root, statement.Signer, Commands.DomainKey))
            return $"its statement about a domain's key is by a holder whom no role of trust root {root.Version} lets give one";
        return statement.IsSignedBy(signer) ? null : $"its statement about a domain's key is not signed by {statement.Signer}, as it says";
    }

    private string? SignatureFault(MessageEntry entry, TrustRoot root)
    {
        if (root.FindKey(entry.Signer) is null)
            return $"it was signed by the key {entry.Signer}, {NotGiven}";
        if (!_verifier.CheckRecorded(entry.Envelope, entry.TimeSeconds, root).TryGet(out var message, out var refusal))
            return $"its envelope is not to be believed: {refusal.Reason}";
        return message.Signer == entry.Signer ? null : $"its envelope was signed by the key {message.Signer}, not by {entry.Signer} as it says";
    }
}
