using System.Text.Json;
using Qwamos.SystemTests.Harness;
using Xunit;

namespace Qwamos.SystemTests;

/// <summary>The programs as they run on a real system: installed from the packages, started and confined by systemd, in a machine that boots and reboots.</summary>
public sealed class InstalledTests
{
    private const string Restarts = "systemctl show -P NRestarts qwamosd";
    private const string MainPid = "systemctl show -P MainPID qwamosd";

    [Fact]
    public void AStagedChange_IsAppliedByTheNextBoot_BeforeTheKernelsSettingsAreLoaded()
    {
        using InstalledSystem system = InstalledSystem.BootEnrolled();
        Container machine = system.Machine;
        system.Client("set RADIO_ISOLATION off");
        system.Client("set KERNEL_HARDENING strict BOOT_VERIFICATION strict");
        JsonElement before = system.Status();
        Assert.Equal("off", before.GetProperty("policy").GetProperty("RADIO_ISOLATION").GetString());
        Assert.Equal("strict", before.GetProperty("pending").GetProperty("KERNEL_HARDENING").GetString());

        machine.Reboot();

        string boot = machine.Do("journalctl -b --no-pager -u qwamos-policy-apply");
        Assert.True(machine.Do("systemctl list-units --failed --no-legend 'qwamos*'").Length == 0, boot);
        JsonElement after = system.Status();
        Assert.Equal("strict", after.GetProperty("policy").GetProperty("KERNEL_HARDENING").GetString());
        Assert.Empty(after.GetProperty("pending").EnumerateObject());
        Assert.StartsWith("# KERNEL_HARDENING=strict", machine.Do("cat /etc/sysctl.d/60-qwamos.conf"));
        // Once a boot, finished before what it must come before, by the manager's own account.
        string[] order = [.. machine.Journal().Select(line => line.Message)];
        int applied = Array.FindIndex(order, message => message.StartsWith("Finished qwamos-policy-apply.service", StringComparison.Ordinal));
        int settings = Array.FindIndex(order, message => message.Contains("systemd-sysctl.service", StringComparison.Ordinal));
        int sysinit = Array.FindIndex(order, message => message.StartsWith("Reached target sysinit.target", StringComparison.Ordinal));
        int served = Array.FindIndex(order, message => message.StartsWith("Started qwamosd.service", StringComparison.Ordinal));
        Assert.True(applied >= 0 && applied < settings && settings < sysinit && sysinit < served, string.Join('\n', order));
    }

    [Fact]
    public void ADaemonThatIsKilled_OrHangs_IsStartedAgain_WhileItsClientsWait()
    {
        using InstalledSystem system = InstalledSystem.BootEnrolled();
        Container machine = system.Machine;
        machine.Write("/etc/systemd/system/qwamosd.service.d/impatient.conf", "[Service]\nWatchdogSec=2s\n");
        machine.Do("systemctl daemon-reload && systemctl restart qwamosd");
        string first = machine.Do(MainPid);

        machine.Do($"kill -KILL {first}");
        system.Client("set RADIO_ISOLATION off"); // at once: the socket is systemd's, and keeps it until the next daemon is there
        Assert.Equal("1", machine.Do(Restarts));
        string second = machine.Do(MainPid);
        Assert.NotEqual(first, second);

        machine.Do($"kill -STOP {second}");
        system.Client("set RADIO_ISOLATION on");
        Assert.Equal("2", machine.Do(Restarts));
        Assert.Contains(machine.Journal(), line => line.Message.Contains("Watchdog timeout", StringComparison.Ordinal));
        Assert.Equal(2, system.Status().GetProperty("size").GetInt64());
        Assert.Contains(machine.Journal(), line => line.Message.EndsWith("socket /run/qwamos/bus.sock, from systemd", StringComparison.Ordinal));
        Assert.Contains(machine.Journal(), line => line.Message.Contains("Landlock: ABI ", StringComparison.Ordinal));
    }

