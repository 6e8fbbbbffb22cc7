using System.Text.Json;
using Qwamos.SystemTests.Harness;
using Xunit;

namespace Qwamos.SystemTests;

/// <summary>Boot assessment in a machine that really boots: its units, and what stands on its kernel command line.</summary>
public sealed class BootAssessmentTests
{
    private const string Strict = "init_on_alloc=1 init_on_free=1 slab_nomerge page_alloc.shuffle=1 randomize_kstack_offset=on vsyscall=none lockdown=integrity";
    private const string Broken = "/etc/broken";

    [Fact]
    public void ValuesAreOnTrial_ProvenByGoodBoots_AndPutBackAfterTwoThatDoNotComplete_OrWhenAskedFor()
    {
        using InstalledSystem system = InstalledSystem.BootInstalled();
        Container machine = system.Machine;
        machine.Write("/etc/qwamos/boot-checks.d/10-works", $"#!/bin/sh\nexec test ! -e {Broken}\n", "755");
        machine.StartWith("quiet", "qwamos-policy-apply.service", "qwamos-boot-complete.service");
        machine.Reboot();
        system.Enrol();
        // Before anybody was enrolled there was no daemon, so that this boot was not complete; it is finished without another.
        machine.Do("systemctl start qwamos-boot-complete.service");
        Assert.Equal("complete", Boot(system).GetProperty("outcome").GetString());
        system.Client("set KERNEL_HARDENING strict BOOT_VERIFICATION strict");

        // A good boot keeps the values. One of them waits for another: then the kernel's command line has it.
        machine.Reboot();
        JsonElement boot = Boot(system);
        Assert.Equal(("complete", "good", "waiting"), (boot.GetProperty("outcome").GetString(), State(boot, "BOOT_VERIFICATION"), State(boot, "KERNEL_HARDENING")));
        Assert.Matches(@"KERNEL_HARDENING +strict  \(after one more reboot\)", system.Client("status"));
        Assert.Equal("active", machine.Do("systemctl is-active qwamos-boot-complete.service"));
        machine.Do("systemctl stop qwamosd.service && systemctl start qwamosd.service");
        Assert.Equal("active", machine.Do("systemctl is-active qwamos-boot-complete.service"));
        Assert.Equal(0, system.As("ada", "qwamosctl health").ExitCode);
        string[] order = [.. machine.Journal().Select(line => line.Message)];
        int reached = Array.FindIndex(order, message => message.StartsWith("Reached target multi-user.target", StringComparison.Ordinal));
        int complete = Array.FindIndex(order, message => message == "this boot is complete");
        Assert.True(reached >= 0 && reached < complete, string.Join('\n', order));

        // In force, by looking, and on trial for it; and the machine does not work with it.
        machine.StartWith("quiet " + Strict);
        machine.Do("touch " + Broken);
        machine.Reboot();
        boot = Boot(system);
        Assert.Equal(("incomplete", "check 10-works: exit code 1"), (boot.GetProperty("outcome").GetString(), boot.GetProperty("why").GetString()));
        Assert.Equal(("trial", 1), (State(boot, "KERNEL_HARDENING"), boot.GetProperty("tries_left").GetInt32()));
        Assert.DoesNotContain("after one more reboot", system.Client("status"));
        Assert.Equal("in force", system.Status().GetProperty("boot").GetProperty("results").GetProperty("KERNEL_HARDENING").GetString());
        Assert.Contains("qwamos-boot-complete.service", machine.Do("systemctl list-units --failed --no-legend --plain"));
        Assert.Contains("is not complete: check 10-works: exit code 1", system.As("ada", "qwamosctl doctor").Output);
        Assert.Equal(1, system.As("ada", "qwamosctl health").ExitCode);
        Assert.StartsWith("check 10-works: exit code 1\n", machine.Do("journalctl -b -q -o cat -p warning _SYSTEMD_UNIT=qwamos-boot-complete.service"));
        ForgeNothing(machine);

        // Skipped, a boot neither counts nor changes anything.
        machine.StartWith($"quiet {Strict} qwamos.skip");
        machine.Reboot();
        boot = Boot(system);
        Assert.Equal(("qwamos.skip", "trial", 1), (boot.GetProperty("asked").GetString(), State(boot, "KERNEL_HARDENING"), boot.GetProperty("tries_left").GetInt32()));

        machine.StartWith("quiet " + Strict);
        machine.Reboot();
        Assert.Equal(0, Boot(system).GetProperty("tries_left").GetInt32());
        Assert.StartsWith("# KERNEL_HARDENING=strict", machine.Do("cat /etc/sysctl.d/60-qwamos.conf"));

        // The tries are spent.
        machine.Reboot();
        const string PutBack = "KERNEL_HARDENING=strict (entry 0) was put back to its default, for it was never set before, in force after one more reboot: 2 boots with it did not complete";
        Assert.Contains(machine.Journal(), line => line.Unit == "qwamos-policy-apply.service" && line.Message == PutBack);
        Assert.Contains(PutBack, machine.Do("journalctl -b -q -o cat -p warning _SYSTEMD_UNIT=qwamos-policy-apply.service"));
        Assert.Equal(1, system.As("ada", "qwamosctl health").ExitCode);
        Assert.Contains(PutBack, system.Client("boot status"));
        Assert.Contains(PutBack, system.Client("status"));
        Assert.Contains(PutBack, system.Client("audit show"));
        Assert.Contains("sound", machine.Do("qwamosd fsck"));
        Assert.StartsWith("# KERNEL_HARDENING=default", machine.Do("cat /etc/sysctl.d/60-qwamos.conf"));
        JsonElement policy = system.Status().GetProperty("policy");
        Assert.False(policy.TryGetProperty("KERNEL_HARDENING", out _));
        Assert.Equal("strict", policy.GetProperty("BOOT_VERIFICATION").GetString());

        // Asked for, the last known good is there at once.
        system.Client("set BOOT_VERIFICATION off");
        machine.Reboot();
        Assert.Contains("=off", machine.Do("cat /etc/qwamos/boot-verification.mode"));
        machine.StartWith("quiet qwamos.revert");
        machine.Reboot();
        Assert.Contains("=strict", machine.Do("cat /etc/qwamos/boot-verification.mode"));
        Assert.Equal("strict", system.Status().GetProperty("policy").GetProperty("BOOT_VERIFICATION").GetString());
        Assert.Contains("put back to strict (entry 0), recorded: qwamos.revert stood on the kernel command line", system.Client("boot status"));
    }

