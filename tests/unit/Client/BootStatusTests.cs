using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Policy;
using Xunit;

namespace Qwamos.ControlBus.Tests.Client;

public sealed class BootStatusTests : IDisposable
{
    private readonly ClientTrial trial = new();
    private readonly SystemPaths paths;

    public BootStatusTests()
    {
        Assert.True(SystemPaths.TryCreate(trial.Root, out var made, out _));
        paths = made;
        TrialTree.MakeMissing(paths);
    }

    public void Dispose() => trial.Dispose();

    [Fact]
    public void A_boot_that_left_nothing_and_a_daemon_that_does_not_run_are_said()
    {
        Assert.Equal(0, trial.Run("boot", "status"));
        Assert.Equal(
            """
            this boot   not complete yet: qwamos-boot-complete has not run to its end

            the daemon does not answer: what waits for a reboot is not known

            """,
            trial.Output);
    }

    [Fact]
    public void It_says_what_is_on_trial_what_was_put_back_and_what_waits()
    {
        Write();
        using FakeBus bus = new(trial.Socket, """{"status":"ok","policy":{},"pending":{"BOOT_VERIFICATION":"strict"}}""");
        Assert.Equal(0, trial.Run("boot", "status"));
        Assert.Equal(
            """
            this boot   not complete: check net: exit code 1
            asked for   qwamos.skip
            tries left  1 of 2, after this boot

            on trial
              KERNEL_HARDENING = strict (entry 4): in force after one more reboot; before it: default (entry 2)

            last known good
              CRYPTO_BACKEND = legacy (entry 1)
              KERNEL_HARDENING = default (entry 2)

            put back
              CRYPTO_BACKEND=hybrid (entry 3) was put back to legacy (entry 1), recorded: 2 boots with it did not complete

            seen in the running system
              KERNEL_HARDENING: failed: 1 of 35 (one)

            waits for a reboot
              BOOT_VERIFICATION = strict

            the boot said
              nothing is applied

            """,
            trial.Output);
        Assert.False(trial.HasKey);
    }

    [Fact]
    public void Programs_get_the_same_as_json()
    {
        Write();
        Assert.Equal(0, trial.Run("boot", "status", "-o", "json"));
        Assert.Equal(
            """{"status":"ok","outcome":"incomplete","why":"check net: exit code 1","asked":"qwamos.skip","tries":2,"tries_left":1,"values":{"CRYPTO_BACKEND":{"value":"legacy","index":1,"result":"recorded","state":"good","before":null},"KERNEL_HARDENING":{"value":"strict","index":4,"result":"in force after one more reboot","state":"trial","before":{"value":"default","index":2}}},"last_known_good":{"CRYPTO_BACKEND":{"value":"legacy","index":1},"KERNEL_HARDENING":{"value":"default","index":2}},"put_back":{"CRYPTO_BACKEND":{"value":"hybrid","index":3,"good":{"value":"legacy","index":1},"result":"recorded","why":"2 boots with it did not complete"}},"observed":{"KERNEL_HARDENING":{"result":"failed: 1 of 35","detail":"one"}},"pending":null,"said":["nothing is applied"]}""",
            trial.Json.ToString());
    }

