namespace Qwamos.ControlBus.Ledger;

/// <summary>
/// Writing failed in a way that leaves the outcome unknown (a failed fsync, an I/O error at the commit): <c>storage_error</c>. The instance
/// refuses every further use; what is on the disk is learnt by opening it anew.
/// </summary>
public sealed class LedgerBrokenException : IOException
{
    /// <summary>Says what was being done.</summary>
    public LedgerBrokenException(string message, Exception? inner = null) : base(message, inner)
    {
    }
}
