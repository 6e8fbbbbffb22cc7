using Qwamos.ControlBus.Policy;
using Qwamos.Daemon.Boot;
using Xunit;

namespace Qwamos.ControlBus.Tests.Boot;

public sealed class AppliersTests : IDisposable
{
    private readonly BootTrial trial = new();
    private readonly ScriptedApplier applier = new();

    public void Dispose() => trial.Dispose();

    [Fact]
    public void Good_IsChecked_Applied_Observed()
    {
        trial.Set("KERNEL_HARDENING", "strict");
        Assert.Equal(0, trial.Boot(applier).Code);
        Assert.Equal(["check", "apply", "observe"], applier.Asked);
        Assert.Equal("in force", Assert.Single(trial.Results).Result);
    }

    [Fact]
    public void CheckSaysNo_NothingIsTouched_ExitCode1()
    {
        trial.Set("KERNEL_HARDENING", "strict");
        applier.CheckFault = "no such kernel";
        Assert.Equal(1, trial.Boot(applier).Code);
        Assert.Equal(["check"], applier.Asked);
        Assert.Equal("failed: no such kernel", Assert.Single(trial.Results).Result);
    }

    [Fact]
    public void Attack32_ApplyFails_IsUndone_AndStaysPending_UntilItWorks()
    {
        trial.Set("KERNEL_HARDENING", "strict");
        applier.FailsToApply = true;
        Assert.Equal(1, trial.Boot(applier).Code);
        Assert.Equal(["check", "apply", "undo"], applier.Asked);
        trial.Import();
        Assert.True(trial.State.Staged.ContainsKey("KERNEL_HARDENING"));
        applier.FailsToApply = false;
        Assert.Equal(0, trial.Boot(applier).Code);
        trial.Import();
        Assert.Equal("strict", trial.State.Policy["KERNEL_HARDENING"].Value.ToLine());
    }

    [Fact]
    public void Attack32_ApplierThatLies_IsFoundOutByLooking_AndUndone()
    {
        trial.Set("KERNEL_HARDENING", "strict");
        applier.Lies = true;
        var (code, said) = trial.Boot(applier);
        Assert.Equal(1, code);
        Assert.Equal(["check", "apply", "observe", "undo"], applier.Asked);
        Assert.Contains("failed: it is not there", said, StringComparison.Ordinal);
    }

    [Fact]
    public void UndoFailsToo_BothAreSaid()
    {
        trial.Set("KERNEL_HARDENING", "strict");
        applier.FailsToApply = applier.FailsToUndo = true;
        Assert.Contains("no space left; and what was there before could not be put back: read-only", trial.Boot(applier).Said, StringComparison.Ordinal);
    }

    [Fact]
    public void OneKeyFails_TheOthersGoOn()
    {
        trial.Set("KERNEL_HARDENING", "strict");
        trial.Set("BOOT_VERIFICATION", "strict");
        applier.FailsToApply = true;
        Assert.Equal(1, trial.Boot(applier, SettingFile.BootVerification(trial.Paths)).Code);
        trial.Import();
        Assert.Equal(["BOOT_VERIFICATION"], trial.State.Policy.Keys);
        Assert.Equal(["KERNEL_HARDENING"], trial.State.Staged.Keys);
    }

    [Fact]
    public void TheSameFailureTwiceBeforeAnImport_IsNotedOnce()
    {
        trial.Set("KERNEL_HARDENING", "strict");
        applier.CheckFault = new string('x', 500);
        trial.Boot(applier);
        trial.Boot(applier);
        Assert.Single(trial.Notes);
        Assert.Equal(2, trial.Memory.NextSequence);
    }

    [Fact]
    public void SecondFileFails_TheFirstIsPutBack()
    {
        var hardening = new KernelHardening(trial.Paths);
        hardening.Apply(PolicyValue.Of("strict"));
        var before = File.ReadAllText(trial.SysctlFile);
        File.Delete(trial.GrubFile);
        Directory.CreateDirectory(trial.GrubFile);
        Assert.Throws<IOException>(() => hardening.Apply(PolicyValue.Of("paranoid")));
        hardening.Undo();
        Assert.Equal(before, File.ReadAllText(trial.SysctlFile));
    }

    [Fact]
    public void UndoOfAFileThatWasNotThere_RemovesIt()
    {
        var mode = SettingFile.BootVerification(trial.Paths);
        mode.Apply(PolicyValue.Of("off"));
        mode.Undo();
        Assert.False(File.Exists(trial.Paths.At("/etc/qwamos/boot-verification.mode")));
    }

    [Theory]
    [InlineData("strict")]
    [InlineData("paranoid")]
    public void KernelStartedWithTheLevelsParameters_IsInForce(string level)
    {
        trial.RunningWith("root=/dev/sda1 " + string.Join(' ', KernelHardeningLevel.Named(level)!.Parameters.Select(p => p.Text)) + " quiet");
        trial.Set("KERNEL_HARDENING", level);
        trial.Boot();
        Assert.Equal("in force", Assert.Single(trial.Results).Result);
    }

    [Fact]
    public void BackToDefaultOnAHardenedKernel_NeedsOneMoreReboot()
    {
        trial.RunningWith("quiet slab_nomerge");
        trial.Set("KERNEL_HARDENING", "default");
        trial.Boot();
        Assert.Equal("in force after one more reboot", Assert.Single(trial.Results).Result);
        Assert.DoesNotContain("GRUB_CMDLINE_LINUX", File.ReadAllText(trial.GrubFile), StringComparison.Ordinal);
        Assert.All(File.ReadAllLines(trial.SysctlFile), line => Assert.StartsWith("#", line, StringComparison.Ordinal));
    }

    [Fact]
    public void EverySettingOfEveryLevel_StandsInTheGuide()
    {
        var guide = File.ReadAllText(Path.Combine(Repository.Root, "docs", "guide", "boot.md"));
        foreach (var level in KernelHardeningLevel.All)
        {
            Assert.All(level.Settings, setting => Assert.Contains($"`{setting.Name}`", guide, StringComparison.Ordinal));
            Assert.All(level.Parameters, parameter => Assert.Contains($"`{parameter.Text}`", guide, StringComparison.Ordinal));
        }
    }

    [Fact]
    public void EveryLevelOfTheSchema_IsServed_AndNamesEachSettingOnce()
    {
        Assert.True(PolicySchema.BuiltIn.TryGet("KERNEL_HARDENING", out var key));
        Assert.Equal(key.Values.Select(value => value.ToLine()).Order(), KernelHardeningLevel.All.Select(level => level.Name).Order());
        Assert.All(KernelHardeningLevel.All, level => Assert.Equal(level.Settings.Count, level.Settings.DistinctBy(setting => setting.Name).Count()));
    }
}
