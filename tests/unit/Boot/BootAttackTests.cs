using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Policy;
using Xunit;

namespace Qwamos.ControlBus.Tests.Boot;

/// <summary>What somebody does who has qwamosd's account, or the disk, between staging and boot.</summary>
public sealed class BootAttackTests : IDisposable
{
    private readonly BootTrial trial = new();

    public void Dispose() => trial.Dispose();

    [Fact]
    public void Attack05_EntryWithAnotherKeysSignature_IsNotApplied()
    {
        var mine = trial.Key;
        using var other = SigningKey.Generate();
        trial.Key = other;
        trial.Forge(trial.Sign([("KERNEL_HARDENING", JsonValue.Of("strict"))]), BootTrial.Staging("KERNEL_HARDENING"));
        trial.Key = mine;
        NotApplied("bad_signature");
    }

    [Fact]
    public void Attack11_ChangeForAnotherSystem_IsNotApplied()
    {
        trial.Forge(
            trial.Sign([("KERNEL_HARDENING", JsonValue.Of("strict"))], draft => draft with { System = new string('a', 32) }),
            BootTrial.Staging("KERNEL_HARDENING"));
        NotApplied("wrong_system");
    }

    [Theory]
    [InlineData(-301, "from_future")]
    [InlineData(301, "stale")]
    public void Attack12_ChangeRecordedOutsideItsWindow_IsNotApplied(int later, string code)
    {
        var envelope = trial.Sign([("KERNEL_HARDENING", JsonValue.Of("strict"))]);
        trial.Forge(envelope, BootTrial.Staging("KERNEL_HARDENING"), trial.Clock.Seconds + later);
        NotApplied(code);
    }

    [Fact]
    public void Attack13_OlderLedger_IsRefused()
    {
        trial.Set("RADIO_ISOLATION", "off");
        var older = File.ReadAllBytes(trial.Paths.LedgerFile);
        trial.Set("KERNEL_HARDENING", "strict");
        trial.Boot();
        var applied = File.ReadAllText(trial.SysctlFile);
        var memory = File.ReadAllText(trial.Paths.BootMemoryFile);
        File.WriteAllBytes(trial.Paths.LedgerFile, older);
        Assert.Contains("the last boot saw 2", Refused(), StringComparison.Ordinal);
        Assert.Equal(applied, File.ReadAllText(trial.SysctlFile));
        Assert.Equal(memory, File.ReadAllText(trial.Paths.BootMemoryFile));
    }

    [Fact]
    public void Attack13_LedgerThatTheKeptCheckpointKnowsLonger_IsRefused_ThoughNoBootSawIt()
    {
        trial.Set("KERNEL_HARDENING", "strict");
        var older = File.ReadAllBytes(trial.Paths.LedgerFile);
        trial.Set("KERNEL_HARDENING", "paranoid");
        trial.KeepCheckpoint();
        File.WriteAllBytes(trial.Paths.LedgerFile, older);
        Assert.Matches("the ledger is refused, nothing is applied .*Entry 1 is missing", trial.Boot().Said);
        Assert.False(File.Exists(trial.SysctlFile));
        File.WriteAllText(trial.Paths.CheckpointFile, "nonsense");
        Assert.Contains("does not hold a checkpoint", trial.Boot().Said, StringComparison.Ordinal);
        Assert.False(File.Exists(trial.SysctlFile));
    }

    [Fact]
    public void Attack13_LedgerGone_IsReported()
    {
        trial.Set("KERNEL_HARDENING", "strict");
        trial.Boot();
        File.Delete(trial.Paths.LedgerFile);
        var (code, said) = trial.Boot();
        Assert.Equal(0, code);
        Assert.Contains("the ledger is gone", said, StringComparison.Ordinal);
    }

    [Fact]
    public void Attack13_AnotherHistoryOfTheSameLength_IsRefused()
    {
        trial.Set("BOOT_VERIFICATION", "strict");
        trial.Boot();
        File.Delete(trial.Paths.LedgerFile);
        File.Delete(trial.Paths.LedgerFile + "-wal");
        trial.Set("KERNEL_HARDENING", "paranoid");
        Assert.Contains("not those that the last boot saw", Refused(), StringComparison.Ordinal);
        Assert.False(File.Exists(trial.SysctlFile));
    }

    [Fact]
    public void Attack13_OldChangeAppendedAgain_WithALyingTime_IsNotApplied()
    {
        var old = trial.Sign([("KERNEL_HARDENING", JsonValue.Of("default"))]);
        var oldTime = trial.Clock.Seconds;
        trial.Set("KERNEL_HARDENING", "strict");
        trial.Boot();
        trial.Import();
        trial.Forge(old, BootTrial.Staging("KERNEL_HARDENING"), oldTime);
        var (code, said) = trial.Boot();
        Assert.Equal(0, code);
        Assert.Contains("an earlier boot saw a change of it signed 1 s later", said, StringComparison.Ordinal);
        Assert.Contains("kptr_restrict", File.ReadAllText(trial.SysctlFile), StringComparison.Ordinal);
    }

