using Qwamos.ControlBus.Files;
using Xunit;

namespace Qwamos.ControlBus.Tests.Files;

/// <summary>The process that <see cref="LandlockTests"/> starts: it confines itself as the programs do, then tries things on threads of the pool.</summary>
public sealed class LandlockVictim
{
    internal const string DirectoryVariable = "QWAMOS_TEST_LANDLOCK_DIR";

    [Fact(Explicit = true)]
    public async Task Confines_itself_and_tries()
    {
        string folder = Environment.GetEnvironmentVariable(DirectoryVariable) ?? throw new InvalidOperationException(DirectoryVariable + " is not set");
        string allowed = Path.Combine(folder, "allowed");
        File.AppendAllText(Path.Combine(allowed, "starts"), $"{Environment.ProcessId}\n");
        string? fault = Landlock.Confine(
            [new LandlockRule(allowed, LandlockAccess.Write), new LandlockRule(Path.Combine(folder, "read"), LandlockAccess.Read), new LandlockRule("/nowhere", LandlockAccess.Write)],
            closesNetwork: true);
        // Each try on a thread of the pool, which was there before anything is tried, and of another one that the pool makes.
        string[] tried =
        [
            fault ?? "confined",
            await Try(() => File.ReadAllText(Path.Combine(folder, "forbidden"))),
            await Try(() => File.ReadAllText(Path.Combine(folder, "read", "file"))),
            await Try(() => File.WriteAllText(Path.Combine(folder, "read", "file"), "changed")),
            await Try(() => File.WriteAllText(Path.Combine(folder, "new"), "")),
            await Try(() => Directory.GetFiles("/root")),
            await Try(() => File.ReadAllText(Path.Combine(allowed, "..", "forbidden"))),
            await Try(() => File.CreateSymbolicLink(Path.Combine(allowed, "link"), Path.Combine(folder, "forbidden"))),
            await Try(() => File.ReadAllText(Path.Combine(allowed, "link"))),
        ];
        File.WriteAllLines(Path.Combine(allowed, "outcome"), tried);
    }

    private static Task<string> Try(Action action) => Task.Run(() =>
    {
        Assert.True(Thread.CurrentThread.IsThreadPoolThread);
        try
        {
            action();
            return "done";
        }
        catch (UnauthorizedAccessException)
        {
            return "denied";
        }
    });
}
