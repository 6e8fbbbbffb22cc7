using Qwamos.ControlBus.Keys;

namespace Qwamos.ControlBus.Ledger;

/// <summary>Judges an entry by itself: its form, its envelope, and its signature where its key is known. Thread-safe.</summary>
/// <param name="store">Where the confidential envelopes are.</param>
/// <param name="signers">The operators' keys that are known.</param>
internal sealed class RowJudge(LedgerStore store, IReadOnlyList<VerifyingKey> signers)
{
    /// <summary>As many as are sound, and the first that is not.</summary>
    public List<JudgedRow> Judge(List<LedgerRow> rows)
    {
        var judged = new List<JudgedRow>(rows.Count);
        foreach (var row in rows)
        {
            judged.Add(Judge(row));
            if (judged[^1].Fault is not null)
                break;
        }
        return judged;
    }

    private JudgedRow Judge(LedgerRow row)
    {
        try
        {
            var entry = store.Parse(row);
            return new JudgedRow(row, entry, IsSigned(row.Index, entry), null);
        }
        catch (LedgerIntegrityException e)
        {
            return new JudgedRow(row, null, null, e);
        }
    }

    private bool? IsSigned(long index, LedgerEntry entry) => entry switch
    {
        MessageEntry message => IsSigned(index, message.Signer, key => Holds(message, key)),
        LedgerKeyEntry { Statement: var statement } => IsSigned(index, statement.Signer, statement.IsSignedBy),
        _ => null,
    };

    private bool IsSigned(long index, KeyId signer, Func<VerifyingKey, bool> holds)
    {
        if (signers.FirstOrDefault(key => key.Id == signer) is not { } known)
            return false;
        return holds(known)
            ? true
            : throw new LedgerIntegrityException($"Entry {index} is not what was recorded: its signature does not hold under {signer}, the key that it names.", index);
    }

    private static bool Holds(MessageEntry entry, VerifyingKey key) =>
        entry.Envelope.Signatures is [var signature]
        && (signature.KeyId is null || signature.KeyId == key.Id)
        && key.Verify(entry.Message.Canonical.Span, signature.Bytes.Span);
}
