using System.Text.Json;
using System.Text.RegularExpressions;
using Qwamos.SystemTests.Harness;
using Xunit;

namespace Qwamos.SystemTests;

/// <summary>The built packages on a machine that boots: installed, upgraded under load, downgraded and removed by dpkg, with nothing else put there.</summary>
public sealed partial class PackagedTests
{
    /// <summary>How often the daemon ends while the load goes on: at the upgrade and at the downgrade.</summary>
    private const int Restarts = 2;

    [Fact]
    public void ThePackages_AndTheThreeCommandsThatTheyPrint_MakeASystem_WhoseStagedChangeTheNextBootApplies()
    {
        using InstalledSystem system = InstalledSystem.BootWithOperator();
        Container machine = system.Machine;

        DoNextCommands(system, system.InstallPackages(BuiltRelease.Once(), "qwamosctl", "qwamos-dom0"));

        system.Client("set KERNEL_HARDENING strict");
        Assert.Equal("strict", system.Status().GetProperty("pending").GetProperty("KERNEL_HARDENING").GetString());
        machine.Reboot();
        JsonElement after = system.Status();
        Assert.Equal("strict", after.GetProperty("policy").GetProperty("KERNEL_HARDENING").GetString());
        Assert.Empty(after.GetProperty("pending").EnumerateObject());
        Assert.StartsWith("# KERNEL_HARDENING=strict", machine.Do("cat /etc/sysctl.d/60-qwamos.conf"));
        Assert.Equal("", machine.Do("systemctl list-units --failed --no-legend 'qwamos*'"));
        Assert.Equal("", machine.Run("journalctl -b --no-pager -p warning -t systemd -g qwamos -q").Output);
        // What an operator asks for when something is wrong finds nothing wrong with what was installed.
        Assert.DoesNotContain("bad ", system.Client("doctor"));
    }

    [Fact]
    public void TheTarball_StartsWhatItInstalls_RestartsWhatRunsWhenRunAgain_AndRemovesNothingOfAPackage()
    {
        using InstalledSystem system = InstalledSystem.BootWithOperator();
        Container machine = system.Machine;
        File.Copy(BuiltRelease.Once().Tarball, machine.At("/root/qwamos.tar.gz"));
        machine.Do("cd /root && mkdir tree && tar -xzf qwamos.tar.gz -C tree --strip-components=1");
        Assert.Contains("install.sh dom0|gateway|client|link [--prefix DIR]", machine.Do("/root/tree/install.sh --help"));

        DoNextCommands(system, machine.Do("/root/tree/install.sh dom0"));
        const string Running = "systemctl is-active qwamosd.service qwamosd.socket qwamos-backup.timer qwamosd-metrics.socket qwamos-policy-apply.service qwamos-boot-complete.service";
        const string Expected = "active active active inactive inactive inactive";
        Assert.Equal(Expected, machine.Run(Running).Output.Trim().ReplaceLineEndings(" "));
        string first = machine.Do("systemctl show -P MainPID qwamosd");
        system.InstallPackages(BuiltRelease.Once(), "qwamos-gateway");

        machine.Do("/root/tree/install.sh dom0");
        Assert.NotEqual(first, machine.Do("systemctl show -P MainPID qwamosd"));
        Assert.Equal(Expected, machine.Run(Running).Output.Trim().ReplaceLineEndings(" "));
        system.Client("set RADIO_ISOLATION off");

        machine.Do("/root/tree/install.sh remove");
        Assert.Equal("", machine.Do("systemctl list-units --all --state=loaded,active,activating,failed --no-legend 'qwamosd*' 'qwamos-[!gh]*'"));
        Assert.NotEqual(0, machine.Run("pidof qwamosd").ExitCode);
        Assert.Equal("active\nactive", machine.Do("systemctl is-active gateway-policyd.socket qwamos-hook.socket").TrimEnd());
        Assert.Equal("enabled", machine.Do("systemctl is-enabled gateway-policyd.socket"));
    }

