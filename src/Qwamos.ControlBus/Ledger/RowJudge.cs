using Qwamos.ControlBus.Trust;

namespace Qwamos.ControlBus.Ledger;

/// <summary>Judges an entry: its form, its envelope, and its signatures where their keys are known. Thread-safe.</summary>
/// <param name="store">Where the confidential envelopes are.</param>
/// <param name="root">The trust root in force by now, or what stands for it; null where nothing is known of who may sign.</param>
internal sealed class RowJudge(LedgerStore store, Func<TrustRoot?> root)
{
    /// <summary>As many as are sound, and the first that is not.</summary>
    public List<JudgedRow> Judge(List<LedgerRow> rows)
    {
        // Perhaps not yet the one that was in force then: who takes the rows in order sees that.
        var now = root();
        var judged = new List<JudgedRow>(rows.Count);
        foreach (var row in rows)
        {
            judged.Add(Judge(row, now));
            if (judged[^1].Fault is not null)
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

    /// <summary>Whether every signature holds; false where a key is not known, null where nothing is signed.</summary>
    /// <exception cref="LedgerIntegrityException">One does not hold under the key that it names.</exception>
    public static bool? IsSigned(long index, LedgerEntry entry, TrustRoot? root) => entry switch
    {
        MessageEntry message => IsSigned(index, message, root),
        LedgerKeyEntry { Statement: var statement } => root?.FindKey(statement.Signer) is { } key && (statement.IsSignedBy(key) ? true : throw Wrong(index, statement.Signer.ToString())),
        _ => null,
    };

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

    private static LedgerIntegrityException Wrong(long index, string signer) =>
        new($"Entry {index} is not what was recorded: its signature does not hold under {signer}, the key that it names.", index);
}
