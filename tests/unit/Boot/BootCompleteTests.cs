using Qwamos.ControlBus.Policy;
using Qwamos.Daemon.Boot;
using Xunit;

namespace Qwamos.ControlBus.Tests.Boot;

/// <summary>The end of a boot, with real checks.</summary>
public sealed class BootCompleteTests : IDisposable
{
    private readonly BootTrial trial = new();

    public BootCompleteTests()
    {
        trial.Set("BOOT_VERIFICATION", "strict");
        trial.Reboot();
    }

    public void Dispose() => trial.Dispose();

    private BootValueState State => trial.Assessment.Values["BOOT_VERIFICATION"].State;

    [Fact]
    public void All_checks_run_in_their_order_and_each_that_says_no_is_named()
    {
        var seen = trial.Paths.At("/seen");
        trial.Check("20-second", $"echo second >>{seen}; exit 3");
        trial.Check("10-first", $"echo first $(env | grep -c .) $0 >>{seen}");
        trial.Check("30-third", $"echo third >>{seen}; kill -9 $$");
        var (code, said) = trial.Complete();
        Assert.Equal(1, code);
        Assert.Contains("check 20-second: exit code 3\ncheck 30-third: ended by signal 9\n", said, StringComparison.Ordinal);
        Assert.Equal(["first", "second", "third"], File.ReadAllLines(seen).Select(line => line.Split(' ')[0]));
        Assert.Equal((BootOutcome.Incomplete, "check 20-second: exit code 3; check 30-third: ended by signal 9"), (trial.Run!.Outcome, trial.Run!.Why));
        Assert.Equal(BootValueState.Trial, State);

        // Mended in the same boot, it completes.
        trial.Check("20-second", "true");
        trial.Check("30-third", "true");
        Assert.Equal(0, trial.Complete().Code);
        Assert.Equal((BootOutcome.Complete, ""), (trial.Run!.Outcome, trial.Run!.Why));
        Assert.Equal(BootValueState.Good, State);
        Assert.DoesNotContain(trial.Run.Said, line => line.Contains("20-second", StringComparison.Ordinal));
        Assert.Contains(trial.Run.Said, line => line.StartsWith("BOOT_VERIFICATION=strict (entry 0): recorded", StringComparison.Ordinal));
    }

    [Fact]
    public void What_needs_a_person_is_a_warning_in_the_journal_and_nothing_else_is()
    {
        trial.Check("no", "exit 1");
        Assert.Contains("<4>check no: exit code 1\n", trial.Complete(isJournal: true).Said, StringComparison.Ordinal);
        trial.Check("no", "true");
        Assert.Contains("<6>this boot is complete\n", trial.Complete(isJournal: true).Said, StringComparison.Ordinal);
        Assert.Contains("BOOT_VERIFICATION=strict (entry 0) is the last known good", trial.Run!.Said);
    }

    [Fact]
    public void A_check_that_hangs_is_killed_with_what_it_started()
    {
        var child = trial.Paths.At("/child");
        trial.Check("hangs", $"sleep 1000 & echo $! >{child}; wait");
        Assert.Contains("check hangs: still running after 0.5 s, killed", trial.Complete(TimeSpan.FromSeconds(0.5)).Said, StringComparison.Ordinal);
        // It has its signal, and ends as soon as it gets a processor.
        Assert.True(SpinWait.SpinUntil(() => IsGone(File.ReadAllText(child).Trim()), TimeSpan.FromSeconds(60)));
        Assert.Equal(BootValueState.Trial, State);
    }

    [Fact]
    public void Attack27_A_check_that_others_could_have_written_is_not_run_and_the_boot_is_not_complete()
    {
        var seen = trial.Paths.At("/seen");
        var script = $"echo run >>{seen}";
        trial.Check("open", script, (UnixFileMode)0x1FF);
        var elsewhere = trial.Check("elsewhere", script);
        File.Move(elsewhere, trial.Paths.At("/elsewhere"));
        File.CreateSymbolicLink(elsewhere, trial.Paths.At("/elsewhere"));
        Directory.CreateDirectory(Path.Combine(trial.Paths.BootChecksDir, "folder"));
        var (code, said) = trial.Complete();
        Assert.Equal(1, code);
        Assert.Contains("check open: it is not run, for ", said, StringComparison.Ordinal);
        Assert.Contains("is writable by others", said, StringComparison.Ordinal);
        Assert.Contains("check elsewhere: it is not run, for ", said, StringComparison.Ordinal);
        Assert.Contains("is a symbolic link", said, StringComparison.Ordinal);
        Assert.Contains("check folder: it is not run, for ", said, StringComparison.Ordinal);
        Assert.False(File.Exists(seen));
        Directory.Delete(trial.Paths.BootChecksDir, recursive: true);
        trial.Check("good", script);
        File.SetUnixFileMode(trial.Paths.BootChecksDir, (UnixFileMode)0x1FF);
        Assert.Equal(1, trial.Complete().Code);
        Assert.False(File.Exists(seen));
        Assert.Equal(BootValueState.Trial, State);
    }

