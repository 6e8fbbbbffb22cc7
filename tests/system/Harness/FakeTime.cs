namespace Qwamos.SystemTests.Harness;

/// <summary>The library that shows a program another clock: itself and not its command, which would stand between a daemon and the signals of tests.</summary>
internal static class FakeTime
{
    /// <summary>Its path, or null where it is not installed.</summary>
    public static string? Library() => Directory.Exists("/usr/lib")
        ? Directory.EnumerateDirectories("/usr/lib", "*-linux-gnu").Select(folder => Path.Combine(folder, "faketime", "libfaketime.so.1")).FirstOrDefault(File.Exists)
        : null;
}