    [Fact]
    public void AnIdleDaemon_IsLeftAlone_ByAWatchdogFasterThanItsRequests()
    {
        using InstalledSystem system = InstalledSystem.BootEnrolled();
        Container machine = system.Machine;
        machine.Write("/etc/systemd/system/qwamosd.service.d/impatient.conf", "[Service]\nWatchdogSec=1s\n");
        machine.Do("systemctl daemon-reload && systemctl restart qwamosd && sleep 3");
        Assert.Equal("0", machine.Do(Restarts));
        system.Client("set RADIO_ISOLATION off");
    }

    [Fact]
    public void WhereNobodyIsEnrolled_ClientsDoNotEndTheSocket_AndTheFirstStartAfterwardsServes()
    {
        using InstalledSystem system = InstalledSystem.BootInstalled();
        Container machine = system.Machine;
        Assert.NotEqual(0, system.As("ada", "timeout 3 qwamosctl status").ExitCode);
        Assert.Equal("active", machine.Do("systemctl is-active qwamosd.socket"));
        Assert.Contains(machine.Journal(), line => line.Message.Contains("does not start: ", StringComparison.Ordinal));
        system.Enrol();
        system.Client("set RADIO_ISOLATION off");
    }

    [Fact]
    public void TheJournal_HasFieldsOfEachEvent_AndMetricsAreShown_OnceTheirSocketIsEnabled()
    {
        using InstalledSystem system = InstalledSystem.BootEnrolled();
        Container machine = system.Machine;
        Assert.NotEqual(0, machine.Run("ls /run/qwamos/metrics.sock").ExitCode);
        system.Client("set RADIO_ISOLATION off");
        string keyId = JsonDocument.Parse(system.As("ada", "qwamosctl key show -o json").Output).RootElement.GetProperty("key_id").GetString()!;
        machine.Await("journalctl -q QWAMOS_EVENT=Accepted | grep -q .", "the change is in the journal");
        JsonElement accepted = JsonDocument.Parse(machine.Do($"journalctl -q -o json QWAMOS_EVENT=Accepted QWAMOS_KEY_ID={keyId}")).RootElement;
        Assert.Equal(
            ("6", "10", "0", "RADIO_ISOLATION", "qwamosd", "qwamosd.service"),
            (Text(accepted, "PRIORITY"), Text(accepted, "QWAMOS_EVENT_ID"), Text(accepted, "QWAMOS_INDEX"), Text(accepted, "QWAMOS_KEYS"), Text(accepted, "SYSLOG_IDENTIFIER"), Text(accepted, "_SYSTEMD_UNIT")));

        machine.Do("systemctl enable -q qwamosd-metrics.socket && systemctl restart qwamosd");
        machine.Do("test $(stat -c %a:%U:%G /run/qwamos/metrics.sock) = 660:qwamos:qwamos");
        const string OverUnix = "import socket; s = socket.socket(socket.AF_UNIX); s.connect(\"/run/qwamos/metrics.sock\"); s.sendall(b\"GET /metrics HTTP/1.0\\r\\n\\r\\n\"); print(s.makefile().read())";
        Assert.Contains("qwamos_ledger_entries 1", machine.Do($"python3 -c '{OverUnix}'"));
        // On a port of this machine, while the daemon itself has no network.
        machine.Write("/etc/systemd/system/qwamosd-metrics.socket.d/port.conf", "[Socket]\nListenStream=\nListenStream=127.0.0.1:9477\n");
        machine.Do("systemctl stop qwamosd-metrics.socket && systemctl daemon-reload && systemctl restart qwamosd");
        Assert.NotEqual(0, machine.Run("ls /run/qwamos/metrics.sock").ExitCode);
        const string OverTcp = "import socket; s = socket.create_connection((\"127.0.0.1\", 9477)); s.sendall(b\"GET /metrics HTTP/1.0\\r\\n\\r\\n\"); print(s.makefile().read())";
        Assert.Contains("qwamos_ledger_entries 1", machine.Do($"python3 -c '{OverTcp}'"));
        system.Client("set RADIO_ISOLATION on");
        // Neither a client nor who reads figures starts again what was stopped; all of it comes back with the daemon.
        machine.Do("systemctl stop qwamosd.socket qwamosd");
        Assert.NotEqual(0, machine.Run($"python3 -c '{OverTcp}'").ExitCode);
        Assert.Equal(3, system.As("ada", "qwamosctl health").ExitCode);
        Assert.Equal("inactive inactive inactive", machine.Run("systemctl is-active qwamosd qwamosd.socket qwamosd-metrics.socket").Output.Trim().ReplaceLineEndings(" "));
        machine.Do("systemctl restart qwamosd");
        Assert.Contains("qwamos_ledger_entries 2", machine.Do($"python3 -c '{OverTcp}'"));
    }

