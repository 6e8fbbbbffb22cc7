using Qwamos.SystemTests.Harness;
using Xunit;

namespace Qwamos.SystemTests;

/// <summary>ATTACK 40: nothing of the daemon's memory is left behind or to be read by its own user. The same done to <c>sleep</c> shows that these tests can fail.</summary>
public sealed class CoreDumpTests : IDisposable
{
    private const string Nobody = "65534";
    private const int SigSegv = 11;
    private readonly Trial _trial = new();

    public void Dispose() => _trial.Dispose();

    [Fact]
    public void Attack40_DaemonOfAnotherUser_IsNotDumpable_AndLeavesNoCore()
    {
        Needs.Root();
        Needs.Tool("setpriv");
        Needs.Tool("prlimit");
        string[] asNobody = ["env", "-C", _trial.Root, "prlimit", "--core=unlimited:unlimited", "setpriv", $"--reuid={Nobody}", $"--regid={Nobody}", "--clear-groups"];
        // A copy, for the other user may not see into the folder of the repository.
        string programs = Directory.CreateDirectory(Path.Combine(_trial.Root, "bin")).FullName;
        string source = Path.GetDirectoryName(Binaries.Daemon)!;
        File.Copy(Binaries.Daemon, Path.Combine(programs, "qwamosd"));
        foreach (string library in Directory.GetFiles(source, "*.so"))
            File.Copy(library, Path.Combine(programs, Path.GetFileName(library)));
        Assert.Equal(0, Command.Run(["chown", "-R", $"{Nobody}:{Nobody}", _trial.Root]).ExitCode);

        using var sleep = RunningProgram.Start([.. asNobody, "sleep", "60"]);
        Eventually.True(() => File.ReadAllText($"/proc/{sleep.Id}/comm").StartsWith("sleep", StringComparison.Ordinal), "sleep runs");
        Assert.Equal(Nobody, OwnerOf(sleep.Id));
        sleep.Signal(SigSegv);
        sleep.WaitForExit();
        bool coresAreFiles = Cores().Length > 0;
        foreach (string core in Cores())
            File.Delete(core);

        using var daemon = RunningProgram.Start([.. asNobody, Path.Combine(programs, "qwamosd"), "--root", _trial.Root]);
        daemon.WaitReady();
        Assert.Equal("0", OwnerOf(daemon.Id));
        // The runtime's handler takes the first one, which is no fault of its code, and leaves the next to the kernel.
        Eventually.True(
            () =>
            {
                daemon.Signal(SigSegv);
                return daemon.HasExited;
            },
            "the signal ends the daemon",
            () => daemon.Log);
        Assert.NotEqual(0, daemon.WaitForExit());
        Assert.Empty(Cores());
        if (!coresAreFiles)
            TestContext.Current.SendDiagnosticMessage("this kernel leaves no core beside the program: only its being not dumpable was seen");
    }

    private string[] Cores() => Directory.GetFiles(_trial.Root, "core*");

    /// <summary>The kernel gives these files to root when the process is not dumpable, else to the process's user.</summary>
    private static string OwnerOf(int pid) => Command.Run(["stat", "-c", "%u", $"/proc/{pid}/environ"]).Output.Trim();
}