    [Fact]
    public void What_is_no_check_is_said_and_left_alone()
    {
        trial.Check("README", "exit 1", (UnixFileMode)0x1A4);
        trial.Check("10-net.dpkg-old", "exit 1");
        trial.Check(".hidden", "exit 1");
        var (code, said) = trial.Complete();
        Assert.Equal(0, code);
        Assert.Contains("README is no check, and not run: it is not executable", said, StringComparison.Ordinal);
        Assert.Contains("10-net.dpkg-old is no check, and not run: its name", said, StringComparison.Ordinal);
    }

    [Fact]
    public void One_that_cannot_be_executed_and_too_many_are_failures()
    {
        File.WriteAllText(trial.Check("binary", ""), "\u007fELF no");
        Assert.Contains("check binary: it cannot be run: ", trial.Complete().Said, StringComparison.Ordinal);
        for (var i = 0; i < Limits.MaxBootChecks; i++) trial.Check($"c{i}", "true");
        Assert.Contains($"has {Limits.MaxBootChecks + 1} checks, more than {Limits.MaxBootChecks}", trial.Complete().Said, StringComparison.Ordinal);
    }

    [Fact]
    public void Attack29_Killed_between_memory_and_report_and_run_again_it_ends_in_the_same_state()
    {
        trial.Complete();
        var whole = trial.Everything();
        File.Delete(trial.Paths.BootRunFile);
        Assert.Equal(0, trial.Complete().Code);
        Assert.Equal(whole[trial.Paths.BootAssessmentFile[trial.Paths.Root!.Length..]], File.ReadAllText(trial.Paths.BootAssessmentFile));
        Assert.Equal(BootOutcome.Complete, trial.Run!.Outcome);
    }

    [Fact]
    public void A_value_that_is_gone_from_its_place_is_not_the_last_known_good()
    {
        var before = trial.Assessment.Write();
        File.Delete(trial.Paths.At("/etc/qwamos/boot-verification.mode"));
        Assert.Contains("BOOT_VERIFICATION=strict (entry 0) is not in place, and stays on trial", trial.Complete().Said, StringComparison.Ordinal);
        Assert.Equal(before, trial.Assessment.Write());
    }

    [Fact]
    public void The_running_system_is_looked_at_once_it_has_loaded_its_settings()
    {
        trial.Set("KERNEL_HARDENING", "paranoid");
        trial.RunningWith(string.Join(' ', KernelHardeningLevel.Paranoid.Parameters.Select(p => p.Text)));
        trial.Reboot();
        foreach (var setting in KernelHardeningLevel.Paranoid.Settings.Where(setting => setting.Name != "kernel.yama.ptrace_scope"))
        {
            var file = trial.Paths.At("/proc/sys/" + setting.Name.Replace('.', '/'));
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            File.WriteAllText(file, setting.Value + "\n");
        }
        Assert.Equal(0, trial.Complete().Code);
        Assert.Equal("in force", trial.Run!.Observed.Single(seen => seen.Key == "KERNEL_HARDENING").Result);

        trial.Reboot();
        File.WriteAllText(trial.Paths.At("/proc/sys/kernel/sysrq"), "176\n");
        File.Delete(trial.Paths.At("/proc/sys/kernel/kptr_restrict"));
        var (code, said) = trial.Complete();
        Assert.Equal(0, code);
        Assert.Contains("KERNEL_HARDENING=paranoid is not in force: 2 of ", said, StringComparison.Ordinal);
        var seen = trial.Run!.Observed.Single(each => each.Key == "KERNEL_HARDENING").Result;
        Assert.StartsWith("failed: 2 of ", seen, StringComparison.Ordinal);
        Assert.Contains("kernel.kptr_restrict is not there", seen, StringComparison.Ordinal);
        Assert.Contains("kernel.sysrq is 176, not 0", seen, StringComparison.Ordinal);
    }

    private static bool IsGone(string pid)
    {
        try
        {
            return File.ReadAllText($"/proc/{pid}/stat").Contains(" Z ", StringComparison.Ordinal);
        }
        catch (IOException)
        {
            return true;
        }
    }
}