    private static string? Text(JsonElement entry, string field) => entry.GetProperty(field).GetString();

    [Fact]
    public void TheTimersBackup_IsMadeBesideTheDaemon_AndSevenAreKept()
    {
        using InstalledSystem system = InstalledSystem.BootEnrolled();
        Container machine = system.Machine;
        system.Client("set RADIO_ISOLATION off");
        machine.Do("for n in 1 2 3 4 5 6 7 8 9; do systemctl reset-failed qwamos-backup.service; systemctl start qwamos-backup.service; done");
        string[] kept = machine.Do("stat -c '%n %a %U' /var/lib/qwamos/backups/daily-*.db").Split('\n');
        Assert.Equal(Enumerable.Range(3, 7).Select(number => $"/var/lib/qwamos/backups/daily-{number:D8}.db 600 qwamos"), kept);
        Assert.Contains("sound", machine.Do("qwamosd fsck /var/lib/qwamos/backups/daily-00000009.db"));
        Assert.Equal("active", machine.Do("systemctl is-active qwamos-backup.timer"));
    }

    [Fact]
    public void Attack27_TheDaemonsAccount_TakenOver_CanReplaceNothingThatRootTrusts()
    {
        using InstalledSystem system = InstalledSystem.BootEnrolled("qwamos-gateway");
        Container machine = system.Machine;
        const string AsAccount = "setpriv --reuid=qwamos --regid=qwamos --init-groups ";
        // All of the machine that it can write, but its own folder, and what is everybody's.
        const string Others = "-path /proc -o -path /sys -o -path /dev -o -path /tmp -o -path /var/tmp -o -path /run -o -path /var/lib/qwamos";
        Assert.Equal("", machine.Run($@"{AsAccount} find / -xdev \( {Others} \) -prune -o -writable ! -type l -print").Output);
        string[] inRun = machine.Do(AsAccount + "find /run/qwamos -writable").Split('\n');
        Assert.Equal(["/run/qwamos/bus.sock", "/run/qwamos/bus.sock.lock", "/run/qwamos/gateway-bus.sock"], inRun.Order(StringComparer.Ordinal));
        Assert.Equal("/run/qwamos/gateway-bus.sock\n/run/qwamos/hook.sock", machine.Do("setpriv --reuid=qwamos-gateway --regid=qwamos-gateway --init-groups find /run/qwamos -writable | sort"));
        foreach (string attempt in (string[])
            ["rm /run/qwamos/bus.sock", "ln -s /etc/shadow /run/qwamos/x", "mv /run/qwamos /run/q", "touch /var/lib/qwamos-boot/x", "touch /etc/qwamos/x", "ln -s /etc /var/lib/x", "rm /etc/qwamos/status.json"])
            Assert.NotEqual(0, machine.Run(AsAccount + attempt).ExitCode);
        // What it plants in its own folder leads neither the socket's maker, nor the boot, nor the backup elsewhere.
        machine.Do(AsAccount + "sh -c 'cd /var/lib/qwamos && rm -rf backups pending.conf && ln -s /etc backups && ln -s /etc/shadow pending.conf'");
        string shadow = machine.Do("stat -c '%U %a %Y' /etc/shadow && sha256sum /etc/shadow");
        machine.Run("systemctl start qwamos-backup.service");
        machine.Do("systemctl restart qwamosd.socket qwamosd.service qwamos-policy-apply.service");
        system.Client("set RADIO_ISOLATION off");
        Assert.Equal(shadow, machine.Do("stat -c '%U %a %Y' /etc/shadow && sha256sum /etc/shadow"));
        Assert.Equal("", machine.Do("find /etc -user qwamos; find /etc -name 'daily-*'"));
    }

