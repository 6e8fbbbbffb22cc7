namespace Qwamos.ControlBus.Ledger;

/// <summary>The ledger is not what was written, or not what was seen before: it says which entry and what is wrong (ATTACKS 13 and 30).</summary>
public sealed class LedgerIntegrityException : IOException
{
    /// <summary>Says what is wrong, and with which entry when one can be named.</summary>
    public LedgerIntegrityException(string message, long? index = null, Exception? inner = null) : base(message, inner) => Index = index;

    /// <summary>The first entry known to be wrong, or null when it is the ledger as a whole.</summary>
    public long? Index { get; }
}
