using System.CommandLine;
using Qwamos.ControlBus;
using Qwamos.ControlBus.Files;

namespace Qwamos.Daemon.Boot;

/// <summary>`qwamosd boot-complete`.</summary>
internal static class BootCompleteCommand
{
    public static Command Create() => BootCommand.Create(
        "boot-complete", "Run the checks of /etc/qwamos/boot-checks.d, as root, late in a boot; when all succeed, what was on trial becomes the last known good.", "what the system trusts", Run);

    private static int Run(SystemPaths paths, BootReport report)
    {
        // No Landlock: the checks would inherit it, and this reads nothing that others than root can write.
        Posix.ForbidCoreDumps();
        var checks = new BootChecks(paths, report, TimeSpan.FromSeconds(Limits.BootCheckTimeoutSeconds));
        return new BootComplete(paths, report, checks, ApplyPendingCommand.Appliers(paths)).Run();
    }
}
