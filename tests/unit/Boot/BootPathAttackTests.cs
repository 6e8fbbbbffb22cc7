using Xunit;

namespace Qwamos.ControlBus.Tests.Boot;

/// <summary>ATTACK 27 at every path that the boot writes: refused and said, and what the link points at is untouched.</summary>
public sealed class BootPathAttackTests : IDisposable
{
    private const string Victim = "untouched";
    private readonly BootTrial trial = new();

    public void Dispose() => trial.Dispose();

    [Fact]
    public void Attack27_PathThatCannotBeLookedAt_IsNotTakenForAFreeOne()
    {
        File.WriteAllText(trial.Paths.At("/etc/sysctl.d"), "");
        var path = trial.Paths.At("/etc/sysctl.d/60-qwamos.conf");
        Assert.Contains("/etc/sysctl.d", Qwamos.Daemon.Boot.BootPaths.Fault(path, trial.Paths), StringComparison.Ordinal);
        trial.Set("KERNEL_HARDENING", "strict");
        FailsAndStaysPending("KERNEL_HARDENING");
    }

    [Theory]
    [InlineData("/etc/sysctl.d/60-qwamos.conf", "KERNEL_HARDENING", "strict")]
    [InlineData("/etc/default/grub.d/60-qwamos.cfg", "KERNEL_HARDENING", "strict")]
    [InlineData("/etc/qwamos/boot-verification.mode", "BOOT_VERIFICATION", "strict")]
    [InlineData("/etc/qwamos/crypto-backend.conf", "CRYPTO_BACKEND", "hybrid")]
    public void Attack27_LinkAtAConfigurationFile_FailsTheKey(string path, string key, string value)
    {
        trial.Set(key, value);
        var victim = LinkAt(path);
        FailsAndStaysPending(key);
        Assert.Equal(Victim, File.ReadAllText(victim));
    }

    [Theory]
    [InlineData("/etc/sysctl.d/60-qwamos.conf", "KERNEL_HARDENING", "strict")]
    [InlineData("/etc/qwamos/boot-verification.mode", "BOOT_VERIFICATION", "strict")]
    public void Attack27_HardLinkAtAConfigurationFile_FailsTheKey(string path, string key, string value)
    {
        trial.Set(key, value);
        var victim = MakeVictim();
        var at = Prepare(path);
        using (var ln = System.Diagnostics.Process.Start("ln", [victim, at])) ln.WaitForExit();
        FailsAndStaysPending(key);
        Assert.Equal(Victim, File.ReadAllText(victim));
    }

    [Theory]
    [InlineData("/etc/sysctl.d")]
    [InlineData("/etc/default/grub.d")]
    public void Attack27_LinkedFolderAboveAConfigurationFile_FailsTheKey(string folder)
    {
        trial.Set("KERNEL_HARDENING", "strict");
        var elsewhere = trial.Paths.At("/elsewhere");
        Directory.CreateDirectory(elsewhere);
        File.CreateSymbolicLink(Prepare(folder), elsewhere);
        FailsAndStaysPending("KERNEL_HARDENING");
        Assert.Empty(Directory.EnumerateFileSystemEntries(elsewhere));
    }

    [Fact]
    public void Attack27_FolderThatOthersMayWrite_FailsTheKey()
    {
        trial.Set("KERNEL_HARDENING", "strict");
        var folder = Prepare("/etc/sysctl.d");
        Directory.CreateDirectory(folder);
        File.SetUnixFileMode(folder, (UnixFileMode)0x1FF);
        FailsAndStaysPending("KERNEL_HARDENING");
        Assert.Empty(Directory.EnumerateFileSystemEntries(folder));
    }

    [Fact]
    public void Attack27_LinkAtTheBackup_IsNotFollowed_AndTheResultsCannotBeWritten()
    {
        trial.Set("KERNEL_HARDENING", "strict");
        var victim = LinkAt($"/var/lib/qwamos-boot/status.json.{trial.Clock.Seconds + 100}");
        Assert.Equal(1, trial.Boot().Code);
        Assert.Equal(Victim, File.ReadAllText(victim));
        Assert.False(File.Exists(trial.SysctlFile));
    }

    [Fact]
    public void Attack27_LinkAtTheMemory_NothingIsApplied()
    {
        trial.Set("KERNEL_HARDENING", "strict");
        var victim = LinkAt("/var/lib/qwamos-boot/memory.json");
        var (code, said) = trial.Boot();
        Assert.Equal(0, code);
        Assert.StartsWith("nothing is applied: ", said, StringComparison.Ordinal);
        Assert.Equal(Victim, File.ReadAllText(victim));
        Assert.False(File.Exists(trial.SysctlFile));
    }

    [Theory]
    [InlineData("/var/lib/qwamos-boot")]
    [InlineData("/var/lib/qwamos-boot/notes")]
    public void Attack27_LinkedBootFolder_NothingIsApplied(string folder)
    {
        trial.Set("KERNEL_HARDENING", "strict");
        Directory.Delete(trial.Paths.At(folder), recursive: true);
        var elsewhere = trial.Paths.At("/elsewhere");
        Directory.CreateDirectory(elsewhere);
        File.CreateSymbolicLink(trial.Paths.At(folder), elsewhere);
        var (code, said) = trial.Boot();
        Assert.Equal(0, code);
        Assert.StartsWith("nothing is applied: ", said, StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFileSystemEntries(elsewhere));
        Assert.False(File.Exists(trial.SysctlFile));
    }

    [Fact]
    public void Attack27_LinkAtTheLedger_IsRefused()
    {
        trial.Set("KERNEL_HARDENING", "strict");
        var moved = trial.Paths.At("/elsewhere.db");
        File.Move(trial.Paths.LedgerFile, moved);
        File.CreateSymbolicLink(trial.Paths.LedgerFile, moved);
        var (code, said) = trial.Boot();
        Assert.Equal(0, code);
        Assert.StartsWith("the ledger is refused", said, StringComparison.Ordinal);
        Assert.False(File.Exists(trial.SysctlFile));
    }

    private void FailsAndStaysPending(string key)
    {
        var (code, said) = trial.Boot();
        Assert.Equal(1, code);
        Assert.Contains($"{key}=", said, StringComparison.Ordinal);
        Assert.Contains(": failed: ", said, StringComparison.Ordinal);
        trial.Import();
        Assert.True(trial.State.Staged.ContainsKey(key));
        Assert.False(trial.State.Policy.ContainsKey(key));
    }

    private string MakeVictim()
    {
        var victim = trial.Paths.At("/victim");
        File.WriteAllText(victim, Victim);
        return victim;
    }

    private string LinkAt(string path)
    {
        var victim = MakeVictim();
        File.CreateSymbolicLink(Prepare(path), victim);
        return victim;
    }

    private string Prepare(string path)
    {
        var at = trial.Paths.At(path);
        Directory.CreateDirectory(Path.GetDirectoryName(at)!);
        return at;
    }
}