    [Fact]
    public void Another_boots_report_is_not_this_ones()
    {
        Write();
        File.WriteAllText(paths.BootIdFile, new string('b', BootId.Digits) + "\n");
        Assert.Equal(0, trial.Run("boot", "status"));
        Assert.StartsWith("this boot   not complete yet", trial.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void An_ID_that_is_none_is_a_failure_with_its_mend()
    {
        File.WriteAllText(paths.BootIdFile, "B\n");
        Assert.Equal(1, trial.Run("boot", "status"));
        Assert.Contains("rm " + paths.BootIdFile, trial.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{")]
    [InlineData("{\"format\":1}")]
    public void A_report_that_is_not_understood_is_a_failure(string content)
    {
        BootId.ReadOrMake(paths, out _);
        File.WriteAllText(paths.BootRunFile, content);
        Assert.Equal(1, trial.Run("boot", "status"));
        Assert.Contains("qwamos-boot.json: ", trial.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Attack21_What_the_boot_said_cannot_act_on_the_terminal()
    {
        new BootRun { Boot = BootId.ReadOrMake(paths, out _)!, Said = ["\u001b[2J\u202e"] }.Write(paths, null);
        Assert.Equal(0, trial.Run("boot", "status"));
        Assert.DoesNotContain('\u001b', trial.Output);
        Assert.DoesNotContain('\u202e', trial.Output);
    }

    [Fact]
    public void The_doctor_and_the_status_tell_of_it()
    {
        Write();
        using FakeBus bus = new(trial.Socket, """{"status":"ok","policy":{},"pending":{},"boot":{"time":1,"results":{},"put_back":{"CRYPTO_BACKEND":"CRYPTO_BACKEND=hybrid was put back"}}}""");
        trial.Run("doctor");
        Assert.Contains("is not complete: check net: exit code 1", trial.Output, StringComparison.Ordinal);
        Assert.Contains("CRYPTO_BACKEND=hybrid was put back", trial.Output, StringComparison.Ordinal);
        Assert.Equal(0, trial.Run("status"));
        Assert.Contains("put back by a boot\n  CRYPTO_BACKEND=hybrid was put back\n", trial.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_boot_in_which_a_check_failed_is_not_healthy()
    {
        Write();
        using FakeBus bus = new(trial.Socket, """{"status":"ok","policy":{},"pending":{},"storage":"ok","projections":"ok"}""");
        Assert.Equal(1, trial.Run("health"));
        Assert.Contains("; this boot is not complete: check net: exit code 1", trial.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("put back the last known good", trial.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_boot_that_put_something_back_is_not_healthy_and_the_next_one_is()
    {
        var boot = BootId.ReadOrMake(paths, out _)!;
        var back = new PutBack("CRYPTO_BACKEND", new Applied(PolicyValue.Of("hybrid"), 3), null, BootResult.Recorded, "2 boots with it did not complete");
        var run = new BootRun { Boot = boot, Outcome = BootOutcome.Complete, Assessment = BootAssessment.Empty.Return(back, boot) };
        run.Write(paths, null);
        using FakeBus bus = new(trial.Socket, """{"status":"ok","policy":{},"pending":{},"storage":"ok","projections":"ok"}""");
        trial.Run("health");
        Assert.Contains("; this boot put back the last known good of CRYPTO_BACKEND", trial.Output, StringComparison.Ordinal);
        (run with { Assessment = BootAssessment.Empty.Return(back, "an earlier one") }).Write(paths, null);
        trial.Run("health");
        Assert.DoesNotContain("this boot", trial.Output, StringComparison.Ordinal);
    }

    private void Write()
    {
        var legacy = new Applied(PolicyValue.Of("legacy"), 1);
        var assessment = BootAssessment.Empty
            .Try("CRYPTO_BACKEND", new Applied(PolicyValue.Of("hybrid"), 3), BootResult.Recorded, legacy, "a", 2)
            .Return(new PutBack("CRYPTO_BACKEND", new Applied(PolicyValue.Of("hybrid"), 3), legacy, BootResult.Recorded, "2 boots with it did not complete"), "b")
            .Try("KERNEL_HARDENING", new Applied(PolicyValue.Of("strict"), 4), BootResult.InForceAfterReboot, new Applied(PolicyValue.Of("default"), 2), "c", 2);
        new BootRun
        {
            Boot = BootId.ReadOrMake(paths, out _)!,
            Asked = "qwamos.skip",
            Outcome = BootOutcome.Incomplete,
            Why = "check net: exit code 1",
            Said = ["nothing is applied"],
            Observed = [BootResult.Failed("KERNEL_HARDENING", 4, "1 of 35", "one")],
            Assessment = assessment,
        }.Write(paths, null);
    }
}