    [Fact]
    public void Attack13_ForgedSnapshotThatStagesAnOlderChangeAgain_IsNotBelieved()
    {
        var first = trial.Set("KERNEL_HARDENING", "paranoid");
        trial.Set("KERNEL_HARDENING", "strict");
        trial.WithStore(store =>
        {
            var loaded = LedgerFold.Load(store);
            var older = loaded.State.Staged.SetItem("KERNEL_HARDENING", new Applied(PolicyValue.Of("paranoid"), first));
            store.SaveSnapshot(LedgerFold.Snapshot(loaded.State with { Staged = older }, loaded.Tree));
            return 0;
        });
        NotApplied("entry 1 is a newer change of it");
    }

    [Fact]
    public void Attack22_ForgedSnapshotWithAnotherValue_IsNotBelieved()
    {
        var index = trial.Set("KERNEL_HARDENING", "paranoid");
        trial.WithStore(store =>
        {
            var loaded = LedgerFold.Load(store);
            var other = loaded.State.Staged.SetItem("KERNEL_HARDENING", new Applied(PolicyValue.Of("default"), index));
            store.SaveSnapshot(LedgerFold.Snapshot(loaded.State with { Staged = other }, loaded.Tree));
            return 0;
        });
        NotApplied("does not set it to the staged value");
    }

    [Fact]
    public void Attack22_RuntimeKeyThatWasNeverAskedToBeStaged_IsNotApplied()
    {
        trial.Forge(trial.Sign([("RADIO_ISOLATION", JsonValue.Of("off"))]), BootTrial.Staging("RADIO_ISOLATION"));
        NotApplied("does not ask to be staged");
    }

