using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Policy;
using Qwamos.Daemon.Boot;
using Xunit;

namespace Qwamos.ControlBus.Tests.Boot;

/// <summary>Values on trial, over several boots: counted, proven, put back.</summary>
public sealed class AssessmentTests : IDisposable
{
    private const string Key = "KERNEL_HARDENING";
    private readonly BootTrial trial = new();

    public void Dispose() => trial.Dispose();

    private string Level => File.ReadLines(trial.SysctlFile).First();

    private BootValueState State => trial.Assessment.Values[Key].State;

    [Fact]
    public void Two_boots_that_do_not_complete_are_counted_and_the_third_puts_back_what_was_there()
    {
        Prove("strict");
        trial.Set(Key, "paranoid");
        trial.Reboot();
        Assert.Equal((BootValueState.Trial, 1), (State, trial.Assessment.TriesLeft));
        trial.Import();
        Assert.Equal("paranoid", trial.State.Policy[Key].Value.ToLine());

        Assert.Contains("KERNEL_HARDENING=paranoid (entry 2) is on trial, and the last boot did not complete: this is its last try", trial.Reboot().Said, StringComparison.Ordinal);
        Assert.StartsWith("# KERNEL_HARDENING=paranoid", Level, StringComparison.Ordinal);

        var (code, said) = trial.Reboot();
        Assert.Equal(0, code);
        Assert.Contains("KERNEL_HARDENING=paranoid (entry 2) was put back to strict (entry 0), in force after one more reboot: 2 boots with it did not complete", said, StringComparison.Ordinal);
        Assert.StartsWith("# KERNEL_HARDENING=strict", Level, StringComparison.Ordinal);
        var back = Assert.Single(Assert.Single(trial.Notes, note => note.Kind == BootNoteKind.PutBack).Returned);
        Assert.Equal((Key, 2, 0), (back.Key, back.Away.Index, back.Good!.Value.Index));
        trial.Import();
        Assert.Equal(new Applied(PolicyValue.Of("strict"), 0), trial.State.Policy[Key]);

        // For good: no later boot tries it again, and once the import is remembered none writes anything.
        trial.Reboot();
        var before = trial.Everything();
        Assert.Contains("nothing is staged", trial.Reboot().Said, StringComparison.Ordinal);
        Assert.Equal(before.Where(IsKept), trial.Everything().Where(IsKept));
    }

    [Fact]
    public void A_daemon_that_never_comes_up_keeps_nothing_back_and_what_is_staged_still_is_not_applied_again()
    {
        // Nothing is imported in between: the ledger stages it in each of these boots.
        trial.Set(Key, "strict");
        trial.Reboot();
        trial.Reboot();
        Assert.Contains("was put back to its default, for it was never set before", trial.Reboot().Said, StringComparison.Ordinal);
        Assert.Contains("not applied again: KERNEL_HARDENING=strict (entry 0) was put back", trial.Reboot().Said, StringComparison.Ordinal);
        Assert.StartsWith("# KERNEL_HARDENING=default", Level, StringComparison.Ordinal);
        Assert.Single(trial.Notes, note => note.Kind == BootNoteKind.PutBack);
        trial.Import();
        Assert.Empty(trial.State.Policy);
        Assert.Empty(trial.State.Staged);

        // Set again, it is tried again.
        trial.Set(Key, "strict");
        trial.Reboot();
        Assert.Equal((BootValueState.Trial, 1), (State, trial.Assessment.TriesLeft));
        Assert.Empty(trial.Assessment.Returned);
    }