    [Fact]
    public void TheTarballsGateway_ServesADomainOfOnesOwnClass_WhoseHooksAreUnits_AndLeavesNothingRunning()
    {
        using InstalledSystem system = InstalledSystem.BootWithOperator();
        Container machine = system.Machine;
        File.Copy(BuiltRelease.Once().Tarball, machine.At("/root/qwamos.tar.gz"));
        machine.Do("cd /root && mkdir tree && tar -xzf qwamos.tar.gz -C tree --strip-components=1 && tree/install.sh dom0 && tree/install.sh gateway");
        OwnClass(machine);
        machine.Write("/etc/qwamos/domains.json", """{"domains":[{"name":"phone","class":"phone","link":"unix:/run/qwamos/phone-bus.sock"}]}""");
        machine.Write("/etc/qwamos/hooks.d/CLIPBOARD_ISOLATION", "#!/bin/sh\ncat /proc/self/cgroup >/var/lib/qwamos-hook/seen\n", "755");
        system.Enrol();
        machine.Do("systemctl enable -q --now gateway-policyd@phone.socket gateway-policyd@phone systemd-networkd && systemctl restart qwamosd-courier");

        machine.Reboot();
        system.Client("set CLIPBOARD_ISOLATION strict");
        machine.Await("gateway-policyd --domain phone status | grep -q 'CLIPBOARD_ISOLATION.*(done)'", "the hook has run");
        Assert.Contains("/qwamos-hook@", machine.Do("cat /var/lib/qwamos-hook/seen"), StringComparison.Ordinal);
        string process = machine.Do("systemctl show -P MainPID gateway-policyd@phone"), network = machine.Do("systemctl show -P MainPID systemd-networkd");
        Assert.Contains("qwamos-gateway-baseline.service", machine.Do("systemctl show -P Requires systemd-networkd"));

        machine.Do("/root/tree/install.sh remove");
        Assert.NotEqual(0, machine.Run($"test -e /proc/{process}").ExitCode);
        Assert.Equal(network, machine.Do("systemctl show -P MainPID systemd-networkd"));
        Assert.DoesNotContain("qwamos", machine.Do("systemctl show -P Requires systemd-networkd"));
        Assert.Equal("", machine.Do("systemctl list-units --all --state=loaded,active,activating,failed --no-legend 'gateway-policyd*' 'qwamos*'"));
    }

    [Fact]
    public void AnUpgradeUnderLoad_AndADowngrade_LoseNoAcknowledgedChange_AndNoClientFailsUnexplained()
    {
        using InstalledSystem system = InstalledSystem.BootWithOperator();
        Container machine = system.Machine;
        system.InstallPackages(BuiltRelease.Once(), "qwamosctl", "qwamos-dom0");
        system.Enrol();
        system.Client("set RADIO_ISOLATION off");
        string before = machine.Do("systemctl show -P MainPID qwamosd");
        machine.Write("/usr/local/bin/load", """
            #!/bin/sh
            cd /tmp/load
            n=0
            while [ ! -e stop ]; do
                n=$((n + 1))
                qwamosctl set RADIO_IDLE_TIMEOUT_MIN $((n % 900)) --reason "change $n" >out.$n 2>err.$n
                echo "$n $?" >>codes
            done
            touch ended
            """, "755");
        machine.Do("install -d -o ada /tmp/load");
        machine.Do("setpriv --reuid=ada --regid=ada --init-groups env HOME=/home/ada setsid -f load </dev/null >/dev/null 2>&1");
        AwaitChanges(machine, 5);

        system.InstallPackages(BuiltRelease.Next(), "qwamosctl", "qwamos-dom0");
        Assert.Equal("0.1.1 0.1.1", machine.Do("dpkg-query -W -f '${Version} ' qwamosctl qwamos-dom0").Trim());
        int during = Lines(machine.Do("cat /tmp/load/codes")).Length;
        AwaitChanges(machine, during + 5);
        Assert.NotEqual(before, machine.Do("systemctl show -P MainPID qwamosd"));

        system.InstallPackages(BuiltRelease.Once(), "qwamosctl", "qwamos-dom0");
        Assert.Equal("0.1.0 0.1.0", machine.Do("dpkg-query -W -f '${Version} ' qwamosctl qwamos-dom0").Trim());
        during = Lines(machine.Do("cat /tmp/load/codes")).Length;
        AwaitChanges(machine, during + 5);
        machine.Do("touch /tmp/load/stop");
        machine.Await("test -e /tmp/load/ended", "the load has ended");

        ILookup<string, string> ended = Lines(machine.Do("cat /tmp/load/codes")).Select(line => line.Split(' ')).ToLookup(pair => pair[1], pair => pair[0]);
        HashSet<string> recorded = [.. Lines(system.Client("audit show -o json")).Select(ReasonOf)];
        Assert.All(ended["0"], number => Assert.Contains($"change {number}", recorded));
        // The socket is systemd's and stays: clients wait in it. The one at most that a daemon had accepted and not read when it ended is told that.
        Assert.InRange(ended["3"].Count(), 0, Restarts);
        Assert.All(ended["3"], number => Assert.Matches("closed the connection (without an answer; whether it took the request is unknown|before it had the whole request)", machine.Do($"cat /tmp/load/err.{number}")));
        Assert.All(ended, code => Assert.True(code.Key is "0" or "3", $"changes ended with {code.Key}: {machine.Run($"cat /tmp/load/err.{code.First()}").Output}"));
        Assert.Contains("sound", machine.Do("systemctl stop qwamosd.socket qwamosd.service; qwamosd fsck"));
    }

