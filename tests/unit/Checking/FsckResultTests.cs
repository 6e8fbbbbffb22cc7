using Qwamos.ControlBus.Tests.Boot;
using Qwamos.Daemon.Checking;
using Xunit;

namespace Qwamos.ControlBus.Tests.Checking;

/// <summary>What fsck says of a sound ledger, and of none.</summary>
public sealed class FsckResultTests : IDisposable
{
    private readonly BootTrial _trial = new();

    public void Dispose() => _trial.Dispose();

    [Fact]
    public void Only_a_boot_that_looked_is_told_of()
    {
        _trial.Set("KERNEL_HARDENING", "strict");
        FsckResult before = Fsck();
        Assert.Contains(" is sound: 1 entries", before.ToText(), StringComparison.Ordinal);
        Assert.DoesNotContain("boot saw", before.ToText(), StringComparison.Ordinal);
        Assert.Contains("\"remembered\": null", before.ToJson(), StringComparison.Ordinal);
        Assert.Contains("1 hold under the enrolled key, 0 are of other keys", before.ToText(), StringComparison.Ordinal);
        _trial.Boot();
        Assert.Contains("; the first 1 are those that the last boot saw.", Fsck().ToText(), StringComparison.Ordinal);
    }

    [Fact]
    public void Without_an_enrolled_key_no_signature_is_said_to_be_anothers()
    {
        _trial.Set("KERNEL_HARDENING", "strict");
        File.Delete(_trial.Paths.AnchorFile);
        FsckResult result = Fsck();
        Assert.True(result.IsSound);
        Assert.Contains("Signatures: none of 1 was checked, for there is no key to check them with, and 0 entries", result.ToText(), StringComparison.Ordinal);
        Assert.EndsWith($"no key is enrolled; run: qwamosd --root {_trial.Paths.Root} enroll FILE", result.ToText(), StringComparison.Ordinal);
    }

    [Fact]
    public void Ledger_that_is_not_there_is_not_called_damaged()
    {
        Assert.Equal($"there is no ledger {_trial.Paths.LedgerFile}: qwamosd makes it at its first start: qwamosd --root {_trial.Paths.Root}", Fsck().ToText());
        Assert.False(Fsck().IsSound);
        _trial.Set("KERNEL_HARDENING", "strict");
        _trial.Boot();
        File.Delete(_trial.Paths.LedgerFile);
        Assert.Equal($"the ledger {_trial.Paths.LedgerFile} is gone, and the last boot saw 1 entries: put a backup back: qwamosd --root {_trial.Paths.Root} restore FILE", Fsck().ToText());
        Assert.Equal("there is no file /nowhere/x.db", FsckResult.Of(_trial.Paths, "/nowhere/x.db", null).ToText());
    }

    private FsckResult Fsck() => FsckResult.Of(_trial.Paths, null, null);
}