    [Fact]
    public void AGatewaysHook_ChangesTheNetwork_AndReadsAndWritesNothingElse()
    {
        using InstalledSystem system = InstalledSystem.BootEnrolled("qwamos-gateway");
        Container machine = system.Machine;
        machine.Write("/srv/notes", "everybody may read this file of the system\n");
        machine.Write("/etc/qwamos/qwamosd.json", """{"gateways":[{"name":"gateway","class":"gateway","socket":"/run/qwamos/gateway-bus.sock"}]}""");
        machine.Write("/etc/qwamos/gateway.json", """{"name":"gateway","class":"gateway"}""");
        machine.Write("/etc/qwamos/hooks.d/RADIO_ISOLATION", """
            #!/bin/sh
            cd /var/lib/qwamos-hook
            exec >seen 2>errors
            id -un
            nft add table inet radio && echo nft
            echo 1 >/proc/sys/net/ipv4/ip_forward && echo sysctl
            cat /srv/notes && echo read
            touch /var/tmp/x && echo temporary
            touch /srv/x && echo written
            grep Seccomp: /proc/self/status
            """.ReplaceLineEndings("\n"), "755");
        machine.Do("systemctl reset-failed; systemctl restart gateway-policyd.socket gateway-policyd.service qwamosd.service");

        system.Client("set RADIO_ISOLATION off");

        machine.Await("gateway-policyd status | grep -q done", "the hook has run");
        Assert.Equal("qwamos-hook nft sysctl temporary Seccomp: 2".Split(' '), machine.Do("cat /var/lib/qwamos-hook/seen").Split([' ', '\t', '\n']));
        Assert.Contains("/srv/notes: Permission denied", machine.Do("cat /var/lib/qwamos-hook/errors"));
        Assert.Contains("radio", machine.Do("nft list tables"));
        // Another folder in its place, as a tool that deploys makes it: its hooks run without a restart.
        machine.Do("cd /etc/qwamos && mkdir new && printf '#!/bin/sh\\necho $2 >/var/lib/qwamos-hook/later\\n' >new/RADIO_ISOLATION && chmod 755 new/RADIO_ISOLATION && mv hooks.d old && mv new hooks.d");
        system.Client("set RADIO_ISOLATION on");
        machine.Await("grep -q on /var/lib/qwamos-hook/later", "the hook in the new folder has run");
        Assert.Contains(machine.Journal(), line => line.Message.EndsWith("socket /run/qwamos/gateway-bus.sock, from systemd", StringComparison.Ordinal));
    }

