using Qwamos.ControlBus.Files;

namespace Qwamos.Linking;

/// <summary>What of the file system the program keeps for itself; all else it gives up before it reads anything (<see cref="Landlock"/>). The network is its work.</summary>
internal static class Confinement
{
    public static string? Enter(SystemPaths paths)
    {
        if (!paths.IsTrial)
            return Landlock.Confine([new("/etc", LandlockAccess.Read), new(paths.LinkStateDir, LandlockAccess.Write), new("/run", LandlockAccess.Write)], closesNetwork: false);
        Directory.CreateDirectory(paths.Root);
        // Shared memory is for what a trial may run under, such as a faked clock.
        return Landlock.Confine([new("/etc", LandlockAccess.Read), new(paths.Root, LandlockAccess.Write), new("/dev/shm", LandlockAccess.Write)], closesNetwork: false);
    }
}
