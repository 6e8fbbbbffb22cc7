using System.CommandLine;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Hosting.Commands;
using Qwamos.ControlBus.Hosting.Running;
using Qwamos.ControlBus.Keys;

namespace Qwamos.Daemon.Boot;

/// <summary>`qwamosd apply-pending`.</summary>
internal static class ApplyPendingCommand
{
    public static Command Create()
    {
        var command = new Command("apply-pending", "Apply what was staged, as root, once at boot.");
        command.SetAction(DaemonCommandLine.Under((_, paths) => Task.FromResult(Run(paths))));
        return command;
    }

    private static int Run(SystemPaths paths)
    {
        using var errors = new StreamWriter(StandardStream.Error) { AutoFlush = true };
        var report = new BootReport(errors, DaemonLog.GoesToJournal);
        if (!paths.IsTrial && !Posix.IsRoot)
        {
            report.Warn("apply-pending changes the system's configuration: run it as root");
            return ExitCodes.Failed;
        }
        if (Confinement.ForBoot(paths) is { } unconfined)
            report.Warn($"{unconfined}; the boot goes on without");
        else
            report.Say("Landlock: " + Landlock.Describe(closesNetwork: true));
        Posix.ForbidCoreDumps();
        return new ApplyPending(paths, report, Appliers(paths), TimeProvider.System, KeyHome.DefaultDirectory).Run();
    }

    /// <summary>What this program can put in place. None serves a confidential key: values on trial are shown.</summary>
    internal static IReadOnlyList<IApplier> Appliers(SystemPaths paths) => [SettingFile.BootVerification(paths), SettingFile.CryptoBackend(paths), new KernelHardening(paths)];
}