    /// <summary>ATTACKS 13 and 27: the daemon's account, taken over, can neither end the trial nor stretch it.</summary>
    private static void ForgeNothing(Container machine)
    {
        const string AsAccount = "setpriv --reuid=qwamos --regid=qwamos --init-groups ";
        const string Hash = "sha256sum /var/lib/qwamos-boot/assessment.json /run/qwamos-boot.json";
        string before = machine.Do(Hash);
        foreach (string attempt in (string[])
            ["qwamosd boot-complete", "qwamosd apply-pending", "rm -f /var/lib/qwamos-boot/assessment.json", "sh -c 'echo >/var/lib/qwamos-boot/assessment.json'", "sh -c 'echo >/run/qwamos-boot.json'",
                "mv /run/qwamos-boot.json /run/x", "rm -f /etc/qwamos/boot-checks.d/10-works", "touch /etc/qwamos/boot-checks.d/20-mine", "rm -f " + Broken, "systemctl start qwamos-boot-complete"])
            Assert.NotEqual(0, machine.Run(AsAccount + attempt).ExitCode);
        Assert.Equal(before, machine.Do(Hash));
        Assert.Equal("640 root qwamos\n640 root qwamos", machine.Do("stat -c '%a %U %G' /var/lib/qwamos-boot/assessment.json /run/qwamos-boot.json"));
    }

    private static JsonElement Boot(InstalledSystem system) => JsonDocument.Parse(system.Client("boot status -o json")).RootElement;

    private static string? State(JsonElement boot, string key) => boot.GetProperty("values").GetProperty(key).GetProperty("state").GetString();
}