    [Fact]
    public void Attack33_AGatewaysFirewall_IsClosedBeforeTheNetwork_LoadedByTheDaemonsAccount_AndStaysWhenItStops()
    {
        using InstalledSystem system = InstalledSystem.BootEnrolled("qwamos-gateway");
        Container machine = system.Machine;
        machine.Write("/etc/qwamos/qwamosd.json", """{"gateways":[{"name":"gateway","class":"gateway","socket":"/run/qwamos/gateway-bus.sock"}]}""");
        machine.Write("/etc/qwamos/gateway.json", """{"name":"gateway","class":"gateway","firewall":{"outside":["eth0"],"control":{"interface":"eth1","port":9443},"tor":{"user":"nobody","dns_port":5353}}}""");
        machine.Write("/etc/systemd/system/network-probe.service", """
            [Unit]
            DefaultDependencies=no
            Wants=network-pre.target
            After=network-pre.target
            [Service]
            Type=oneshot
            ExecStart=/usr/sbin/nft list table inet qwamos
            [Install]
            WantedBy=sysinit.target
            """.ReplaceLineEndings("\n"));
        // Debian's own unit flushes every ruleset, here at leisure.
        machine.Write("/etc/systemd/system/nftables.service.d/slow.conf", "[Service]\nExecStartPre=/bin/sleep 3\n");
        Assert.Contains("flush ruleset", machine.Do("cat /etc/nftables.conf"));
        machine.Do("systemctl enable network-probe.service nftables.service");

        machine.Reboot();

        Assert.Equal("active", machine.Do("systemctl is-active nftables.service"));
        string[] atBoot = [.. machine.Journal().Where(line => line.Unit == "network-probe.service").Select(line => line.Message)];
        Assert.Contains(atBoot, line => line.Contains("policy drop", StringComparison.Ordinal));
        Assert.DoesNotContain(atBoot, line => line.Contains("skuid", StringComparison.Ordinal));
        Assert.Equal("active", machine.Do("systemctl is-active qwamos-gateway-baseline.service"));
        system.Client("set RADIO_HARDENING.level strict TOR_ISOLATION off");
        machine.Await("gateway-policyd status | grep -q 'TOR_ISOLATION.*(done)'", "the firewall is in force");
        Assert.Contains("meta skuid 65534 counter name \"tor\" accept", machine.Do("nft list table inet qwamos"));
        Assert.Equal("qwamos-gateway", machine.Do("ps -o user= -p $(systemctl show -P MainPID gateway-policyd)"));

        machine.Do("systemctl stop gateway-policyd.socket gateway-policyd.service qwamos-gateway-baseline.service");
        Assert.Contains("policy drop", machine.Do("nft list table inet qwamos"));
        Assert.Equal("", machine.Do("systemctl list-units --failed --no-legend 'qwamos*' 'gateway*'"));
        Assert.Contains("its firewall stays until the next boot", machine.Do("dpkg -r qwamos-gateway"));
        Assert.Contains("policy drop", machine.Do("nft list table inet qwamos"));
    }

    [Fact]
    public void Attack33_WithoutItsBaseline_AMachineHasNoNetwork_AndARemovalOfThePackageTakesNoneAway()
    {
        using InstalledSystem system = InstalledSystem.BootEnrolled("qwamos-gateway");
        Container machine = system.Machine;
        machine.Do("systemctl enable -q systemd-networkd.service");
        // What ifupdown's udev rule starts for an interface that is plugged in, at a boot too.
        machine.Write("/etc/systemd/system/ifup@.service", "[Unit]\nDefaultDependencies=no\nAfter=network-pre.target\n[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n");
        machine.Do("mkdir -p /etc/systemd/system/multi-user.target.wants && ln -s ../ifup@.service /etc/systemd/system/multi-user.target.wants/ifup@eth0.service");
        machine.Write("/etc/qwamos/gateway.json", """{"name":"gateway"}""");
        machine.Reboot();
        Assert.Equal("failed\ninactive\ninactive", machine.Run("systemctl is-active qwamos-gateway-baseline systemd-networkd ifup@eth0").Output.TrimEnd());
        Assert.Contains("policy drop", machine.Do("nft list table inet qwamos"));
        Assert.Contains(machine.Journal(), line => line.Message.Contains("the firewall is closed, the control link with it", StringComparison.Ordinal));

        machine.Write("/etc/qwamos/gateway.json", """{"name":"gateway","class":"gateway","firewall":{"outside":["eth0"]}}""");
        machine.Do("systemctl start systemd-networkd");
        Assert.Equal("active", machine.Do("systemctl is-active qwamos-gateway-baseline"));

        string network = machine.Do("systemctl show -P MainPID systemd-networkd");
        machine.Do("dpkg -r qwamos-gateway");
        Assert.Equal(network, machine.Do("systemctl show -P MainPID systemd-networkd"));
        Assert.DoesNotContain("qwamos", machine.Do("systemctl show -P Requires systemd-networkd"));
        Assert.Equal("", machine.Do("find /etc/systemd/system -name 'qwamos-gateway-baseline*'"));
        machine.Reboot();
        Assert.Equal("active\nactive", machine.Do("systemctl is-active systemd-networkd ifup@eth0"));

        system.InstallPackages(BuiltRelease.Once(), "qwamos-gateway");
        Assert.Equal("enabled", machine.Do("systemctl is-enabled qwamos-gateway-baseline"));
        Assert.Contains("qwamos-gateway-baseline.service", machine.Do("systemctl show -P Requires systemd-networkd"));
    }

