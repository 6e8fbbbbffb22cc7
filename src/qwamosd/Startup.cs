using System.Diagnostics.CodeAnalysis;
using System.Net.Sockets;
using Qwamos.ControlBus.Audit;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Hosting.Listening;
using Qwamos.ControlBus.Hosting.Running;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Policy;
using Qwamos.ControlBus.Verification;
using Qwamos.Daemon.Restoring;
using Qwamos.Daemon.Staging;

namespace Qwamos.Daemon;

/// <summary>The start in its order: whatever is not as it must be stops it, with one sentence that says what and where.</summary>
internal static class Startup
{
    private const string Account = "qwamos";

    public static bool TryPrepare(
        SystemPaths paths, TimeProvider time, LogMessages log, [NotNullWhen(true)] out Prepared? prepared, [NotNullWhen(false)] out string? fault)
    {
        prepared = null;
        BusSocket? socket = null;
        Socket? metrics = null;
        LedgerStore? ledger = null;
        CheckpointSigner? ledgerKey = null;
        try
        {
            LegacyProjections.MoveAway(paths, log);
            TrialTree.MakeMissing(paths);
            if (!TryCheckDirectories(paths, out fault))
            {
                // Another user's directories are no fault to mend while that user's daemon runs.
                fault = BusSocket.Rival(paths.BusSocket) ?? fault;
                return false;
            }
            if (!TryLoadTrust(paths, out VerifyingKey? key, out string? systemId, out fault)
                || !PolicySchema.TryLoadFor(paths, out PolicySchema? schema, out fault)
                || !DaemonConfig.TryLoad(paths, schema, out DaemonConfig? config, out fault)
                || !new BootFolder(paths).TryReadMemory(out BootMemory? memory, out fault)
                || !BusSocket.TryBind(paths.BusSocket, paths, SocketOwner(paths), out socket, out fault)
                || !ActivatedSocket.TryTakeMetrics(out metrics, out fault))
                return false;

            fault = RestorePlan.Fault(paths);
            if (fault is not null)
                return false;
            // The socket's lock is held: nobody else writes here from now on. What an earlier daemon was killed in is of no use.
            DurableFile.RemoveLeftovers(paths.StateDir);
            ledger = LedgerStore.Open(paths.LedgerFile, LedgerOpenMode.ReadWrite);
            if (!TryLoadLedgerKey(paths, systemId, key, out ledgerKey, out fault) || !TryCheckCheckpoint(paths, ledger, ledgerKey.Key, out fault))
                return false;
            fault = MemoryFault(paths, ledger, memory);
            if (fault is not null)
                return false;
            LoadedLedger loaded = LedgerFold.Load(ledger);
            if (!BootNoteImport.TryImport(paths, ledger, time, log, ref loaded, out BootNote? lastBoot, out fault))
                return false;
            if (!LedgerRoots.TryVerify(ledger, loaded.State.Trust, key, systemId, out RootHistory? roots, out fault))
            {
                fault = $"{fault}. Enrol the key that the first trust root was signed by; or, to begin anew with the enrolled one: {ProposedCommand.Of(paths, "qwamosd", "enroll FILE --replace")}";
                return false;
            }
            prepared = new Prepared(paths, key, systemId, schema, config, socket, metrics, ledger, ledgerKey, loaded, roots, lastBoot, Assessment(paths, log));
            return true;
        }
        catch (IOException) when (socket is not null && ledger is null && ForeignLedger(paths) is not null)
        {
            fault = ForeignLedger(paths)!;
            return false;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            fault = e.Message;
            return false;
        }
        finally
        {
            if (prepared is null)
            {
                ledger?.Dispose();
                ledgerKey?.Dispose();
                socket?.Dispose();
                metrics?.Dispose();
            }
        }
    }

    /// <summary>Why this user cannot open the ledger, when that is because it or a file beside it is another's; else null.</summary>
    private static string? ForeignLedger(SystemPaths paths)
    {
        if (Posix.IsRoot)
            return null;
        foreach (string suffix in (string[])["", "-wal", "-shm"])
        {
            string path = paths.LedgerFile + suffix;
            if (Posix.TryStat(path, out FileStat stat) && stat.Uid != Posix.EffectiveUid)
                return $"{SafeText.ForTerminal(path)} is owned by {Posix.UserName(stat.Uid)}, not by {Posix.UserName(Posix.EffectiveUid)}: "
                    + $"sudo chown {Posix.EffectiveUid}:{Posix.EffectiveGid} {SafePath.Quote(paths.LedgerFile)}*";
        }
        return null;
    }

