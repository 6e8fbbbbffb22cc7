using Qwamos.SystemTests.Harness;
using Xunit;

namespace Qwamos.SystemTests;

/// <summary>What `qwamosctl health` and `doctor` say of a published daemon that answers and is not well.</summary>
public sealed class DoctorTests : IDisposable
{
    private readonly Trial _trial = new();

    public void Dispose() => _trial.Dispose();

    [Fact]
    public void ADaemonThatBelievesTheKeyBefore_IsNotHealthy()
    {
        _trial.StartDaemon();
        Assert.Equal(0, _trial.Client("health").ExitCode);
        string other = _trial.At("/other");
        Assert.Equal(0, Command.Run([Binaries.Client, "--root", _trial.Root, "--home", other, "key", "show"]).ExitCode);
        File.Copy(Path.Combine(other, "ed25519_pk"), _trial.At("/etc/qwamos/dom0.pub"), overwrite: true);
        CommandResult health = _trial.Client("health");
        Assert.Equal(1, health.ExitCode);
        Assert.Contains("daemon's key", health.Output, StringComparison.Ordinal);
        Assert.Contains("believes the other one still", _trial.Client("doctor").Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Attack13_ALedgerThatWasPutBack_IsNotHealthy_ForWhoSawMore()
    {
        using (RunningProgram daemon = _trial.StartDaemon())
        {
            Assert.Equal(0, _trial.Client("set", "RADIO_ISOLATION", "off").ExitCode);
            Assert.Equal(0, daemon.Stop());
        }
        string state = _trial.At("/var/lib/qwamos");
        Assert.Equal(0, Command.Run(["cp", "-a", state, state + ".kept"]).ExitCode);
        using (RunningProgram daemon = _trial.StartDaemon())
        {
            Assert.Equal(0, _trial.Client("set", "RADIO_ISOLATION", "on").ExitCode);
            Eventually.True(() => _trial.Client("status", "-o", "json").Output.Contains("\"size\":2", StringComparison.Ordinal) && Kept().Contains("\n2\n", StringComparison.Ordinal), "the client has seen both entries");
            Assert.Equal(0, _trial.Client("health").ExitCode);
            Assert.Equal(0, daemon.Stop());
        }
        Directory.Delete(state, recursive: true);
        Directory.Move(state + ".kept", state);
        _trial.StartDaemon();
        CommandResult health = _trial.Client("health");
        Assert.Equal(1, health.ExitCode);
        Assert.Contains("the ledger has 1 entries, and 2 were seen before: it was cut or put back", health.Output, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(Path.Combine(_trial.Home, "seen"), "*.refused"));
    }

    [Fact]
    public void Attack29_AFullDisk_IsNotHealthy_AlsoAfterAStart_AndIsHealthyWhenThereIsRoom_BeforeTheNextChange()
    {
        Needs.Root();
        string state = _trial.At("/var/lib/qwamos");
        Directory.CreateDirectory(state);
        Assert.SkipUnless(Command.Run(["mount", "-t", "tmpfs", "-o", "size=2m,mode=0750", "none", state]).ExitCode == 0, "needs permission to mount a tmpfs");
        try
        {
            RunningProgram daemon = _trial.StartDaemon();
            string filler = Path.Combine(state, "filler");
            Command.Run(["dd", "if=/dev/zero", "of=" + filler, "bs=4k"]);
            Assert.Contains("the disk of the ledger is full", _trial.Client("health").Output, StringComparison.Ordinal);
            Assert.Equal(0, daemon.Stop());
            File.Delete(filler);
            _trial.StartDaemon();
            Assert.Equal(0, _trial.Client("health").ExitCode);
            Command.Run(["dd", "if=/dev/zero", "of=" + filler, "bs=4k"]);
            Assert.Equal(1, _trial.Client("health").ExitCode);
            File.Delete(filler);
            Assert.Equal(0, _trial.Client("health").ExitCode);
        }
        finally
        {
            Command.Run(["umount", "-l", state]);
        }
    }

    private string Kept() => string.Concat(Directory.GetFiles(Path.Combine(_trial.Home, "seen")).Select(File.ReadAllText)).Replace("\\n", "\n", StringComparison.Ordinal);
}
