using Qwamos.ControlBus.Files;

namespace Qwamos.ControlBus.Ledger;

/// <summary>The ledger is not what was written, or not what was seen before: it says which entry and what is wrong (ATTACKS 13 and 30).</summary>
public sealed class LedgerIntegrityException : IOException
{
    /// <summary>Says what is wrong, and with which entry when one can be named.</summary>
    public LedgerIntegrityException(string message, long? index = null, Exception? inner = null) : base(message, inner) => Index = index;

    /// <summary>How a ledger that is older than what was seen is believed all the same; the end of a sentence.</summary>
    /// <param name="paths">The system whose ledger it is.</param>
    public static string GoOn(SystemPaths paths) =>
        $"to go on with this one all the same, which is recorded{(paths.IsTrial ? "" : ", as root")}: {ProposedCommand.Of(paths, "qwamosd", $"restore {SafePath.Quote(paths.LedgerFile)} --accept-older")}";

    /// <summary>The first entry known to be wrong, or null when it is the ledger as a whole.</summary>
    public long? Index { get; }
}
