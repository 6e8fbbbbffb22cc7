using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Keys;

namespace Qwamos.Daemon;

/// <summary>What of the file system the programs of Dom0 keep for themselves; all else they give up before they read anything (<see cref="Landlock"/>).</summary>
internal static class Confinement
{
    /// <summary>The daemon: its state and socket, read the configuration and what the boot left.</summary>
    public static string? ForDaemon(SystemPaths paths) => Landlock.Confine(
        paths.IsTrial
            ? Trial(paths)
            : [
                new(paths.EtcDir, LandlockAccess.Read),
                new(paths.BootDir, LandlockAccess.Read),
                new(NearestFolder(paths.CourierDir), LandlockAccess.Read),
                new(paths.StateDir, LandlockAccess.Write),
                new(paths.RunDir, LandlockAccess.Write),
            ],
        closesNetwork: true);

    /// <summary>The courier: its own state, read the configuration.</summary>
    public static string? ForCourier(SystemPaths paths) => Landlock.Confine(
        paths.IsTrial
            ? Trial(paths)
            : [
                new(paths.EtcDir, LandlockAccess.Read),
                new(paths.CourierDir, LandlockAccess.Write),
            ],
        closesNetwork: true);

    /// <summary>The boot: what it configures, and both folders of state.</summary>
    public static string? ForBoot(SystemPaths paths) => Landlock.Confine(
        paths.IsTrial
            ? Trial(paths)
            : [
                .. ((string[])[paths.EtcDir, "/etc/sysctl.d", "/etc/default", paths.StateDir, paths.BootDir, "/run"])
                    .Select(folder => new LandlockRule(NearestFolder(folder), LandlockAccess.Write)),
            ],
        closesNetwork: true);

    private static IEnumerable<LandlockRule> Trial(SystemPaths paths)
    {
        Directory.CreateDirectory(paths.Root!);
        // Shared memory is for what a trial may run under, such as a faked clock.
        return [new(paths.Root!, LandlockAccess.Write), new("/dev/shm", LandlockAccess.Write), new(KeyHome.DefaultDirectory, LandlockAccess.Read)];
    }

    /// <summary>What is not there is made in the folder above it.</summary>
    private static string NearestFolder(string path) => Directory.Exists(path) ? path : NearestFolder(Path.GetDirectoryName(path)!);
}