    private static bool TryCheckDirectories(SystemPaths paths, [NotNullWhen(false)] out string? fault) =>
        SafePath.TryCheckTrusted(paths.EtcDir, paths, PathRules.TrustedDirectory, out fault)
        && SafePath.TryCheckTrusted(paths.StateDir, paths, PathRules.OwnDirectory, out fault)
        && SafePath.TryCheckTrusted(paths.RunDir, paths, PathRules.OwnDirectory, out fault)
        && IsBootFolderSound(paths, out fault);

    private static bool IsBootFolderSound(SystemPaths paths, [NotNullWhen(false)] out string? fault)
    {
        fault = new BootFolder(paths).Fault();
        return fault is null;
    }

    private static bool TryLoadTrust(
        SystemPaths paths, [NotNullWhen(true)] out VerifyingKey? key, [NotNullWhen(true)] out string? systemId, [NotNullWhen(false)] out string? fault)
    {
        systemId = null;
        if (!Anchor.TryLoad(paths, KeyHome.DefaultDirectory, out key, out AnchorFault? anchorFault))
        {
            fault = anchorFault.Text;
            return false;
        }
        return ControlBus.Keys.SystemId.TryFind(paths, out systemId, out fault);
    }

    private static bool TryLoadLedgerKey(
        SystemPaths paths, string systemId, VerifyingKey operatorKey, [NotNullWhen(true)] out CheckpointSigner? ledgerKey, [NotNullWhen(false)] out string? fault)
    {
        if (!LedgerKeyFile.TryLoadOrCreate(paths, systemId, out ledgerKey, out fault))
            return false;
        if (ledgerKey.Id != operatorKey.Id)
            return true;
        fault = $"{SafeText.ForTerminal(paths.LedgerKeyFile)} is the operator's key, which must not be here; move it away and start again: the ledger makes its own";
        ledgerKey.Dispose();
        return false;
    }

    /// <summary>The newest checkpoint that was kept must be this key's, and the ledger must extend it: else it is an older one, or another.</summary>
    private static bool TryCheckCheckpoint(SystemPaths paths, LedgerStore ledger, NoteVerifierKey key, [NotNullWhen(false)] out string? fault)
    {
        if (!KeptCheckpoint.TryLoad(paths.CheckpointFile, out KeptCheckpoint? kept, out fault))
            return false;
        if (kept is not null && kept.Key.ToString() != key.ToString())
            fault = $"{SafeText.ForTerminal(paths.CheckpointFile)} was signed by the ledger's key {kept.Key}, and {SafeText.ForTerminal(paths.LedgerKeyFile)} is another, {key}: put the old ledger_sk back; "
                + $"to go on with the new one, which every client refuses until it is signed, move the checkpoint away: mv {SafePath.Quote(paths.CheckpointFile)} {SafePath.Quote(paths.CheckpointFile + ".old")}";
        else
            fault = kept?.Fault(ledger, paths);
        return fault is null;
    }

    /// <summary>Why the ledger is not one that extends what the boot saw, and the mend; null when it does.</summary>
    private static string? MemoryFault(SystemPaths paths, LedgerStore ledger, BootMemory memory)
    {
        if (memory.RootHash is not { } root)
            return null;
        try
        {
            LedgerFold.CheckExtends(ledger, new RememberedTree(memory.TreeSize, root));
            return null;
        }
        catch (LedgerIntegrityException e)
        {
            return $"{e.Message} {SafeText.ForTerminal(paths.BootMemoryFile)} says so, where the boot keeps what it saw. Put the newest ledger back; {LedgerIntegrityException.GoOn(paths)}";
        }
    }

    /// <summary>It is shown alone: one that cannot be believed stops the boot from applying, not this.</summary>
    private static BootAssessment Assessment(SystemPaths paths, LogMessages log)
    {
        if (new BootFolder(paths).TryReadAssessment(out BootAssessment? assessment, out string? fault))
            return assessment;
        log.AssessmentUnread(fault);
        return BootAssessment.Empty;
    }

    private static BusSocketOwner? SocketOwner(SystemPaths paths) =>
        !paths.IsTrial && Posix.IsRoot && ProcessSetup.TryFindAccount(Account, out uint uid, out uint gid) ? new BusSocketOwner(uid, gid) : null;
}
