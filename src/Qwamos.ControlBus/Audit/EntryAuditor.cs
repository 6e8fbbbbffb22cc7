using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Verification;

namespace Qwamos.ControlBus.Audit;

/// <summary>
/// Judges one leaf by itself: its form, and that its envelope is signed by the key it names, is for this system and was fresh when it was
/// recorded. Thread-safe. Who may sign what, and what a change did, are the fold's and the schema's.
/// </summary>
internal sealed class EntryAuditor
{
    private static readonly HashSet<string> Changes = new(StringComparer.Ordinal) { Commands.SetPolicy };

    /// <summary>How the sentence of an entry ends that a key signed which the auditor did not name.</summary>
    internal const string NotGiven = "which is not among those given";

    private readonly IReadOnlyList<VerifyingKey> _signers;
    private readonly string? _systemId;
    private readonly Verifier _verifier;

    /// <param name="signers">The operators' keys, at most 16, distinct.</param>
    /// <param name="systemId">The system in the checkpoint's origin; null for a log of another kind.</param>
    public EntryAuditor(IReadOnlyList<VerifyingKey> signers, string? systemId)
    {
        _signers = signers;
        _systemId = systemId;
        _verifier = new Verifier(new VerifierOptions { Keys = signers, SystemId = systemId, Commands = Changes });
    }

    public AuditedEntry Judge(long index, byte[] leaf)
    {
        LedgerEntry entry;
        try
        {
            entry = EntryReader.ReadExported(index, leaf);
        }
        catch (LedgerIntegrityException e)
        {
            return new AuditedEntry(null, e.Message.TrimEnd('.'));
        }
        return new AuditedEntry(entry, entry switch
        {
            MessageEntry message => SignatureFault(message),
            LedgerKeyEntry key => StatementFault(key),
            _ => null,
        });
    }

    private string? StatementFault(LedgerKeyEntry entry)
    {
        var statement = entry.Statement;
        if (Find(statement.Signer) is not { } signer)
            return $"it was signed by the key {statement.Signer}, {NotGiven}";
        if (statement.SystemId != _systemId)
            return "it is about the ledger of another system";
        if (statement.TimestampSeconds > entry.TimeSeconds + Limits.FreshnessWindowSeconds)
            return "it was signed after it was recorded";
        return statement.IsSignedBy(signer) ? null : $"its statement about the ledger's key is not signed by {statement.Signer}, as it says";
    }

    private string? SignatureFault(MessageEntry entry)
    {
        if (Find(entry.Signer) is null)
            return $"it was signed by the key {entry.Signer}, {NotGiven}";
        if (!_verifier.CheckRecorded(entry.Envelope, entry.TimeSeconds).TryGet(out var message, out var refusal))
            return $"its envelope is not to be believed: {refusal.Reason}";
        return message.Signer == entry.Signer ? null : $"its envelope was signed by the key {message.Signer}, not by {entry.Signer} as it says";
    }

    // For every entry: a query would make three objects to look through a handful of keys.
    private VerifyingKey? Find(KeyId id)
    {
        foreach (var key in _signers)
        {
            if (key.Id == id)
                return key;
        }
        return null;
    }
}
