using System.Globalization;
using System.Text.RegularExpressions;
using Qwamos.SystemTests.Harness;
using Xunit;

namespace Qwamos.SystemTests;

/// <summary>Hooks as systemd runs them on a machine with the packages: each a unit of its own, in an account of its own, that ends with its daemon.</summary>
public sealed partial class InstalledHookTests
{
    private const string Left = "/var/lib/qwamos-hook/left";

    [Fact]
    public void AHook_IsAUnitOfItsOwn_ThatCannotTouchTheDaemon_AndLeavesNothingRunning()
    {
        using InstalledSystem system = BootWithHook("""
            cd /var/lib/qwamos-hook
            exec >seen 2>errors
            cat /proc/self/cgroup
            id -un
            ls /proc/self/fd | tr '\n' ' '
            ls /var/lib/qwamos-gateway
            kill -0 $(cat /run/daemon)
            python3 -c 'import socket; socket.socket(socket.AF_UNIX).connect("/run/qwamos/hook.sock")'
            setsid sleep 1000 &
            echo $! >left
            """);
        Container machine = system.Machine;
        machine.Do("systemctl show -P MainPID gateway-policyd >/run/daemon");

        system.Client("set RADIO_ISOLATION off");

        machine.Await("gateway-policyd status | grep -q 'RADIO_ISOLATION.*(done)'", "the hook has run");
        string[] seen = machine.Do("cat /var/lib/qwamos-hook/seen").Split('\n');
        // Lines of older hierarchies may stand before that of the manager's own.
        Assert.Contains(seen, line => UnitsGroup().IsMatch(line));
        // The fourth descriptor is the directory that ls itself reads.
        Assert.Equal(["qwamos-hook", "0 1 2 3 "], seen[^2..]);
        string[] errors = machine.Do("cat /var/lib/qwamos-hook/errors").Split('\n');
        Assert.Contains(errors, line => line.Contains("/var/lib/qwamos-gateway", StringComparison.Ordinal) && line.EndsWith("Permission denied", StringComparison.Ordinal));
        Assert.Contains(errors, line => line.Contains("kill", StringComparison.Ordinal));
        Assert.Contains("PermissionError: [Errno 13] Permission denied", errors);
        AwaitEnd(machine);
        machine.Await("test -z \"$(systemctl list-units --all --no-legend 'qwamos-hook@*')\"", "nothing stays of the unit");
        Assert.Contains(machine.Journal(), line => line.Message.EndsWith("hooks run as units of their own, by /run/qwamos/hook.sock", StringComparison.Ordinal));

        const string Connects = "python3 -c 'import socket; socket.socket(socket.AF_UNIX).connect(\"/run/qwamos/hook.sock\")'";
        string[] admitted = [.. ((string[])["qwamos-gateway", "qwamos-hook", "qwamos-courier", "qwamos", "ada", "nobody"]).Where(user => machine.Run($"setpriv --reuid={user} --regid=$(id -g {user}) --init-groups {Connects}").ExitCode == 0)];
        Assert.Equal(["qwamos-gateway"], admitted);
    }

    [Fact]
    public void Attack32_AHookPastItsTime_IsEnded_WithWhatItHidFromItsProcessGroup()
    {
        using InstalledSystem system = BootWithHook($"trap '' TERM HUP; setsid sleep 1000 & echo $! >{Left}; sleep 1000");
        system.Client("set RADIO_ISOLATION off");
        system.Machine.Await("gateway-policyd status | grep -q 'failed: still running after 10 s, killed'", "the daemon is told");
        AwaitEnd(system.Machine);
    }

    [Fact]
    public void Attack32_WhenTheDaemonIsKilled_ItsHookIsEnded_AndTheNextStartRunsItAgain()
    {
        using InstalledSystem system = BootWithHook($"test ! -e {Left} || exit 0; trap '' TERM HUP; setsid sleep 1000 & echo $! >{Left}; sleep 1000");
        Container machine = system.Machine;
        system.Client("set RADIO_ISOLATION off");
        machine.Await($"test -s {Left}", "the hook runs");
        machine.Do("systemctl kill -s KILL gateway-policyd");
        AwaitEnd(machine);
        machine.Await("gateway-policyd status | grep -q 'RADIO_ISOLATION.*(done)'", "the next daemon has had it run again");

        // A stop of the daemon, which is no failure, ends it, too; and the socket that is away is said, not run around.
        machine.Do($"rm {Left}");
        system.Client("set RADIO_ISOLATION on");
        machine.Await($"test -s {Left}", "the hook runs");
        machine.Do("systemctl stop gateway-policyd.socket gateway-policyd");
        AwaitEnd(machine);
        machine.Do("systemctl start gateway-policyd && systemctl stop qwamos-hook.socket");
        system.Client("set RADIO_ISOLATION off");
        machine.Await("gateway-policyd status | grep -q 'by which hooks are run: systemctl restart qwamos-hook.socket'", "what is wrong is said");
    }

