namespace Qwamos.ControlBus.Ledger;

/// <summary>Another program kept the ledger locked: nothing was begun, nothing was written, and the ledger can be used on (<c>busy</c>).</summary>
public sealed class LedgerBusyException : IOException
{
    /// <summary>Says what was being done.</summary>
    public LedgerBusyException(string message, Exception? inner = null) : base(message, inner)
    {
    }
}
