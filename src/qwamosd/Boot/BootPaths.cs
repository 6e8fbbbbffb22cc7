using Qwamos.ControlBus.Files;

namespace Qwamos.Daemon.Boot;

/// <summary>The paths that root writes at boot: none of them, and no folder above, may be a link or anybody else's to change (ATTACK 27).</summary>
internal static class BootPaths
{
    private const UnixFileMode Everybody =
        UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupRead | UnixFileMode.GroupExecute
        | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;

    /// <summary>Why a file may not be written at this path, or null. What does not exist yet is judged by the nearest folder that does.</summary>
    public static string? Fault(string path, SystemPaths paths)
    {
        var rules = PathRules.TrustedFile;
        while (Posix.IsAbsent(path))
        {
            path = Path.GetDirectoryName(path)!;
            rules = PathRules.TrustedDirectory;
            if (path == (paths.Root ?? "/")) return null;
        }
        return SafePath.TryCheckTrusted(path, paths, rules, out var fault) ? null : fault;
    }

    /// <summary>Makes a folder and those above it that are missing, durably. Throws <see cref="IOException"/>.</summary>
    public static void MakeDirectories(string path, SystemPaths paths)
    {
        if (path == (paths.Root ?? "/") || !Posix.IsAbsent(path)) return;
        MakeDirectories(Path.GetDirectoryName(path)!, paths);
        DurableFile.MakeDirectory(path, Everybody);
    }
}