    [Fact]
    public void AnUpgrade_RestartsOtherDomainsAndLinksThatRun_AndStartsNoneThatDoesNot()
    {
        using InstalledSystem system = InstalledSystem.BootEnrolled("qwamos-gateway", "qwamos-link");
        Container machine = system.Machine;
        machine.Write("/etc/qwamos/link.json", """{"listen":"tls:127.0.0.1:9443","to":"unix:/run/qwamos/phone-bus.sock"}""");
        OwnClass(machine);
        machine.Do("systemctl enable -q --now gateway-policyd@phone.socket gateway-policyd@phone.service qwamos-link-serve.service");
        string[] Running() => [.. Lines(machine.Do("systemctl show -P MainPID gateway-policyd@phone.service qwamos-link-serve.service")).Where(process => process != "0")];
        string[] before = Running();

        system.InstallPackages(BuiltRelease.Next(), "qwamos-gateway", "qwamos-link");

        string[] after = Running();
        Assert.Equal((2, 2, 4), (before.Length, after.Length, before.Union(after).Count()));
        Assert.Equal("inactive\ninactive", machine.Run("systemctl is-active qwamos-link-dial.service gateway-policyd@dom0.service").Output.TrimEnd());

        // Without its program none runs on.
        string domain = machine.Do("systemctl show -P MainPID gateway-policyd@phone.service");
        machine.Do("dpkg -r qwamos-gateway 2>&1");
        Assert.NotEqual(0, machine.Run($"test -e /proc/{domain}").ExitCode);
        Assert.Equal("", machine.Do("systemctl list-units --all --state=active,activating,failed --no-legend 'gateway-policyd*' 'qwamos-hook*'"));
        string said = machine.Do("QWAMOS_PURGE=all dpkg --purge qwamos-link 2>&1");
        Assert.DoesNotContain("warning", said, StringComparison.OrdinalIgnoreCase);
        Assert.Equal("", machine.Do("find /usr /etc /var/lib /run -path '*qwamos-link*' ! -path '/var/lib/systemd/*' ; find /etc/qwamos -name 'dom0.pins'"));
    }