    [Fact]
    public void AFolderThatIsNoDomains_StaysItsOwners_WhoeverStartsAnInstanceOfThatName()
    {
        using InstalledSystem system = InstalledSystem.BootEnrolled("qwamos-gateway", "qwamos-link");
        Container machine = system.Machine;
        machine.Do("systemctl start qwamos-link-dial.service; test -d /var/lib/qwamos-link && install -d -o qwamos-hook -g qwamos-hook -m 700 /var/lib/qwamos-hook");
        const string Folders = "cd /var/lib && stat -c '%n %U %G %a' qwamos-boot qwamos-courier qwamos-hook qwamos-link";
        string before = machine.Do(Folders);
        foreach (string name in (string[])["boot", "courier", "hook", "link"])
        {
            CommandResult started = machine.Run($"systemctl start gateway-policyd@{name}.service");
            Assert.Equal($"Failed to start gateway-policyd@{name}.service: Unit gateway-policyd@{name}.service is masked.\n", started.Error);
        }

        Assert.Equal(before, machine.Do(Folders));
    }

    [Fact]
    public void ALinkOverTls_IsNobodysUntilItsUnitsAreEnabled_GoesByAnAccountOfItsOwn_AndAdmitsTheCourierAlone()
    {
        using InstalledSystem system = InstalledSystem.BootEnrolled("qwamos-gateway", "qwamos-link");
        Container machine = system.Machine;
        Assert.Equal("disabled\ndisabled", machine.Run("systemctl is-enabled qwamos-link-dial qwamos-link-serve").Output.TrimEnd());
        // Dom0 and a VM on one machine, over its loopback: both ends have the one key.
        machine.Write("/etc/hosts", "127.0.0.1 vm.example\n");
        machine.Write("/etc/qwamos/domains.json", """{"domains":[{"name":"gateway","class":"gateway","link":"tls:vm.example:9443"}]}""");
        machine.Write("/etc/qwamos/link.json", """{"listen":"tls:127.0.0.1:9443"}""");
        machine.Do("systemctl enable -q --now qwamos-link-serve qwamos-link-dial && systemctl restart gateway-policyd qwamosd qwamosd-courier");
        string key = machine.Do("qwamos-link fingerprint");
        machine.Do($"qwamos-link pin {key}");
        string own = machine.Do("gateway-policyd fingerprint --key");
        system.Client($"domains enroll gateway --key {own} --tls-key {key}");

        system.Client("set RADIO_ISOLATION off");

        machine.Await("gateway-policyd status | grep -q 'RADIO_ISOLATION  *off'", "the change has come over the link");
        Assert.Equal("qwamos-link\nqwamos-link", machine.Do("for unit in dial serve; do ps -o user= -p $(systemctl show -P MainPID qwamos-link-$unit); done"));
        Assert.Equal(
            "600 qwamos-link /var/lib/qwamos-link/tls_sk\n750 qwamos-link /run/qwamos-link\n660 qwamos-link /run/qwamos-link/gateway.sock",
            machine.Do("stat -c '%a %G %n' /var/lib/qwamos-link/tls_sk /run/qwamos-link /run/qwamos-link/gateway.sock"));
        const string Connects = "python3 -c 'import socket; socket.socket(socket.AF_UNIX).connect(\"/run/qwamos-link/gateway.sock\")'";
        string[] admitted = [.. ((string[])["qwamos-courier", "qwamos", "ada", "nobody"]).Where(user => machine.Run($"setpriv --reuid={user} --regid=$(id -g {user}) --init-groups {Connects}").ExitCode == 0)];
        Assert.Equal(["qwamos-courier"], admitted);

        machine.Reboot();
        system.Client("set RADIO_ISOLATION on");
        machine.Await("gateway-policyd status | grep -q 'RADIO_ISOLATION  *on'", "the next change has come after a boot");
        Assert.Equal("", machine.Do("systemctl list-units --failed --no-legend 'qwamos*'"));
    }
}
