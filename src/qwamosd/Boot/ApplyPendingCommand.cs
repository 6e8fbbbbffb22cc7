using System.CommandLine;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Keys;

namespace Qwamos.Daemon.Boot;

/// <summary>`qwamosd apply-pending`.</summary>
internal static class ApplyPendingCommand
{
    public static Command Create() => BootCommand.Create("apply-pending", "Apply what was staged, as root, once at boot.", "the system's configuration", Run);

    private static int Run(SystemPaths paths, BootReport report)
    {
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
