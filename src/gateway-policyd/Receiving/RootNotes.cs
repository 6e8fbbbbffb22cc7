using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Policy;

namespace Qwamos.Gateway.Receiving;

/// <summary>
/// What root's commands leave in accepted.db. A gateway has no boot of its own that could carry a request over to the daemon's next
/// start, so the commands write the record themselves, while the daemon does not run.
/// </summary>
internal static class RootNotes
{
    // What stands for the ID of an anchor that could not be read.
    private static readonly string NoKey = new('0', 64);

    /// <exception cref="IOException">It cannot be recorded; the anchor must then stay.</exception>
    public static void AnchorReplaced(SystemPaths paths, KeyId? old, KeyId key)
    {
        long now = TimeProvider.System.GetUtcNow().ToUnixTimeSeconds();
        string? fault = Append(paths, sequence => BootNote.AnchorReplaced(sequence, now, old?.ToString() ?? NoKey, key.ToString()));
        if (fault is not null)
            throw new IOException(fault);
    }

    /// <summary>Why it could not be done, or null.</summary>
    public static string? LowerFloor(SystemPaths paths, long seconds)
    {
        long now = TimeProvider.System.GetUtcNow().ToUnixTimeSeconds();
        return Append(paths, sequence => BootNote.TimeFloor(sequence, now, seconds));
    }

    private static string? Append(SystemPaths paths, Func<long, BootNote> note)
    {
        TrialTree.MakeMissing(paths);
        if (!FileLock.TryTake(paths.GatewaySocket + ".lock", out FileLock? held))
            return "gateway-policyd runs: stop it first";
        using (held)
        {
            if (!AcceptedRecord.TryOpen(paths, out LedgerStore? store, out string? fault))
                return fault;
            using (store)
            {
                LoadedLedger loaded = LedgerFold.Load(store);
                AcceptedRecord.Append(store, note, loaded, TimeProvider.System);
                store.FoldWal();
                return null;
            }
        }
    }
}
