using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Policy;
using Qwamos.ControlBus.Verification;
using Qwamos.Gateway.Witnessing;

namespace Qwamos.Gateway.Receiving;

/// <summary>
/// What root's commands leave in accepted.db. A gateway has no boot of its own that could carry a request over to the daemon's next
/// start, so the commands write the record themselves, while the daemon does not run, as the account that owns the record.
/// </summary>
internal static class RootNotes
{
    private const string Daemon = "gateway-policyd";

    // What stands for the ID of an anchor that could not be read.
    private static readonly string NoKey = new('0', 64);

    /// <summary>
    /// Records that the anchor is about to change, or that the same is to begin anew: with it the trust roots that were taken are forgotten. Dead is from then on what was drawn up until
    /// the newest of them, not until now: Dom0 may have begun anew, and drawn up its next first version, long before root comes to this machine.
    /// </summary>
    /// <returns>Whether there was anything to record.</returns>
    /// <exception cref="IOException">It cannot be recorded; the anchor must then stay.</exception>
    public static bool AnchorReplaced(SystemPaths paths, KeyId? old, KeyId key)
    {
        if (old == key && !HasTrustRoot(paths))
            return false;
        long now = TimeProvider.System.GetUtcNow().ToUnixTimeSeconds();
        string? fault = Append(paths, (sequence, state) => BootNote.AnchorReplaced(sequence, now, old?.ToString() ?? NoKey, key.ToString(), state.Trust.Root?.CreatedSeconds ?? 0));
        if (fault is not null)
            throw new IOException(fault);
        return true;
    }

    /// <summary>Why it could not be done, or null. What opening the witness brings about (a new key, evidence) is logged.</summary>
    public static string? LowerFloor(SystemPaths paths, long seconds, LogMessages log)
    {
        long now = TimeProvider.System.GetUtcNow().ToUnixTimeSeconds();
        return Append(paths, (sequence, _) => BootNote.TimeFloor(sequence, now, seconds), (store, loaded) => LowerWitness(paths, store, loaded, seconds, log));
    }

    private static bool HasTrustRoot(SystemPaths paths)
    {
        if (Posix.IsAbsent(paths.AcceptedFile))
            return false;
        using ActingAs? account = ActingAs.OwnerOf(Posix.Stat(paths.GatewayStateDir));
        using LedgerStore store = LedgerStore.Open(paths.AcceptedFile, LedgerOpenMode.ReadOnly);
        return LedgerFold.Load(store).State.Trust.Version > 0;
    }

    /// <summary>What the witness remembers of a clock far in the future would make each later word of the operator's look superseded.</summary>
    private static string? LowerWitness(SystemPaths paths, LedgerStore store, LoadedLedger loaded, long seconds, LogMessages log)
    {
        if (Posix.IsAbsent(paths.GatewayWitnessFile))
            return null;
        if (!ReceiverSettings.TryLoad(paths, out ReceiverSettings? settings, out string? fault))
            return fault;
        if (settings.SystemId is null)
            return null;
        if (!AcceptedRecord.TryVerifyTrust(settings, store, loaded, out RootHistory? roots, out fault)
            || !Witness.TryOpen(paths, roots, settings.SystemId, settings.Domain.Name, TimeProvider.System, log, out Witness? witness, out fault))
            return fault;
        using (witness)
            return witness.LowerTo(seconds);
    }

    private static string? Append(SystemPaths paths, Func<long, PolicyState, BootNote> note, Func<LedgerStore, LoadedLedger, string?>? first = null)
    {
        TrialTree.MakeMissing(paths);
        if (Posix.IsAbsent(paths.GatewayStateDir))
            return $"{paths.GatewayStateDir} is not there yet: start gateway-policyd once, which makes it: {ProposedCommand.Start(paths, Daemon)}";
        FileStat folder = Posix.Stat(paths.GatewayStateDir);
        using ActingAs? account = ActingAs.OwnerOf(folder);
        if (!FileLock.TryTake(paths.GatewayLockFile, out FileLock? held))
            return $"gateway-policyd runs: stop it first: {ProposedCommand.Stop(paths, Daemon)}";
        using (held)
        {
            if (!AcceptedRecord.TryOpen(paths, out LedgerStore? store, out string? fault))
                return fault;
            using (store)
            {
                LoadedLedger loaded = LedgerFold.Load(store);
                if (first?.Invoke(store, loaded) is { } earlier)
                    return earlier;
                AcceptedRecord.Append(store, sequence => note(sequence, loaded.State), loaded, TimeProvider.System);
                store.FoldWal();
                return null;
            }
        }
    }
}
