using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Keys;

namespace Qwamos.Gateway;

/// <summary>
/// What of the file system the gateway and its hooks, which inherit it, keep for themselves (docs/guide/hooks.md); all else is given up before anything
/// is read (<see cref="Landlock"/>). The network stays open: hooks configure it.
/// </summary>
internal static class Confinement
{
    private static readonly string[] Executed = ["/bin", "/sbin", "/opt"];
    private static readonly string[] Read = ["/etc", "/sys"];
    private static readonly string[] Written = ["/run", "/tmp", "/var/tmp", "/dev", "/proc/sys/net"];

    public static string? ForGateway(SystemPaths paths) => Confine(paths, paths.GatewayStateDir);

    /// <summary>Of the unit of a hook: the same, with the hooks' own folder in place of the daemon's.</summary>
    public static string? ForHooks(SystemPaths paths) => Confine(paths, paths.HookStateDir);

    private static string? Confine(SystemPaths paths, string state) => Landlock.Confine(
        [
            .. Executed.Select(path => new LandlockRule(path, LandlockAccess.Execute)),
            .. Read.Select(path => new LandlockRule(path, LandlockAccess.Read)),
            .. Written.Select(path => new LandlockRule(path, LandlockAccess.Write)),
            // A rule is for the folder that stands there now: hooks.d may be replaced, or made later, while this runs. In both folders only root writes.
            new(Path.GetDirectoryName(paths.HooksDir)!, LandlockAccess.Execute),
            .. Own(paths, state),
        ],
        closesNetwork: false);

    private static IEnumerable<LandlockRule> Own(SystemPaths paths, string state)
    {
        if (!paths.IsTrial) return [new(state, LandlockAccess.Write)];
        Directory.CreateDirectory(paths.Root);
        return [new(paths.Root, LandlockAccess.WriteAndExecute), new(KeyHome.DefaultDirectory, LandlockAccess.Read)];
    }
}
