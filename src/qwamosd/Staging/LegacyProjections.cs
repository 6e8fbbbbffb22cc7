using Qwamos.ControlBus;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Policy;

namespace Qwamos.Daemon.Staging;

/// <summary>
/// Files of the old program under the projections' names (DESIGN section 6). They were never signed, so they are kept beside and never believed;
/// the log says how the operator can look at them and sign what they hold.
/// </summary>
internal static class LegacyProjections
{
    private const string Suffix = ".legacy";

    /// <summary>
    /// In the state directory they are foreign before there is a ledger; in /etc whenever they are files, for links stand there now.
    /// </summary>
    public static void MoveAway(SystemPaths paths, LogMessages log)
    {
        // Where the boot remembers a ledger, or the status has its root, the ledger is lost and these are its projections.
        bool isFirstStart = Posix.IsAbsent(paths.LedgerFile) && IsBootMemoryEmpty(paths) && !IsOurs(paths.StatusFile);
        if (isFirstStart)
        {
            MoveAway(paths, paths.StatusFile, log);
            MoveAway(paths, paths.PendingFile, log);
        }
        MoveAway(paths, paths.EtcStatusLink, log);
        MoveAway(paths, paths.EtcPendingLink, log);
    }

    private static bool IsBootMemoryEmpty(SystemPaths paths) => new BootFolder(paths).TryReadMemory(out BootMemory? memory, out _) && memory.TreeSize == 0;

    private static bool IsOurs(string statusFile)
    {
        try
        {
            return StrictJson.TryParse(DurableFile.ReadAllBounded(statusFile, Limits.MaxRequestBytes), out JsonValue? status, out _)
                && status.TryGet("root_hash", out _);
        }
        catch (IOException)
        {
            return false;
        }
    }

    private static void MoveAway(SystemPaths paths, string path, LogMessages log)
    {
        if (!Posix.TryStat(path, out FileStat stat) || stat.Kind != FileKind.Regular)
            return;
        string kept = FreeName(path);
        try
        {
            DurableFile.Rename(path, Path.GetFileName(kept));
        }
        catch (IOException e)
        {
            log.LegacyStuck(path, e.Message);
            return;
        }
        log.LegacyKept(path, kept, Command(paths, kept));
    }

    private static string FreeName(string path)
    {
        string name = path + Suffix;
        for (int i = 2; Posix.Exists(name); i++)
            name = $"{path}{Suffix}.{i}";
        return name;
    }

    // status.json is JSON with a member policy; pending.conf is lines KEY=value, which convert reads.
    private static string Command(SystemPaths paths, string kept) => Path.GetFileName(kept).StartsWith("status.json", StringComparison.Ordinal)
        ? ProposedCommand.Of(paths, "qwamosctl", $"apply {SafePath.Quote(kept)}")
        : $"{ProposedCommand.Of(paths, "qwamosctl", $"convert {SafePath.Quote(kept)}")} > policy.json && {ProposedCommand.Of(paths, "qwamosctl", "apply policy.json")}";
}
