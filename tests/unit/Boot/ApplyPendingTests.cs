using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Policy;
using Xunit;

namespace Qwamos.ControlBus.Tests.Boot;

public sealed class ApplyPendingTests : IDisposable
{
    private readonly BootTrial trial = new();

    public void Dispose() => trial.Dispose();

    [Fact]
    public void WithoutAnAnchor_NothingIsApplied_AndOneLineSaysSo()
    {
        trial.Set("KERNEL_HARDENING", "strict");
        File.Delete(trial.Paths.AnchorFile);
        var (code, said) = trial.Boot();
        Assert.Equal(0, code);
        Assert.Contains("no key is enrolled", said, StringComparison.Ordinal);
        Assert.Single(said.TrimEnd().Split('\n'));
        Assert.False(File.Exists(trial.SysctlFile));
    }

    [Fact]
    public void WithoutALedger_OneLineSaysSo()
    {
        var (code, said) = trial.Boot();
        Assert.Equal((0, "nothing is staged: there is no ledger yet\n"), (code, said));
    }

    [Fact]
    public void NothingStaged_OneLineSaysSo_AndTheTreeIsRemembered()
    {
        trial.Set("RADIO_ISOLATION", "off");
        Assert.Equal((0, "nothing is staged\n"), trial.Boot());
        Assert.Equal(1, trial.Memory.TreeSize);
        Assert.Equal(1_800_000_001, trial.Memory.Timestamps["RADIO_ISOLATION"]);
        Assert.Empty(trial.Notes);
        Assert.Empty(trial.Backups);
    }

    [Fact]
    public void NothingStagedAndNothingNew_WritesNothing()
    {
        trial.Set("RADIO_ISOLATION", "off");
        trial.Boot();
        Directory.Delete(trial.Paths.BootNotesDir, recursive: true);
        Assert.Equal((0, "nothing is staged\n"), trial.Boot());
        Assert.False(Directory.Exists(trial.Paths.BootNotesDir));
    }