    [Fact]
    public void Attack36_TheEventIsNeverStaged()
    {
        trial.Forge(trial.Sign([("GHOST.trigger", JsonValue.Of("fire"))], draft => draft with { Mode = "staged" }), BootTrial.Staging("GHOST.trigger"));
        var (code, said) = trial.Boot();
        Assert.Equal(0, code);
        Assert.Contains("does not admit the value", said, StringComparison.Ordinal);
        Assert.DoesNotContain("fire", said, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("KERNEL_HARDENING=default\n", "pending.conf says KERNEL_HARDENING=default")]
    [InlineData("KERNEL_HARDENING=strict\nCRYPTO_BACKEND=legacy\n", "pending.conf says CRYPTO_BACKEND=legacy")]
    [InlineData("", "pending.conf does not say KERNEL_HARDENING=strict")]
    [InlineData("KERNEL_HARD", "pending.conf says KERNEL_HARD,")]
    [InlineData("KERNEL_HARDENING=\u001b[2Jstrict\n", "pending.conf says KERNEL_HARDENING=\\u{1B}[2Jstrict")]
    public void Attack28_EditedOrTruncatedPendingConf_IsReported_AndTheSignedValueApplied(string content, string report)
    {
        trial.Set("KERNEL_HARDENING", "strict");
        trial.Project();
        File.WriteAllText(trial.Paths.PendingFile, content);
        AppliedAllTheSame(report);
    }

    [Fact]
    public void Attack28_DeletedPendingConf_IsReported_AndTheSignedValueApplied()
    {
        trial.Set("KERNEL_HARDENING", "strict");
        AppliedAllTheSame("pending.conf does not say KERNEL_HARDENING=strict");
    }

    [Fact]
    public void Attack28_OlderPendingConfPutBack_IsReported_AndTheSignedValueApplied()
    {
        trial.Set("KERNEL_HARDENING", "paranoid");
        trial.Project();
        var older = File.ReadAllBytes(trial.Paths.PendingFile);
        trial.Set("KERNEL_HARDENING", "strict");
        File.WriteAllBytes(trial.Paths.PendingFile, older);
        AppliedAllTheSame("pending.conf says KERNEL_HARDENING=paranoid");
    }

    [Fact]
    public void Attack28_PendingConfReplacedByALink_IsReported_NeverFollowed()
    {
        trial.Set("KERNEL_HARDENING", "strict");
        File.CreateSymbolicLink(trial.Paths.PendingFile, "/etc/shadow");
        AppliedAllTheSame("pending.conf cannot be read");
    }

    [Theory]
    [InlineData("UPDATE entries SET leaf = CAST(replace(CAST(leaf AS TEXT), '\"strict\"', '\"defaul\"') AS BLOB) WHERE idx = 1", "Entry 1")]
    [InlineData("DELETE FROM entries WHERE idx = 1", "Entry 1")]
    [InlineData("DELETE FROM entries WHERE idx = 0; UPDATE entries SET idx = idx - 1", "")]
    [InlineData("UPDATE entries SET idx = 9 WHERE idx = 0; UPDATE entries SET idx = 0 WHERE idx = 1; UPDATE entries SET idx = 1 WHERE idx = 9", "")]
    public void Attack28_TamperedLedger_IsRefused_AndTheLastKnownGoodStays(string sql, string where)
    {
        trial.Set("RADIO_ISOLATION", "off");
        trial.Set("KERNEL_HARDENING", "strict");
        trial.Tamper(sql);
        Assert.Contains(where, Refused(), StringComparison.Ordinal);
        Assert.False(File.Exists(trial.SysctlFile));
    }

    [Fact]
    public void Attack28_EarlierEntryRewrittenWithAllHashes_IsRefusedAgainstTheRememberedTree()
    {
        trial.Set("KERNEL_HARDENING", "paranoid");
        trial.Set("RADIO_ISOLATION", "off");
        trial.Boot();
        var hash = trial.WithStore(store => store.Read(1)!.LeafHash);
        var root = Convert.ToHexStringLower(MerkleTree.NodeHash(hash, hash));
        trial.Tamper($"""
            UPDATE entries SET (head, leaf, leaf_hash) = (SELECT head, leaf, leaf_hash FROM entries WHERE idx = 1) WHERE idx = 0;
            UPDATE tree SET root = x'{root}';
            """);
        Assert.Contains("not those that the last boot saw", Refused(), StringComparison.Ordinal);
    }

    [Fact]
    public void Attack28_StagedEntryMovedBelowTheRememberedTree_IsRefused()
    {
        trial.Set("KERNEL_HARDENING", "paranoid");
        for (var i = 0; i < 20; i++)
            trial.Set("RADIO_ISOLATION", i % 2 == 0 ? "off" : "on");
        trial.Boot();
        trial.Set("TOR_ISOLATION", "off");
        trial.WithStore(store =>
        {
            store.SaveSnapshot(LedgerFold.Snapshot(LedgerFold.Load(store).State, store.Tree()));
            return 0;
        });
        // Its nonce is moved with it. The hashes above it are left alone, and still give the root that is remembered.
        trial.Tamper("""
            UPDATE entries SET idx = 99 WHERE idx = 0; UPDATE entries SET idx = 0 WHERE idx = 1; UPDATE entries SET idx = 1 WHERE idx = 99;
            UPDATE nonces SET first = 1 - first WHERE first < 2;
            """);
        Assert.Contains("not those that the last boot saw", Refused(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(100)]
    [InlineData(5000)]
    public void Attack28_TruncatedLedgerFile_IsRefused(int bytes)
    {
        trial.Set("KERNEL_HARDENING", "strict");
        using (var file = File.OpenWrite(trial.Paths.LedgerFile)) file.SetLength(bytes);
        Assert.NotEmpty(Refused());
        Assert.False(File.Exists(trial.SysctlFile));
    }

    [Fact]
    public void Attack28_BootNeverChangesTheLedger()
    {
        trial.Set("KERNEL_HARDENING", "strict");
        var before = File.ReadAllBytes(trial.Paths.LedgerFile);
        trial.Boot();
        Assert.Equal(before, File.ReadAllBytes(trial.Paths.LedgerFile));
    }

    [Theory]
    [InlineData("short")]
    [InlineData("directory")]
    [InlineData("writable")]
    [InlineData("link")]
    public void Attack31_BadAnchor_NothingIsApplied_AndTheMendIsSaid(string how)
    {
        trial.Set("KERNEL_HARDENING", "strict");
        var path = trial.Paths.AnchorFile;
        if (how == "writable") File.SetUnixFileMode(path, (UnixFileMode)0x1B6);
        else File.Delete(path);
        if (how == "short") File.WriteAllBytes(path, new byte[31]);
        if (how == "directory") Directory.CreateDirectory(path);
        if (how == "link") File.CreateSymbolicLink(path, "/dev/zero");
        var (code, said) = trial.Boot();
        Assert.Equal(0, code);
        Assert.StartsWith("nothing is applied: ", said, StringComparison.Ordinal);
        Assert.False(File.Exists(trial.SysctlFile));
    }

    private void NotApplied(string why)
    {
        var (code, said) = trial.Boot();
        Assert.Equal(0, code);
        Assert.Contains(why, said, StringComparison.Ordinal);
        Assert.False(File.Exists(trial.SysctlFile));
        Assert.All(trial.Results, result => Assert.StartsWith("failed: ", result.Result, StringComparison.Ordinal));
        Assert.Empty(trial.Backups);
    }

    private string Refused()
    {
        var (code, said) = trial.Boot();
        Assert.Equal(0, code);
        Assert.StartsWith("the ledger is refused, nothing is applied", said, StringComparison.Ordinal);
        return said;
    }

    private void AppliedAllTheSame(string report)
    {
        var (code, said) = trial.Boot();
        Assert.Equal(0, code);
        Assert.Contains(report, said, StringComparison.Ordinal);
        Assert.StartsWith("# KERNEL_HARDENING=strict", File.ReadAllText(trial.SysctlFile), StringComparison.Ordinal);
    }
}