    [Fact]
    public void Dom0sOwnDomain_HasAnAccountOfItsOwn_WhichTheCourierReaches_AndWhoseHooksAreUnits()
    {
        using InstalledSystem system = InstalledSystem.BootEnrolled("qwamos-gateway");
        Container machine = system.Machine;
        machine.Write("/etc/qwamos/domains.json", """{"domains":[{"name":"dom0","class":"dom0","link":"unix:/run/qwamos/dom0-bus.sock"}]}""");
        WriteHook(machine, "DURESS.enabled", "{ cat /proc/self/cgroup; cat; } >/var/lib/qwamos-hook/seen; ls /var/lib/qwamos /var/lib/qwamos-dom0 2>/var/lib/qwamos-hook/errors; true");
        machine.Do("systemctl disable -q --now gateway-policyd.socket gateway-policyd; systemctl enable -q --now gateway-policyd@dom0.socket gateway-policyd@dom0; systemctl restart qwamosd qwamosd-courier");

        system.Client("set DURESS.enabled true");

        machine.Await("gateway-policyd --domain dom0 status | grep -q 'DURESS.enabled.*(done)'", "the hook has run");
        string seen = machine.Do("cat /var/lib/qwamos-hook/seen");
        Assert.Contains("/qwamos-hook@", seen, StringComparison.Ordinal);
        Assert.Contains("\"key\":\"DURESS.enabled\",\"value\":true}", seen, StringComparison.Ordinal);
        Assert.Equal(2, machine.Do("cat /var/lib/qwamos-hook/errors").Split('\n').Count(line => line.EndsWith("Permission denied", StringComparison.Ordinal)));
        Assert.Equal("qwamos-gateway", machine.Do("ps -o user= -p $(systemctl show -P MainPID gateway-policyd@dom0)"));
        Assert.Equal("700 qwamos-gateway /var/lib/qwamos-dom0\n660 qwamos /run/qwamos/dom0-bus.sock", machine.Do("stat -c '%a %U %n' /var/lib/qwamos-dom0 && stat -c '%a %G %n' /run/qwamos/dom0-bus.sock"));
        // Taken over, it can neither read nor change what is qwamosd's; nor can qwamosd what is its.
        string AsGateway(string command) => machine.Run($"setpriv --reuid=qwamos-gateway --regid=qwamos-gateway --init-groups {command}").Output;
        Assert.Equal("", AsGateway("cat /var/lib/qwamos/ledger.db /var/lib/qwamos/ledger_sk"));
        Assert.Equal("", AsGateway(@"find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /tmp -o -path /var/tmp -o -path /run -o -path /var/lib/qwamos-dom0 \) -prune -o -writable ! -type l -print"));
        Assert.NotEqual(0, machine.Run("setpriv --reuid=qwamos --regid=qwamos --init-groups ls /var/lib/qwamos-dom0").ExitCode);
    }

    private static InstalledSystem BootWithHook(string script)
    {
        InstalledSystem system = InstalledSystem.BootEnrolled("qwamos-gateway");
        try
        {
            Container machine = system.Machine;
            machine.Write("/etc/qwamos/qwamosd.json", """{"gateways":[{"name":"gateway","class":"gateway","socket":"/run/qwamos/gateway-bus.sock"}]}""");
            WriteHook(machine, "RADIO_ISOLATION", script);
            machine.Do("systemctl reset-failed; systemctl restart gateway-policyd.socket gateway-policyd.service qwamosd.service");
            return system;
        }
        catch
        {
            system.Dispose();
            throw;
        }
    }

    private static void WriteHook(Container machine, string key, string script) =>
        machine.Write("/etc/qwamos/hooks.d/" + key, "#!/bin/sh\n" + script.ReplaceLineEndings("\n") + "\n", "755");

    [GeneratedRegex(@"^0::.*/qwamos-hook@\d+-\d+-\d+\.service$")]
    private static partial Regex UnitsGroup();

    /// <summary>The process that the hook noted is gone.</summary>
    private static void AwaitEnd(Container machine)
    {
        int process = int.Parse(machine.Do($"cat {Left}"), CultureInfo.InvariantCulture);
        machine.Await($"test ! -e /proc/{process}", "what the hook started is gone");
    }
}
