using Qwamos.SystemTests.Harness;
using Xunit;

namespace Qwamos.SystemTests;

/// <summary>
/// The published boot after a crash, the WAL still beside the ledger, where SQLite cannot make its -shm: it reads a copy. And the boot by a
/// clock that is wrong.
/// </summary>
public sealed class BootDiskTests : IDisposable
{
    private const string SysctlPath = "/etc/sysctl.d/60-qwamos.conf";
    private readonly Trial _trial = new();
    private bool _isMounted;

    private string State => _trial.At("/var/lib/qwamos");

    public void Dispose()
    {
        if (_isMounted)
            Command.Run(["umount", "-l", State]);
        _trial.Dispose();
    }

    [Fact]
    public void Attack29_FullDisk_TheBootAppliesWhatTheWalHolds_AndLeavesNothingBehind()
    {
        StageOnADiskOfItsOwn();
        Command.Run(["dd", "if=/dev/zero", "of=" + Path.Combine(State, "filler"), "bs=4k"]);
        AssertAppliedFromTheWal();
    }

    [Fact]
    public void Attack29_ReadOnlyDisk_TheBootAppliesWhatTheWalHolds_AndLeavesNothingBehind()
    {
        StageOnADiskOfItsOwn();
        Assert.Equal(0, Command.Run(["mount", "-o", "remount,ro", State]).ExitCode);
        AssertAppliedFromTheWal();
    }

    [Fact]
    public void Attack27_WalThatIsALink_OnAReadOnlyDisk_IsNotCopied()
    {
        StageOnADiskOfItsOwn();
        string elsewhere = _trial.At("/elsewhere");
        File.Copy(_trial.LedgerFile + "-wal", elsewhere);
        File.Delete(_trial.LedgerFile + "-wal");
        File.CreateSymbolicLink(_trial.LedgerFile + "-wal", elsewhere);
        Assert.Equal(0, Command.Run(["mount", "-o", "remount,ro", State]).ExitCode);
        CommandResult boot = _trial.ApplyPending();
        Assert.Equal(0, boot.ExitCode);
        Assert.Contains("the ledger is refused", boot.Error);
        Assert.False(File.Exists(_trial.At(SysctlPath)));
        AssertNothingLeftInRun();
    }

    [Theory]
    [InlineData("@1970-01-01 00:00:05")]
    [InlineData("@2038-01-19 03:14:10")]
    [InlineData("@2100-01-01 00:00:10")]
    public void Attack12_BootWithAStrangeClock_AppliesWhatWasStaged_AndQwamosdImportsIt(string clock)
    {
        string? library = FakeTime.Library();
        Assert.SkipWhen(library is null, "needs faketime, which is not installed");
        RunningProgram daemon = _trial.StartDaemon();
        Assert.Equal("ok", _trial.Set("KERNEL_HARDENING", "\"strict\"").Code());
        Assert.Equal(0, daemon.Stop());
        CommandResult boot = _trial.ApplyPending(["env", "LD_PRELOAD=" + library, "FAKETIME=" + clock, "TZ=UTC"]);
        Assert.True(boot.ExitCode == 0, boot.Error);
        Assert.StartsWith("# KERNEL_HARDENING=strict", File.ReadAllText(_trial.At(SysctlPath)));
        _trial.StartDaemon();
        Assert.Equal("strict", _trial.Status().Policy("KERNEL_HARDENING"));
        Assert.Equal("ok", _trial.Set("RADIO_ISOLATION", "\"off\"").Code());
    }

    [Fact]
    public void Attack29_FullDisk_TheBootThatCannotBeCounted_PutsTheLastKnownGoodBack_UntilThereIsRoom()
    {
        Needs.Root();
        string remembered = _trial.At("/var/lib/qwamos-boot");
        Directory.CreateDirectory(remembered);
        Assert.SkipUnless(Command.Run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=0750", "none", remembered]).ExitCode == 0, "needs permission to mount a tmpfs");
        try
        {
            RunningProgram daemon = _trial.StartDaemon();
            Assert.Equal("ok", _trial.Set("KERNEL_HARDENING", "\"strict\"").Code());
            Assert.Equal(0, daemon.Stop());
            Assert.Contains("KERNEL_HARDENING=strict", Reboot().Error);
            string filler = Path.Combine(remembered, "filler");
            Command.Run(["dd", "if=/dev/zero", "of=" + filler, "bs=4k"]);

            CommandResult full = Reboot();
            Assert.True(full.ExitCode == 0, full.Error);
            Assert.Contains("this boot cannot be counted, so that the last known good is put back for it: ", full.Error);
            Assert.StartsWith("# KERNEL_HARDENING=default", File.ReadAllText(_trial.At(SysctlPath)));

            File.Delete(filler);
            Assert.Contains("is on trial, and the last boot did not complete: this is its last try", Reboot().Error);
            Assert.StartsWith("# KERNEL_HARDENING=strict", File.ReadAllText(_trial.At(SysctlPath)));
            CommandResult complete = Command.Run([Binaries.Daemon, "boot-complete", "--root", _trial.Root]);
            Assert.True(complete.ExitCode == 0, complete.Error);
        }
        finally
        {
            Command.Run(["umount", "-l", remembered]);
        }
    }

    /// <summary>/run is empty at the beginning of a boot.</summary>
    private CommandResult Reboot()
    {
        File.Delete(_trial.At("/run/qwamos-boot.id"));
        return _trial.ApplyPending();
    }

    /// <summary>One entry folded into the file, one, the staged change, in the WAL alone.</summary>
    private void StageOnADiskOfItsOwn()
    {
        Needs.Root();
        Directory.CreateDirectory(State);
        _isMounted = Command.Run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=0750", "none", State]).ExitCode == 0;
        Assert.SkipUnless(_isMounted, "needs permission to mount a tmpfs");
        RunningProgram daemon = _trial.StartDaemon();
        Assert.Equal("ok", _trial.Set("KERNEL_HARDENING", "\"paranoid\"").Code());
        Assert.Equal(0, daemon.Stop());
        daemon = _trial.StartDaemon();
        Assert.Equal("ok", _trial.Set("KERNEL_HARDENING", "\"strict\"").Code());
        daemon.Kill9();
        Assert.True(new FileInfo(_trial.LedgerFile + "-wal").Length > 0);
        // As after a power cut: SQLite would find the -shm of a killed program, and not have to make one.
        File.Delete(_trial.LedgerFile + "-shm");
    }

    private void AssertAppliedFromTheWal()
    {
        byte[] ledger = File.ReadAllBytes(_trial.LedgerFile), wal = File.ReadAllBytes(_trial.LedgerFile + "-wal");
        CommandResult boot = _trial.ApplyPending();
        Assert.True(boot.ExitCode == 0, boot.Error);
        Assert.StartsWith("# KERNEL_HARDENING=strict", File.ReadAllText(_trial.At(SysctlPath)));
        Assert.Equal(ledger, File.ReadAllBytes(_trial.LedgerFile));
        Assert.Equal(wal, File.ReadAllBytes(_trial.LedgerFile + "-wal"));
        AssertNothingLeftInRun();
    }

    private void AssertNothingLeftInRun() => Assert.Empty(Directory.GetFileSystemEntries(_trial.At("/run"), "qwamos-boot-*"));
}