    [Fact]
    public void Purge_LeavesKeysAndLedger_WhichAnInstallationTakesUpAgain_AndRemovesThemWhenAsked()
    {
        using InstalledSystem system = InstalledSystem.BootWithOperator();
        Container machine = system.Machine;
        system.InstallPackages(BuiltRelease.Once(), "qwamosctl", "qwamos-dom0", "qwamos-gateway");
        system.Enrol();
        system.Client("set RADIO_ISOLATION off");
        string ledger = machine.Do("sha256sum /var/lib/qwamos/ledger_sk /etc/qwamos/dom0.pub /etc/qwamos/system.id");
        string installed = machine.Do("find /usr /etc -path '*qwamos*' ! -name '*.conf'");
        Assert.NotEqual("", installed);

        string said = machine.Do("dpkg --purge qwamos-gateway qwamos-dom0 qwamosctl 2>&1");
        Assert.Equal(ledger, machine.Do("sha256sum /var/lib/qwamos/ledger_sk /etc/qwamos/dom0.pub /etc/qwamos/system.id"));
        Match removal = Regex.Match(said, "qwamos-dom0: the keys, the ledger .* as root:\n  (rm -r .*)");
        Assert.True(removal.Success, said);
        Assert.Contains(" /var/lib/qwamos ", removal.Groups[1].Value);
        Assert.Equal("/etc/qwamos\n/etc/qwamos/dom0.pub\n/etc/qwamos/system.id", machine.Do("find /usr /etc -path '*qwamos*' ! -name '60-qwamos.*' | sort"));
        // The manager may remember for a while what is no unit any more, as `not-found inactive`.
        Assert.Equal("", machine.Do("systemctl list-units --all --state=loaded,active,activating,failed --no-legend 'qwamos*' 'gateway-policyd*'"));
        Assert.Equal("ed25519_pk\ned25519_sk", machine.Do("ls /home/ada/.qwamos/dom0 | grep ed25519"));

        // Installed again it goes on where it was.
        Assert.DoesNotContain("next three commands", system.InstallPackages(BuiltRelease.Once(), "qwamosctl", "qwamos-dom0", "qwamos-gateway"));
        Assert.Equal("off", system.Status().GetProperty("policy").GetProperty("RADIO_ISOLATION").GetString());
        system.Client("set RADIO_ISOLATION on");

        // Nor is anything left of the administrator's own check, and of a unit that failed.
        machine.Write("/etc/qwamos/boot-checks.d/10-mine", "#!/bin/sh\nexit 1\n", "755");
        Assert.NotEqual(0, machine.Run("systemctl restart qwamos-boot-complete").ExitCode);
        said = machine.Do("QWAMOS_PURGE=all dpkg --purge qwamos-gateway qwamos-dom0 qwamosctl 2>&1");
        Assert.DoesNotContain("warning", said, StringComparison.OrdinalIgnoreCase);
        Assert.Equal("", machine.Do("systemctl list-units --failed --no-legend 'qwamos*' 'gateway-policyd*'"));
        Assert.Equal("", machine.Do("find /usr /etc /var/lib /run -path '*qwamos*' ! -path '/var/lib/systemd/*'"));
        Assert.Equal("ed25519_pk\ned25519_sk", machine.Do("ls /home/ada/.qwamos/dom0 | grep ed25519"));
    }

    /// <summary>A schema with a class that no package knows, `phone`, in place of `ui`.</summary>
    private static void OwnClass(Container machine) => machine.Do("sed -i 's/\"class\": \"ui\"/\"class\": \"phone\"/' /etc/qwamos/policy.schema.json && grep -q phone /etc/qwamos/policy.schema.json");

    /// <summary>Does what an installation prints as the next three commands: as who, and with the operator's name.</summary>
    private static void DoNextCommands(InstalledSystem system, string printed)
    {
        (string Who, string Command)[] next = [.. NextCommand().Matches(printed).Select(line => (line.Groups[1].Value, line.Groups[2].Value))];
        Assert.Equal(["as NAME", "as root", "as NAME, logged in again for the group"], next.Select(step => step.Who));
        foreach ((string who, string command) in next)
            system.AtTerminal(who == "as root" ? "root" : "ada", command.Replace("NAME", "ada", StringComparison.Ordinal), "yes");
        Assert.Equal("on", system.Status().GetProperty("policy").GetProperty("RADIO_ISOLATION").GetString());
    }

    private static void AwaitChanges(Container machine, int number) =>
        machine.Await($"test $(wc -l </tmp/load/codes) -ge {number}", $"the client has made {number} changes");

    private static string[] Lines(string text) => text.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    private static string ReasonOf(string line)
    {
        using JsonDocument entry = JsonDocument.Parse(line);
        return entry.RootElement.TryGetProperty("msg", out JsonElement message) && message.TryGetProperty("reason", out JsonElement reason) ? reason.GetString()! : "";
    }

    [GeneratedRegex("^  (as .*?):  (.*)$", RegexOptions.Multiline)]
    private static partial Regex NextCommand();
}
