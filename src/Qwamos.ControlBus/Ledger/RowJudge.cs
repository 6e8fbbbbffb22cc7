using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Trust;
using Qwamos.ControlBus.Verification;

namespace Qwamos.ControlBus.Ledger;

/// <summary>Judges an entry: its form, its envelope, and its signatures where their keys are known. Thread-safe.</summary>
/// <param name="store">Where the confidential envelopes are.</param>
/// <param name="root">The trust root in force by now, or what stands for it; null where nothing is known of who may sign.</param>
internal sealed class RowJudge(LedgerStore store, Func<TrustRoot?> root)
{
    private static readonly HashSet<string> Changes = new(StringComparer.Ordinal) { Commands.SetPolicy };

    private volatile SystemVerifier? _verifier;

    /// <summary>As many as can be read, and the first that cannot: one that is not signed as it must be may be sound under the trust root of its place.</summary>
    public List<JudgedRow> Judge(List<LedgerRow> rows)
    {
        // Perhaps not yet the one that was in force then: who takes the rows in order sees that.
        var now = root();
        var judged = new List<JudgedRow>(rows.Count);
        foreach (var row in rows)
        {
            judged.Add(Judge(row, now));
            if (judged[^1] is { Fault: not null, Entry: null })
                break;
        }
        return judged;
    }

    private JudgedRow Judge(LedgerRow row, TrustRoot? now)
    {
        LedgerEntry? entry = null;
        try
        {
            entry = store.Parse(row);
            return new JudgedRow(row, entry, IsSigned(row.Index, entry, now), null, now);
        }
        catch (LedgerIntegrityException e)
        {
            return new JudgedRow(row, entry, null, e, now);
        }
    }

    /// <summary>
    /// Whether every signature holds; false where a key is not known, null where nothing is signed. Where a trust root is in force nothing is unknown: its holders sign, with
    /// the roles and thresholds that it gives them, for its system, and in time.
    /// </summary>
    /// <exception cref="LedgerIntegrityException">One does not hold under the key that it names, or the trust root in force does not let its signers do that.</exception>
    public bool? IsSigned(long index, LedgerEntry entry, TrustRoot? root) => entry switch
    {
        MessageEntry message => root is { IsImplicit: false } ? IsAuthorised(index, message, root) : IsSigned(index, message, root),
        LedgerKeyEntry key => IsSigned(index, key.Statement.Signer, key.Statement.IsSignedBy, Commands.LedgerKey, root),
        DomainKeyEntry key => IsSigned(index, key.Statement.Signer, key.Statement.IsSignedBy, Commands.DomainKey, root),
        _ => null,
    };

    private bool IsAuthorised(long index, MessageEntry entry, TrustRoot root)
    {
        foreach (var signer in entry.Signers)
        {
            if (root.FindKey(signer) is null)
                throw NotInForce(index, signer, root);
        }
        if (VerifierOf(root.SystemId).CheckRecorded(entry.Envelope, entry.TimeSeconds, root).TryGet(out var message, out var refusal))
            return message.Signer == entry.Signer ? true : throw Wrong(index, entry.Signer.ToString());
        throw refusal.Code == ErrorCode.BadSignature
            ? Wrong(index, entry.Signer.ToString())
            : new LedgerIntegrityException($"Entry {index} is not what was recorded: under trust root {root.Version}, in force then, its envelope is not to be believed: {refusal.Reason}.", index);
    }

    private static bool IsSigned(long index, MessageEntry entry, TrustRoot? root)
    {
        foreach (var signature in entry.Envelope.Signatures)
        {
            var signer = signature.KeyId ?? entry.Signer;
            if (root?.FindKey(signer) is not { } key)
                return false;
            if (!key.Verify(entry.Message.Canonical.Span, signature.Bytes.Span))
                throw Wrong(index, signer.ToString());
        }
        return entry.Signer == (entry.Envelope.Signatures[0].KeyId ?? entry.Signer) ? true : throw Wrong(index, entry.Signer.ToString());
    }

    private static bool IsSigned(long index, KeyId signer, Func<VerifyingKey, bool> isSignedBy, string command, TrustRoot? root)
    {
        if (root?.FindKey(signer) is not { } key)
            return root is { IsImplicit: false } ? throw NotInForce(index, signer, root) : false;
        if (!isSignedBy(key))
            throw Wrong(index, signer.ToString());
        return Authority.MayGive(root, signer, command)
            ? true
            : throw new LedgerIntegrityException($"Entry {index} is not what was recorded: no role of trust root {root.Version}, in force then, lets its signer give {command}.", index);
    }

    /// <summary>Made again for each other system, of which a sound ledger has one.</summary>
    private Verifier VerifierOf(string? systemId)
    {
        var made = _verifier;
        if (made?.SystemId != systemId || made is null)
            _verifier = made = new SystemVerifier(systemId, new Verifier(new VerifierOptions { Keys = [], SystemId = systemId, Commands = Changes }));
        return made.Verifier;
    }

    private static LedgerIntegrityException NotInForce(long index, KeyId signer, TrustRoot root) =>
        new($"Entry {index} is not what was recorded: its key was not in force: trust root {root.Version} does not list {signer}.", index);

    private static LedgerIntegrityException Wrong(long index, string signer) =>
        new($"Entry {index} is not what was recorded: its signature does not hold under {signer}, the key that it names.", index);

    private sealed record SystemVerifier(string? SystemId, Verifier Verifier);
}
