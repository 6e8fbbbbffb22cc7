namespace Qwamos.ControlBus.Ledger;

/// <summary>The file cannot be used as a ledger: another program's, a newer version's, not a plain file, or not readable. One sentence for the operator.</summary>
public sealed class LedgerFormatException : IOException
{
    /// <summary>Says which file and why.</summary>
    public LedgerFormatException(string message, Exception? inner = null) : base(message, inner)
    {
    }

    /// <summary>True when it is a ledger of an older format, which opening it for writing migrates.</summary>
    public bool IsOlder { get; init; }
}