    [Fact]
    public void StagedKeys_AreApplied_Noted_AndTheStatusBeforeIsKept()
    {
        trial.Set([("KERNEL_HARDENING", JsonValue.Of("strict")), ("BOOT_VERIFICATION", JsonValue.Of("strict")), ("CRYPTO_BACKEND", JsonValue.Of("hybrid"))]);
        trial.Project();
        var (code, said) = trial.Boot();
        Assert.Equal(0, code);
        Assert.Equal(4, said.TrimEnd().Split('\n').Length);
        Assert.Contains("kernel.kptr_restrict = 2", File.ReadAllText(trial.SysctlFile), StringComparison.Ordinal);
        Assert.Contains("slab_nomerge", File.ReadAllText(trial.GrubFile), StringComparison.Ordinal);
        Assert.Contains("BOOT_VERIFICATION=strict\n", File.ReadAllText(trial.Paths.At("/etc/qwamos/boot-verification.mode")), StringComparison.Ordinal);
        Assert.Contains("CRYPTO_BACKEND=hybrid\n", File.ReadAllText(trial.Paths.At("/etc/qwamos/crypto-backend.conf")), StringComparison.Ordinal);
        Assert.Equal(
            ["recorded", "recorded", "in force after one more reboot"],
            trial.Results.OrderBy(result => result.Key, StringComparer.Ordinal).Select(result => result.Result));
        Assert.Contains("\"pending\":{\"BOOT_VERIFICATION\":\"strict\"", File.ReadAllText(Assert.Single(trial.Backups)), StringComparison.Ordinal);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead, File.GetUnixFileMode(trial.Paths.BootMemoryFile));
    }

    [Fact]
    public void ProjectionsBehindTheLedger_AreNotReported_MissingOnesAre()
    {
        trial.Set("BOOT_VERIFICATION", "strict");
        trial.Project();
        File.WriteAllText(trial.Paths.StatusFile, """{"policy":{},"size":1}""");
        trial.Set("KERNEL_HARDENING", "strict");
        Assert.DoesNotContain("does not say", trial.Boot().Said, StringComparison.Ordinal);
        File.Delete(trial.Paths.PendingFile);
        Assert.Contains("does not say KERNEL_HARDENING", trial.Boot().Said, StringComparison.Ordinal);
    }

    [Fact]
    public void AfterImport_TheKeyHasMovedToPolicy_AndTheNextBootHasNothingToDo()
    {
        trial.Set("KERNEL_HARDENING", "strict");
        trial.Boot();
        trial.Import();
        Assert.Equal("strict", trial.State.Policy["KERNEL_HARDENING"].Value.ToLine());
        Assert.Empty(trial.State.Staged);
        Assert.Equal((0, "nothing is staged\n"), trial.Boot());
        Assert.Empty(trial.Notes);
    }

    [Fact]
    public void RunTwiceBeforeTheImport_ItEndsInTheSameState()
    {
        trial.Set("KERNEL_HARDENING", "paranoid");
        trial.Boot();
        var first = trial.Everything();
        Assert.Equal(0, trial.Boot().Code);
        Assert.Equal(first, trial.Everything());
    }

    [Fact]
    public void RunAgain_WhatIsGoneIsWrittenAgain_WithoutAnotherNote()
    {
        trial.Set("KERNEL_HARDENING", "strict");
        trial.Boot();
        File.Delete(trial.SysctlFile);
        Assert.Equal(0, trial.Boot().Code);
        Assert.True(File.Exists(trial.SysctlFile));
        Assert.Single(trial.Notes);
    }

    [Fact]
    public void KilledBetweenNoteAndMemory_TheNextRunRepeatsNeitherNumberNorResult()
    {
        trial.Set("KERNEL_HARDENING", "strict");
        trial.Boot();
        var whole = trial.Everything();
        File.Delete(trial.Paths.BootMemoryFile);
        Assert.Equal(0, trial.Boot().Code);
        Assert.Equal(whole, trial.Everything());
    }

    [Fact]
    public void AChangeStagedAfterAnImportedBoot_IsAppliedOnTopOfIt()
    {
        trial.Set("KERNEL_HARDENING", "strict");
        trial.Boot();
        trial.Import();
        trial.Set("KERNEL_HARDENING", "default");
        Assert.Equal(0, trial.Boot().Code);
        Assert.DoesNotContain("kptr", File.ReadAllText(trial.SysctlFile), StringComparison.Ordinal);
        Assert.Equal(2, trial.Results[^1].Index);
    }

    [Fact]
    public void KeysOfOtherClasses_AndRuntimeKeysWithoutApplier_AreRecorded()
    {
        trial.Set("RADIO_ISOLATION", "off", draft => draft with { Mode = "staged" });
        trial.Set("CLIPBOARD_ISOLATION", "strict", draft => draft with { Mode = "staged" });
        Assert.Equal(0, trial.Boot().Code);
        Assert.All(trial.Results, result => Assert.Equal("recorded", result.Result));
        trial.Import();
        Assert.Equal(2, trial.State.Policy.Count);
    }

    [Fact]
    public void AnAudienceThatLeavesDom0Out_IsRecorded_NotAppliedHere()
    {
        trial.Set("CRYPTO_BACKEND", "hybrid", draft => draft with { Audience = ["gateway"] });
        Assert.Equal(0, trial.Boot().Code);
        Assert.False(File.Exists(trial.Paths.At("/etc/qwamos/crypto-backend.conf")));
        Assert.Equal("recorded", Assert.Single(trial.Results).Result);
    }

    [Fact]
    public void AConfidentialStagedValue_IsNeverSaid()
    {
        trial.Set("DURESS.gesture", "triple-power", draft => draft with { Mode = "staged" });
        var (code, said) = trial.Boot();
        Assert.Equal(0, code);
        Assert.Contains("DURESS.gesture=(hidden)", said, StringComparison.Ordinal);
        Assert.DoesNotContain("triple-power", said + string.Concat(trial.Everything().Values), StringComparison.Ordinal);
    }

    [Fact]
    public void AChangeOfTheKeyThatWasReplaced_IsNotApplied()
    {
        trial.Set("KERNEL_HARDENING", "strict");
        using var other = SigningKey.Generate();
        DurableFile.Replace(trial.Paths.AnchorFile, other.Public.Raw, BootFolder.FileMode);
        var (code, said) = trial.Boot();
        Assert.Equal(0, code);
        Assert.Contains("bad_signature", said, StringComparison.Ordinal);
        Assert.False(File.Exists(trial.SysctlFile));
    }

    [Fact]
    public void TenBackupsAreKept_TheNewestAlwaysAmongThem()
    {
        for (var i = 0; i < 13; i++)
        {
            trial.Set("KERNEL_HARDENING", i % 2 == 0 ? "strict" : "paranoid");
            trial.Boot();
            trial.Import();
        }
        trial.Set("KERNEL_HARDENING", "default");
        trial.Clock.Seconds = 5;
        trial.Boot();
        Assert.Equal(10, trial.Backups.Length);
        Assert.Contains(Path.Combine(trial.Paths.BootDir, "status.json.105"), trial.Backups);
    }
}