    [Fact]
    public void A_boot_that_completes_makes_the_last_known_good()
    {
        trial.Set("BOOT_VERIFICATION", "strict");
        trial.Reboot();
        Assert.Equal(BootOutcome.Begun, trial.Run!.Outcome);
        var (code, said) = trial.Complete();
        Assert.Equal(0, code);
        Assert.Contains("BOOT_VERIFICATION=strict (entry 0) is the last known good", said, StringComparison.Ordinal);
        Assert.Equal(BootOutcome.Complete, trial.Run!.Outcome);
        Assert.Equal(BootValueState.Good, trial.Assessment.Values["BOOT_VERIFICATION"].State);
        trial.Import();
        for (var boot = 0; boot < 4; boot++)
            Assert.Contains("nothing is staged", trial.Reboot().Said, StringComparison.Ordinal);
        Assert.Contains("BOOT_VERIFICATION=strict", File.ReadAllText(trial.Paths.At("/etc/qwamos/boot-verification.mode")), StringComparison.Ordinal);
    }

    [Fact]
    public void One_try_more_after_a_boot_that_did_not_complete_is_enough()
    {
        trial.Set("BOOT_VERIFICATION", "strict");
        trial.Reboot();
        trial.Import();
        trial.Reboot();
        Assert.Equal(0, trial.Assessment.TriesLeft);
        Assert.Equal(0, trial.Complete().Code);
        trial.Reboot();
        Assert.Equal(BootValueState.Good, trial.Assessment.Values["BOOT_VERIFICATION"].State);
    }

