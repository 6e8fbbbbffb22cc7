using System.Diagnostics;

namespace Qwamos.ControlBus.Tests.Files;

/// <summary>A directory of a test's own, 0700, removed with all it holds.</summary>
internal sealed class TemporaryDirectory : IDisposable
{
    internal string Path { get; } = Directory.CreateTempSubdirectory("qwamos-test-").FullName;

    internal string At(string relative) => System.IO.Path.Combine(Path, relative);

    internal string[] Names => [.. Directory.EnumerateFileSystemEntries(Path).Select(path => System.IO.Path.GetFileName(path)).Order(StringComparer.Ordinal)];

    /// <summary>Runs a command of the system that .NET has no call for, e.g. mkfifo; it must succeed.</summary>
    internal static void Run(string program, params string[] arguments)
    {
        using var process = Process.Start(program, arguments);
        process.WaitForExit();
        if (process.ExitCode != 0) throw new InvalidOperationException($"{program} exited with {process.ExitCode}");
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
