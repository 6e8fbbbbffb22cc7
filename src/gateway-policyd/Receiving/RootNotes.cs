using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Policy;
using Qwamos.Gateway.Witnessing;

namespace Qwamos.Gateway.Receiving;

/// <summary>
/// What root's commands leave in accepted.db. A gateway has no boot of its own that could carry a request over to the daemon's next
/// start, so the commands write the record themselves, while the daemon does not run, as the account that owns the record.
/// </summary>
internal static class RootNotes
{
    private const string Daemon = "gateway-policyd";
    private const UnixFileMode RunMode = (UnixFileMode)0x1ED; // 0755

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

    /// <summary>Why it could not be done, or null. What opening the witness brings about (a new key, evidence) is logged.</summary>
    public static string? LowerFloor(SystemPaths paths, long seconds, LogMessages log)
    {
        long now = TimeProvider.System.GetUtcNow().ToUnixTimeSeconds();
        return Append(paths, sequence => BootNote.TimeFloor(sequence, now, seconds), () => LowerWitness(paths, seconds, log));
    }

    /// <summary>What the witness remembers of a clock far in the future would make each later word of the operator's look superseded.</summary>
    private static string? LowerWitness(SystemPaths paths, long seconds, LogMessages log)
    {
        if (Posix.IsAbsent(paths.GatewayWitnessFile))
            return null;
        if (!ReceiverSettings.TryLoad(paths, out ReceiverSettings? settings, out string? fault))
            return fault;
        if (settings.SystemId is null)
            return null;
        if (!Witness.TryOpen(paths, settings.Anchor, settings.SystemId, settings.Domain.Name, TimeProvider.System, log, out Witness? witness, out fault))
            return fault;
        using (witness)
            return witness.LowerTo(seconds);
    }

    private static string? Append(SystemPaths paths, Func<long, BootNote> note, Func<string?>? first = null)
    {
        TrialTree.MakeMissing(paths);
        if (Posix.IsAbsent(paths.GatewayStateDir))
            return $"{paths.GatewayStateDir} is not there yet: start gateway-policyd once, which makes it: {ProposedCommand.Start(paths, Daemon)}";
        FileStat folder = Posix.Stat(paths.GatewayStateDir);
        if (!Directory.Exists(paths.RunDir))
            MakeRunDirectory(paths.RunDir, folder);
        using ActingAs? account = ActingAs.OwnerOf(folder);
        if (!FileLock.TryTake(paths.GatewaySocket + ".lock", out FileLock? held))
            return $"gateway-policyd runs: stop it first: {ProposedCommand.Stop(paths, Daemon)}";
        using (held)
        {
            if (first?.Invoke() is { } earlier)
                return earlier;
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

    /// <summary>As systemd makes it at the daemon's start; after a boot without one it is missing.</summary>
    private static void MakeRunDirectory(string path, FileStat owner)
    {
        if (DurableFile.MakeDirectory(path, RunMode))
            Posix.ChangeOwner(path, owner.Uid, owner.Gid);
    }
}
