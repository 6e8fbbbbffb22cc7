using System.CommandLine;
using System.Globalization;
using Qwamos.ControlBus;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Hosting.Commands;
using Qwamos.ControlBus.Ledger;

namespace Qwamos.Daemon.Keeping;

/// <summary>
/// <c>qwamosd backup</c>: a backup beside the ledger, for a timer. It runs as the daemon's account, which can read the ledger anyway, so that it needs
/// no signature; getting a backup over the socket does. It may run beside the daemon.
/// </summary>
internal static class BackupCommand
{
    private const string Prefix = "daily";
    private const string LockName = "daily.lock";

    public static Command Create()
    {
        var command = new Command("backup", $"Make a checked backup of the ledger in backups/, and keep the newest {Limits.MaxDailyBackups} of them.");
        command.SetAction(DaemonCommandLine.Under((_, paths) => Task.FromResult(Run(paths))));
        return command;
    }

    private static int Run(SystemPaths paths)
    {
        try
        {
            if (Fault(paths) is { } fault)
                return End(fault);
            Posix.SetUmask((UnixFileMode)0x3F);
            DurableFile.MakeDirectory(paths.BackupsDir, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            if (!FileLock.TryTake(Path.Combine(paths.BackupsDir, LockName), out FileLock? held))
                return End("another daily backup is being made");
            using (held)
            {
                Console.Out.WriteLine(Make(paths));
                return ExitCodes.Done;
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return End($"no backup was made: {e.Message}");
        }
    }

    /// <summary>Root would leave files that the daemon cannot remove, and follow what its account put there.</summary>
    private static string? Fault(SystemPaths paths)
    {
        if (!SafePath.TryCheckTrusted(paths.StateDir, paths, PathRules.OwnDirectory, out string? fault))
            return fault;
        if (!paths.IsTrial && Posix.IsRoot)
            return "run this as the daemon's account, as its timer does: systemctl start qwamos-backup";
        return Posix.IsAbsent(paths.LedgerFile) ? $"{paths.LedgerFile} is not there: the daemon makes it at its first start" : null;
    }

    private static string Make(SystemPaths paths)
    {
        var names = new BackupNames(paths.BackupsDir, Prefix);
        names.RemoveLeftovers();
        long number = names.Next();
        using var source = OnlineBackup.Begin(paths.LedgerFile);
        BackupFile made = source.Write(paths.BackupsDir, names.NameOf(number), progress: null, CancellationToken.None);
        names.Prune(number, Limits.MaxDailyBackups);
        return string.Create(CultureInfo.InvariantCulture, $"{made.Path}: {source.Tree.Size} entries, {made.Bytes} bytes, SHA-256 {made.Sha256}");
    }

    private static int End(string sentence)
    {
        Console.Error.WriteLine(SafeText.ForTerminal(sentence));
        return ExitCodes.Failed;
    }
}
