using System.CommandLine;
using Qwamos.ControlBus;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Hosting.Commands;
using Qwamos.ControlBus.Hosting.Running;

namespace Qwamos.Daemon.Boot;

/// <summary>`qwamosd boot-complete`.</summary>
internal static class BootCompleteCommand
{
    public static Command Create()
    {
        var command = new Command("boot-complete", "Run the checks of /etc/qwamos/boot-checks.d, as root, late in a boot; when all succeed, what was on trial becomes the last known good.");
        command.SetAction(DaemonCommandLine.Under((_, paths) => Task.FromResult(Run(paths))));
        return command;
    }

    private static int Run(SystemPaths paths)
    {
        using var errors = new StreamWriter(StandardStream.Error) { AutoFlush = true };
        var report = new BootReport(errors, DaemonLog.GoesToJournal);
        if (!paths.IsTrial && !Posix.IsRoot)
        {
            report.Warn("boot-complete changes what the system trusts: run it as root");
            return ExitCodes.Failed;
        }
        // No Landlock: the checks would inherit it, and this reads nothing that others than root can write.
        Posix.ForbidCoreDumps();
        var checks = new BootChecks(paths, report, TimeSpan.FromSeconds(Limits.BootCheckTimeoutSeconds));
        return new BootComplete(paths, report, checks, ApplyPendingCommand.Appliers(paths)).Run();
    }
}
