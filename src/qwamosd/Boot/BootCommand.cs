using System.CommandLine;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Hosting.Commands;
using Qwamos.ControlBus.Hosting.Running;

namespace Qwamos.Daemon.Boot;

/// <summary>What the two commands of the boot have in common: root, and a report on standard error.</summary>
internal static class BootCommand
{
    /// <param name="name">The command.</param>
    /// <param name="description">For its help.</param>
    /// <param name="changes">What it changes: why it is root's.</param>
    /// <param name="run">Gives the exit code.</param>
    public static Command Create(string name, string description, string changes, Func<SystemPaths, BootReport, int> run)
    {
        var command = new Command(name, description);
        command.SetAction(DaemonCommandLine.Under((_, paths) => Task.FromResult(Run(paths))));
        return command;

        int Run(SystemPaths paths)
        {
            using var errors = new StreamWriter(StandardStream.Error) { AutoFlush = true };
            var report = new BootReport(errors, DaemonLog.GoesToJournal);
            if (paths.IsTrial || Posix.IsRoot)
                return run(paths, report);
            report.Warn($"{name} changes {changes}: run it as root");
            return ExitCodes.Failed;
        }
    }
}
