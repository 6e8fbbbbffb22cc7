using Xunit;

namespace Qwamos.SystemTests.Harness;

/// <summary>Skips a test, with the reason, where a real part is missing.</summary>
internal static class Needs
{
    public static void Root() => Assert.SkipUnless(Environment.IsPrivilegedProcess, "needs root (mounts, other users or tracing)");

    public static void Tool(string name) => Assert.SkipUnless(Command.Exists(name), $"needs {name}, which is not installed");

    /// <summary>
    /// Tracing with fault injection. Only root may trace the daemon: it forbids that to its own user, lest a secret be read out of it.
    /// </summary>
    public static void FaultInjection()
    {
        Root();
        Tool("strace");
        Assert.SkipUnless(Command.Run(["strace", "-qq", "-e", "trace=none", "true"]).ExitCode == 0, "needs permission to trace processes");
    }
}
