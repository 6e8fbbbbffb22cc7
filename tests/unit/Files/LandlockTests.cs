using System.Diagnostics;
using Qwamos.ControlBus.Files;
using Xunit;

namespace Qwamos.ControlBus.Tests.Files;

public sealed class LandlockTests : IDisposable
{
    private const string Victim = "Qwamos.ControlBus.Tests.Files.LandlockVictim.Confines_itself_and_tries";

    private readonly TemporaryDirectory _dir = new();

    public void Dispose() => _dir.Dispose();

    [Fact]
    public void Every_thread_is_confined_also_those_of_the_pool_and_the_process_stays_the_same()
    {
        Run();
        Assert.Equal(
            ["confined", "denied", "done", "denied", "denied", "denied", "denied", "done", "denied"],
            File.ReadAllLines(_dir.At("allowed/outcome")));
        string[] starts = File.ReadAllLines(_dir.At("allowed/starts"));
        Assert.Equal(2, starts.Length);
        Assert.Single(starts.Distinct());
    }

    [Fact]
    public void What_is_in_force_is_said() => Assert.StartsWith(
        Landlock.Abi == 0 ? "not there" : $"ABI {Landlock.Abi}: files", Landlock.Describe(closesNetwork: true), StringComparison.Ordinal);

    private void Run()
    {
        Assert.SkipUnless(Landlock.Abi > 0, "needs a kernel with Landlock");
        Directory.CreateDirectory(_dir.At("allowed"));
        Directory.CreateDirectory(_dir.At("read"));
        File.WriteAllText(_dir.At("forbidden"), "secret");
        File.WriteAllText(_dir.At("read/file"), "public");
        var start = new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "Qwamos.ControlBus.Tests"), ["-explicit", "only", "-method", Victim, "-noLogo"])
        {
            Environment = { [LandlockVictim.DirectoryVariable] = _dir.Path, ["DOTNET_EnableDiagnostics"] = "0" },
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(File.Exists(_dir.At("allowed/outcome")), output + errors.Result);
    }
}
