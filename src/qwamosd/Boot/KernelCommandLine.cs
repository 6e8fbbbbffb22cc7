using System.Text;
using Qwamos.ControlBus.Files;

namespace Qwamos.Daemon.Boot;

/// <summary>What the running kernel was started with: /proc/cmdline.</summary>
internal static class KernelCommandLine
{
    public const string AbsolutePath = "/proc/cmdline";

    private const int MaxBytes = 65_536;

    /// <summary>Its words in order; none where there is no such file. Throws <see cref="IOException"/>.</summary>
    public static string[] Words(SystemPaths paths)
    {
        var path = paths.At(AbsolutePath);
        return Posix.IsAbsent(path)
            ? []
            : Encoding.UTF8.GetString(DurableFile.ReadAllBounded(path, MaxBytes)).Split([' ', '\n', '\t'], StringSplitOptions.RemoveEmptyEntries);
    }
}