    [Fact]
    public void The_same_boot_is_counted_once_however_often_it_is_run()
    {
        trial.Set(Key, "strict");
        trial.Reboot();
        trial.Import();
        trial.Reboot();
        for (var run = 0; run < 3; run++)
        {
            trial.Boot();
            Assert.Equal(0, trial.Assessment.TriesLeft);
            Assert.StartsWith("# KERNEL_HARDENING=strict", Level, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_value_that_acts_one_boot_later_goes_on_trial_again_when_it_does()
    {
        trial.RunningWith("quiet");
        Prove("default");
        trial.Set(Key, "strict");
        trial.Reboot();
        Assert.Equal(0, trial.Complete().Code);
        Assert.Equal(BootValueState.Waiting, State);
        trial.Import();

        // update-grub was not run yet.
        trial.Reboot();
        Assert.Equal("in force after one more reboot", trial.Assessment.Values[Key].Result);
        Assert.Equal(0, trial.Complete().Code);

        trial.RunningWith(string.Join(' ', KernelHardeningLevel.Strict.Parameters.Select(p => p.Text)));
        Assert.Contains("KERNEL_HARDENING (entry 2): in force now, a reboot after it was applied", trial.Reboot().Said, StringComparison.Ordinal);
        Assert.Equal(BootValueState.Trial, State);
        Assert.Equal("in force", trial.Results[^1].Result);
        trial.Import();
        Assert.Equal("strict", trial.State.Policy[Key].Value.ToLine());

        // The kernel starts with it, and the machine does not work.
        trial.Reboot();
        Assert.Contains("KERNEL_HARDENING=strict (entry 2) was put back to default (entry 0)", trial.Reboot().Said, StringComparison.Ordinal);
        Assert.Single(trial.Notes, note => note.Kind == BootNoteKind.PutBack);
    }

    [Fact]
    public void Attack29_What_waits_for_one_more_reboot_stays_when_another_key_is_put_back()
    {
        trial.RunningWith("quiet");
        trial.Set(Key, "strict");
        trial.Reboot();
        Assert.Equal(0, trial.Complete().Code);
        trial.Import();
        var grub = File.ReadAllText(trial.GrubFile);
        trial.Set("BOOT_VERIFICATION", "strict");
        trial.Reboot();
        trial.Import();
        trial.Reboot();
        Assert.Contains("BOOT_VERIFICATION=strict (entry 2) was put back", trial.Reboot().Said, StringComparison.Ordinal);
        Assert.Equal(["BOOT_VERIFICATION"], trial.Assessment.Returned.Keys);
        Assert.Equal(BootValueState.Waiting, State);
        Assert.StartsWith("# KERNEL_HARDENING=strict", Level, StringComparison.Ordinal);
        Assert.Equal(grub, File.ReadAllText(trial.GrubFile));
    }

    [Fact]
    public void Wholly_in_force_and_complete_it_is_the_last_known_good_and_noted_once()
    {
        trial.Set(Key, "strict");
        trial.Reboot();
        trial.Import();
        trial.RunningWith(string.Join(' ', KernelHardeningLevel.Strict.Parameters.Select(p => p.Text)));
        trial.Reboot();
        trial.Boot();
        Assert.Equal(["in force"], trial.Results.Select(result => result.Result));
        Assert.Equal(0, trial.Complete().Code);
        Assert.Equal((BootValueState.Good, (Applied?)null), (State, trial.Assessment.Values[Key].Before));
    }

    [Fact]
    public void Skip_applies_nothing_counts_nothing_and_proves_nothing()
    {
        trial.Set(Key, "strict");
        trial.Reboot();
        trial.Import();
        trial.Set("BOOT_VERIFICATION", "strict");
        var before = trial.Everything();
        trial.RunningWith("root=/dev/sda1 qwamos.skip quiet");
        for (var boot = 0; boot < 3; boot++)
        {
            Assert.Equal((0, "qwamos.skip stands on the kernel command line: nothing is applied in this boot, counted or put back\n"), trial.Reboot());
            Assert.Equal(before.Where(IsKept), trial.Everything().Where(IsKept));
            Assert.Equal("qwamos.skip", trial.Run!.Asked);
        }
        Assert.Contains("this boot was not counted", trial.Complete().Said, StringComparison.Ordinal);
        Assert.Equal((BootValueState.Trial, 1), (State, trial.Assessment.TriesLeft));
        trial.RunningWith("quiet");
        trial.Reboot();
        Assert.True(File.Exists(trial.Paths.At("/etc/qwamos/boot-verification.mode")));
    }

    [Fact]
    public void Revert_puts_the_last_known_good_back_now_and_what_is_staged_waits()
    {
        Prove("strict");
        trial.Set(Key, "paranoid");
        trial.Reboot();
        trial.Import();
        trial.Set("BOOT_VERIFICATION", "strict");
        trial.RunningWith("qwamos.skip qwamos.revert");
        var (code, said) = trial.Reboot();
        Assert.Equal(0, code);
        Assert.Contains("paranoid (entry 2) was put back to strict (entry 0), in force after one more reboot: qwamos.revert stood on the kernel command line", said, StringComparison.Ordinal);
        Assert.Contains("BOOT_VERIFICATION (entry 4) waits for the next boot", said, StringComparison.Ordinal);
        Assert.StartsWith("# KERNEL_HARDENING=strict", Level, StringComparison.Ordinal);
        Assert.False(File.Exists(trial.Paths.At("/etc/qwamos/boot-verification.mode")));

        // Once more by hand in the same boot, the parameter or not: it ends in the same state.
        var after = trial.Everything();
        trial.Boot();
        trial.RunningWith("quiet");
        trial.Boot();
        Assert.Equal(after.Where(IsKept), trial.Everything().Where(IsKept));
        trial.Reboot();
        Assert.True(File.Exists(trial.Paths.At("/etc/qwamos/boot-verification.mode")));
    }

    [Fact]
    public void Revert_takes_away_what_was_never_wholly_in_force_although_a_boot_completed_with_it()
    {
        trial.Set(Key, "strict");
        trial.Reboot();
        trial.Complete();
        trial.Import();
        // The kernel did not start with the new parameters; somebody removed them at the boot loader.
        trial.RunningWith("quiet qwamos.revert=1");
        Assert.Contains("was put back to its default", trial.Reboot().Said, StringComparison.Ordinal);
        trial.Import();
        Assert.Empty(trial.State.Policy);
    }

    [Fact]
    public void Revert_without_a_trial_brings_back_what_somebody_removed()
    {
        trial.Set("BOOT_VERIFICATION", "strict");
        trial.Reboot();
        trial.Complete();
        trial.Import();
        var mode = trial.Paths.At("/etc/qwamos/boot-verification.mode");
        File.Delete(mode);
        trial.RunningWith("qwamos.revert");
        Assert.Contains("nothing is to be put back", trial.Reboot().Said, StringComparison.Ordinal);
        Assert.True(File.Exists(mode));
        Assert.DoesNotContain(trial.Notes, note => note.Kind == BootNoteKind.PutBack);
    }

    [Theory]
    [InlineData("qwamos.revert=maybe", "qwamos.revert=maybe on the kernel command line is not understood")]
    [InlineData("qwamos.revert qwamos.revert=no", "nothing is staged")]
    [InlineData("xqwamos.skip qwamos.skipx", "nothing is staged")]
    public void A_parameter_that_is_none_asks_for_nothing(string commandLine, string said)
    {
        trial.Set("BOOT_VERIFICATION", "strict");
        trial.Reboot();
        trial.Import();
        trial.RunningWith(commandLine);
        Assert.Contains(said, trial.Reboot().Said, StringComparison.Ordinal);
        Assert.Equal(BootValueState.Trial, trial.Assessment.Values["BOOT_VERIFICATION"].State);
    }

    [Theory]
    [InlineData("no anchor")]
    [InlineData("another anchor")]
    [InlineData("no ledger")]
    [InlineData("no memory")]
    [InlineData("half a memory")]
    [InlineData("bad schema")]
    [InlineData("clock")]
    public void Attack29_Whatever_else_is_wrong_the_last_known_good_is_put_back(string wrong)
    {
        trial.Set(Key, "strict");
        trial.Reboot();
        trial.Import();
        switch (wrong)
        {
            case "no anchor": File.Delete(trial.Paths.AnchorFile); break;
            case "another anchor": File.WriteAllBytes(trial.Paths.AnchorFile, SigningKey.Generate().Public.Raw.ToArray()); break;
            case "no ledger": File.Delete(trial.Paths.LedgerFile); break;
            case "no memory": File.Delete(trial.Paths.BootMemoryFile); break;
            case "half a memory": File.WriteAllText(trial.Paths.BootMemoryFile, "{\"format\":1,"); break;
            case "bad schema": File.WriteAllText(trial.Paths.SchemaFile, "{"); break;
            default: trial.Clock.Seconds = 3; break;
        }
        trial.Reboot();
        var (code, said) = trial.Reboot();
        Assert.Equal(0, code);
        Assert.Contains("was put back to its default", said, StringComparison.Ordinal);
        Assert.StartsWith("# KERNEL_HARDENING=default", Level, StringComparison.Ordinal);
        Assert.Contains(trial.Run!.Said, line => line.Contains("was put back", StringComparison.Ordinal));
    }

    [Fact]
    public void The_ledger_is_told_as_soon_as_it_can_be_read_again()
    {
        trial.Set(Key, "strict");
        trial.Reboot();
        trial.Import();
        var memory = File.ReadAllText(trial.Paths.BootMemoryFile);
        File.WriteAllText(trial.Paths.BootMemoryFile, "");
        trial.Reboot();
        trial.Reboot();
        Assert.DoesNotContain(trial.Notes, note => note.Kind == BootNoteKind.PutBack);
        File.WriteAllText(trial.Paths.BootMemoryFile, memory);
        trial.Reboot();
        Assert.Single(trial.Notes, note => note.Kind == BootNoteKind.PutBack);
        trial.Import();
        Assert.Empty(trial.State.Policy);
    }

    [Theory]
    [InlineData("{\"format\":1,")]
    [InlineData("")]
    [InlineData("{\"format\":2}")]
    public void Half_a_state_is_not_believed_and_nothing_is_applied(string content)
    {
        trial.Set(Key, "strict");
        trial.Reboot();
        trial.Import();
        trial.Set("BOOT_VERIFICATION", "strict");
        File.WriteAllText(trial.Paths.BootAssessmentFile, content);
        var (code, said) = trial.Reboot();
        Assert.Equal(0, code);
        Assert.Contains($"nothing is applied: {trial.Paths.BootAssessmentFile}: ", said, StringComparison.Ordinal);
        Assert.False(File.Exists(trial.Paths.At("/etc/qwamos/boot-verification.mode")));
        Assert.Equal(1, trial.Complete().Code);
        Assert.Equal(content, File.ReadAllText(trial.Paths.BootAssessmentFile));
    }

    [Fact]
    public void Attack27_State_that_others_can_write_or_that_is_a_link_is_not_believed()
    {
        trial.Set(Key, "strict");
        trial.Reboot();
        trial.Import();
        trial.Set("BOOT_VERIFICATION", "strict");
        File.SetUnixFileMode(trial.Paths.BootAssessmentFile, (UnixFileMode)0x1B6);
        Assert.Contains("writable by others", trial.Reboot().Said, StringComparison.Ordinal);
        var elsewhere = trial.Paths.At("/elsewhere");
        File.Move(trial.Paths.BootAssessmentFile, elsewhere);
        File.SetUnixFileMode(elsewhere, BootFolder.FileMode);
        File.CreateSymbolicLink(trial.Paths.BootAssessmentFile, elsewhere);
        Assert.Contains("is a symbolic link", trial.Reboot().Said, StringComparison.Ordinal);
        Assert.Contains("is a symbolic link", trial.Complete().Said, StringComparison.Ordinal);
        Assert.False(File.Exists(trial.Paths.At("/etc/qwamos/boot-verification.mode")));
    }

    [Fact]
    public void A_change_that_fails_takes_no_try_from_what_is_on_trial()
    {
        trial.Set(Key, "strict");
        trial.Reboot();
        trial.Import();
        trial.Set("BOOT_VERIFICATION", "strict");
        var applier = new ScriptedApplier("BOOT_VERIFICATION") { FailsToApply = true };
        Assert.Equal(1, trial.Reboot(applier, new KernelHardening(trial.Paths)).Code);
        Assert.Equal(0, trial.Assessment.TriesLeft);
        Assert.False(trial.Assessment.Values.ContainsKey("BOOT_VERIFICATION"));
        Assert.Contains("was put back", trial.Reboot(applier, new KernelHardening(trial.Paths)).Said, StringComparison.Ordinal);
    }

    [Fact]
    public void What_cannot_be_put_back_is_said_and_tried_at_the_next_boot()
    {
        var applier = new ScriptedApplier();
        trial.Set(Key, "strict");
        trial.Reboot(applier);
        trial.Import();
        trial.Reboot(applier);
        applier.FailsToApply = true;
        var (code, said) = trial.Reboot(applier);
        Assert.Equal(1, code);
        Assert.Contains("KERNEL_HARDENING=default: failed: no space left", said, StringComparison.Ordinal);
        applier.FailsToApply = false;
        Assert.Contains("was put back", trial.Reboot(applier).Said, StringComparison.Ordinal);
        Assert.Equal("default", applier.Value);
    }

    [Fact]
    public void Applied_by_hand_in_a_boot_that_is_complete_the_next_boot_is_the_first_try()
    {
        trial.Set("RADIO_ISOLATION", "off");
        trial.Reboot();
        Assert.Equal(0, trial.Complete().Code);
        trial.Set(Key, "strict");
        trial.Boot();
        Assert.Equal(2, trial.Assessment.TriesLeft);
        Assert.Contains("complete already", trial.Complete().Said, StringComparison.Ordinal);
        Assert.Equal(BootValueState.Trial, State);
        trial.Import();
        trial.Reboot();
        Assert.Equal(1, trial.Assessment.TriesLeft);
    }

    [Fact]
    public void Applied_by_hand_in_a_boot_that_went_on_without_it_a_value_is_not_proven_by_that_boot()
    {
        // As after an installation: the daemon's socket is there, and no boot was assessed yet.
        trial.Set(Key, "strict");
        Directory.CreateDirectory(trial.Paths.RunDir);
        File.WriteAllText(trial.Paths.BusSocket, "");
        trial.Boot();
        trial.Boot();
        Assert.Equal((BootValueState.Trial, 2), (State, trial.Assessment.TriesLeft));
        Assert.Contains("this boot was not counted", trial.Complete().Said, StringComparison.Ordinal);
        Assert.Equal(BootValueState.Trial, State);
        trial.Import();

        File.Delete(trial.Paths.BusSocket);
        trial.Reboot();
        Assert.Equal(1, trial.Assessment.TriesLeft);
        Assert.Equal(0, trial.Complete().Code);
        Assert.NotEqual(BootValueState.Trial, State);
    }

    [Fact]
    public void The_number_of_tries_is_configured_and_a_bad_configuration_does_not_stop_the_boot()
    {
        File.WriteAllText(trial.Paths.DaemonConfigFile, """{"gateways":[],"boot_tries":4}""");
        trial.Set(Key, "strict");
        trial.Reboot();
        Assert.Equal((4, 3), (trial.Assessment.Tries, trial.Assessment.TriesLeft));
        trial.Import();
        File.WriteAllText(trial.Paths.DaemonConfigFile, """{"gateways":[],"boot_tries":11}""");
        trial.Set(Key, "paranoid");
        Assert.Contains("a staged value gets 2 boots: ", trial.Reboot().Said, StringComparison.Ordinal);
        Assert.Equal((2, 1), (trial.Assessment.Tries, trial.Assessment.TriesLeft));
    }

    [Fact]
    public void Put_in_place_before_there_was_this_memory_it_is_the_last_known_good()
    {
        Prove("strict");
        File.Delete(trial.Paths.BootAssessmentFile);
        trial.Set(Key, "paranoid");
        trial.Reboot();
        Assert.Equal(new Applied(PolicyValue.Of("strict"), 0), trial.Assessment.Values[Key].Before);

        // Unless root's own files say otherwise than the ledger, which qwamosd's account could have made say so.
        File.Delete(trial.Paths.BootAssessmentFile);
        File.Delete(trial.SysctlFile);
        trial.Import();
        trial.Set(Key, "default");
        trial.Reboot();
        Assert.Null(trial.Assessment.Values[Key].Before);
    }

    [Fact]
    public void Attack13_What_was_put_back_brings_no_older_change_with_it()
    {
        Prove("strict");
        trial.Set(Key, "paranoid");
        trial.Reboot();
        trial.Import();
        trial.Reboot();
        trial.Reboot();
        trial.Import();
        Assert.Equal(trial.Memory.Timestamps[Key], trial.State.LastTimestamps[Key]);
        Assert.Equal(1_800_000_000 + 2 + 100, trial.State.LastTimestamps[Key]);
    }

    [Fact]
    public void No_applier_serves_a_confidential_key_for_what_is_on_trial_is_shown() =>
        Assert.All(ApplyPendingCommand.Appliers(trial.Paths), applier => Assert.False(PolicySchema.BuiltIn.TryGet(applier.Key, out var key) && key.IsConfidential));

    /// <summary>A value that is the last known good, as a system has it that ran for a while; entries 0 and 1.</summary>
    private void Prove(string level)
    {
        trial.Set(Key, level);
        trial.Reboot();
        trial.Import();
        var assessment = trial.Assessment;
        Assert.Equal(0, trial.Complete().Code);
        new BootFolder(trial.Paths).WriteAssessment(assessment with { Values = assessment.Values.SetItem(Key, assessment.Values[Key] with { State = BootValueState.Good, Before = null }) });
    }

    private static bool IsKept(KeyValuePair<string, string> file) => !file.Key.StartsWith("/proc/", StringComparison.Ordinal);
}
