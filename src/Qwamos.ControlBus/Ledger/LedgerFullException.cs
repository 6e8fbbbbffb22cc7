namespace Qwamos.ControlBus.Ledger;

/// <summary>The disk was full before the commit: nothing of the batch was recorded, and the ledger can be used on (<c>storage_full</c>).</summary>
public sealed class LedgerFullException : IOException
{
    /// <summary>Says what was being done.</summary>
    public LedgerFullException(string message, Exception? inner = null) : base(message, inner)
    {
    }
}
