using System.Diagnostics;
using System.Globalization;
using Xunit;

namespace Qwamos.ControlBus.Tests.Boot;

/// <summary>The systemd units, by systemd's own judgement.</summary>
public sealed class UnitFilesTests
{
    private const string Analyze = "/usr/bin/systemd-analyze";

    private static readonly string Folder = Path.Combine(Repository.Root, "packaging", "systemd");

    [Fact]
    public async Task SystemdAnalyzeVerify_PrintsNothing()
    {
        var copies = Directory.CreateTempSubdirectory("qw-units-");
        try
        {
            // The programs are not installed where tests run: only their paths are exchanged. An unknown key is a message with exit code 0.
            foreach (var unit in Directory.GetFiles(Folder))
            {
                var lines = File.ReadAllLines(unit).Select(line => line.StartsWith("ExecStart=", StringComparison.Ordinal) ? "ExecStart=/bin/true" : line);
                File.WriteAllLines(Path.Combine(copies.FullName, Path.GetFileName(unit)), lines);
            }
            var (exitCode, output, errors) = await Run(["verify", .. Directory.GetFiles(copies.FullName)]);
            Assert.Equal("", output);
            Assert.Equal("", errors);
            Assert.Equal(0, exitCode);
        }
        finally
        {
            copies.Delete(recursive: true);
        }
    }

    /// <summary>Exposure by `systemd-analyze security`: 0 is wholly confined, 10 not at all.</summary>
    [Theory]
    [InlineData("qwamosd.service", 1.5)]
    [InlineData("qwamosd-courier.service", 1.5)]
    [InlineData("qwamos-backup.service", 1.5)]
    [InlineData("qwamos-policy-apply.service", 2.0)]
    [InlineData("qwamos-boot-complete.service", 2.5)]
    [InlineData("gateway-policyd.service", 2.5)]
    [InlineData("gateway-policyd@.service", 2.5)]
    [InlineData("qwamos-gateway-baseline.service", 2.0)]
    [InlineData("qwamos-hook@.service", 2.5)]
    [InlineData("qwamos-link-dial.service", 1.5)]
    [InlineData("qwamos-link-serve.service", 1.5)]
    public async Task SystemdAnalyzeSecurity_GivesAtMost(string unit, double exposure)
    {
        // It compares with tenths times ten, and exits 1 above.
        var threshold = ((int)(exposure * 10)).ToString(CultureInfo.InvariantCulture);
        var (exitCode, output, errors) = await Run(["security", "--offline=true", "--no-pager", "--threshold=" + threshold, Path.Combine(Folder, unit)]);
        Assert.True(exitCode == 0 && output.Contains("Overall exposure level", StringComparison.Ordinal), output + errors);
    }

    [Fact]
    public void TheUnitsAreThese() => Assert.Equal(
        ["gateway-policyd.service", "gateway-policyd.socket", "gateway-policyd@.service", "gateway-policyd@.socket", "qwamos-backup.service", "qwamos-backup.timer", "qwamos-boot-complete.service", "qwamos-gateway-baseline.service", "qwamos-hook.socket", "qwamos-hook@.service", "qwamos-link-dial.service", "qwamos-link-serve.service", "qwamos-policy-apply.service", "qwamosd-courier.service", "qwamosd-metrics.socket", "qwamosd.service", "qwamosd.socket"],
        Directory.GetFiles(Folder).Select(Path.GetFileName).Order(StringComparer.Ordinal));

    [Theory]
    [InlineData("Type=oneshot")]
    [InlineData("DefaultDependencies=no")]
    [InlineData("After=local-fs.target")]
    [InlineData("Before=systemd-sysctl.service systemd-modules-load.service sysinit.target")]
    [InlineData("Before=systemd-tmpfiles-setup.service")]
    [InlineData("WantedBy=sysinit.target")]
    public void TheBootUnit_RunsBeforeTheKernelsSettingsAreLoaded(string line) =>
        Assert.Contains(line, File.ReadAllLines(Path.Combine(Folder, "qwamos-policy-apply.service")));

    [Theory]
    [InlineData("Type=oneshot")]
    [InlineData("RemainAfterExit=yes")]
    [InlineData("Wants=qwamosd.service")]
    [InlineData("ExecStartPre=/usr/bin/systemctl is-active qwamosd.service")]
    [InlineData("After=qwamosd.service qwamos-policy-apply.service")]
    [InlineData("After=sysinit.target basic.target multi-user.target")]
    [InlineData("WantedBy=multi-user.target")]
    public void TheEndOfABoot_ComesAfterTheDaemonAndAllThatStartsWithTheMachine(string line) =>
        Assert.Contains(line, File.ReadAllLines(Path.Combine(Folder, "qwamos-boot-complete.service")));

    [Theory]
    [InlineData("Type=oneshot")]
    [InlineData("RemainAfterExit=yes")]
    [InlineData("DefaultDependencies=no")]
    [InlineData("Wants=network-pre.target")]
    [InlineData("Before=network-pre.target")]
    [InlineData("After=nftables.service")]
    [InlineData("Before=systemd-networkd.service NetworkManager.service networking.service")]
    [InlineData("RequiredBy=systemd-networkd.service NetworkManager.service networking.service ifup@.service")]
    [InlineData("WantedBy=sysinit.target")]
    public void Attack33_TheFirewall_IsClosedBeforeTheNetworkComesUp(string line) =>
        Assert.Contains(line, File.ReadAllLines(Path.Combine(Folder, "qwamos-gateway-baseline.service")));

    [Fact]
    public void Attack33_NothingOpensTheFirewall_WhenItsUnitsStop() => Assert.All(
        (string[])["qwamos-gateway-baseline.service", "gateway-policyd.service"],
        unit => Assert.DoesNotContain(File.ReadAllLines(Path.Combine(Folder, unit)), line => line.StartsWith("ExecStop", StringComparison.Ordinal)));

    [Fact]
    public void Attack33_TheBaseline_MayTryForItsWholeTime()
    {
        string time = File.ReadAllLines(Path.Combine(Folder, "qwamos-gateway-baseline.service")).Single(line => line.StartsWith("TimeoutStartSec=", StringComparison.Ordinal));
        Assert.InRange(Limits.BaselineSeconds, Limits.FirewallTimeoutSeconds, int.Parse(time["TimeoutStartSec=".Length..^1], CultureInfo.InvariantCulture) - 1);
    }

    [Fact]
    public void AFolderThatIsNoDomains_IsMadeOverByNoInstanceOfThatName()
    {
        // systemd hands a unit's StateDirectory= to its account before the program can refuse.
        var taken = Directory.GetFiles(Folder, "*.service").SelectMany(File.ReadAllLines).Where(line => line.StartsWith("StateDirectory=qwamos-", StringComparison.Ordinal)).Select(line => line["StateDirectory=qwamos-".Length..])
            .Concat(Directory.GetFiles(Path.Combine(Folder, "..", "tmpfiles.d")).SelectMany(File.ReadAllLines).Where(line => line.StartsWith("d /var/lib/qwamos-", StringComparison.Ordinal)).Select(line => line["d /var/lib/qwamos-".Length..].Split(' ')[0]))
            .Where(name => name is not ("gateway" or "%i")).Distinct().Order(StringComparer.Ordinal).ToList();
        Assert.Equal(["boot", "courier", "hook", "link"], taken);
        Assert.Equal(taken.Select(name => $"dev/null usr/lib/systemd/system/gateway-policyd@{name}.service"), File.ReadAllLines(Path.Combine(Folder, "..", "deb", "qwamos-gateway.links")).Where(line => line.StartsWith("dev/null", StringComparison.Ordinal)));
        Assert.Contains($"MASKED=\"{string.Join(' ', taken.Select(name => $"gateway-policyd@{name}.service"))}\"", File.ReadAllText(Path.Combine(Folder, "..", "tar", "install.sh")), StringComparison.Ordinal);
    }

    [Fact]
    public void TheEndOfABoot_IsNotTakenBackByADaemonThatIsStoppedLater() => Assert.DoesNotContain(
        File.ReadAllLines(Path.Combine(Folder, "qwamos-boot-complete.service")), line => line.Split('=')[0] is "Requires" or "Requisite" or "BindsTo" or "PartOf");

    [Fact]
    public void TheEndOfABoot_CannotWaitForItself()
    {
        // multi-user.target wants it: without this line systemd would order that target after it.
        Assert.Contains("DefaultDependencies=no", File.ReadAllLines(Path.Combine(Folder, "qwamos-boot-complete.service")));
    }

    [Theory]
    [InlineData("qwamosd.service")]
    [InlineData("gateway-policyd.service")]
    [InlineData("qwamos-link-dial.service")]
    [InlineData("qwamos-link-serve.service")]
    public void Attack29_TheDaemons_AreStartedAgainHoweverOftenTheyFail(string unit)
    {
        var lines = File.ReadAllLines(Path.Combine(Folder, unit));
        Assert.InRange(Array.IndexOf(lines, "StartLimitIntervalSec=0"), 1, Array.IndexOf(lines, "[Service]"));
        Assert.Contains("Restart=on-failure", lines);
    }

    [Theory]
    [InlineData("qwamosd.service", "User=qwamos")]
    [InlineData("qwamosd.service", "StateDirectoryMode=0750")]
    [InlineData("gateway-policyd.service", "User=qwamos-gateway")]
    [InlineData("gateway-policyd.service", "Group=qwamos-gateway")]
    [InlineData("gateway-policyd.service", "StateDirectoryMode=0700")]
    [InlineData("qwamos-backup.service", "User=qwamos")]
    [InlineData("qwamos-link-dial.service", "User=qwamos-link")]
    [InlineData("qwamos-link-dial.service", "StateDirectoryMode=0700")]
    [InlineData("qwamos-link-dial.service", "RuntimeDirectoryMode=0750")]
    [InlineData("qwamos-link-serve.service", "User=qwamos-link")]
    [InlineData("qwamos-link-serve.service", "StateDirectoryMode=0700")]
    [InlineData("qwamosd.socket", "SocketMode=0660")]
    [InlineData("qwamosd.socket", "SocketUser=qwamos")]
    [InlineData("qwamosd.socket", "SocketGroup=qwamos")]
    [InlineData("gateway-policyd.socket", "SocketMode=0660")]
    [InlineData("gateway-policyd.socket", "SocketGroup=qwamos")]
    [InlineData("gateway-policyd@.socket", "SocketUser=qwamos-gateway")]
    [InlineData("gateway-policyd@.socket", "SocketGroup=qwamos")]
    [InlineData("qwamos-hook.socket", "SocketMode=0600")]
    [InlineData("qwamos-hook.socket", "SocketUser=qwamos-gateway")]
    [InlineData("qwamos-hook@.service", "User=qwamos-hook")]
    [InlineData("qwamos-hook@.service", "StateDirectoryMode=0700")]
    public void TheDaemons_AreNotRoot_AndHaveTheModesOfTheDesign(string unit, string line) =>
        Assert.Contains(line, File.ReadAllLines(Path.Combine(Folder, unit)));

    [Fact]
    public void AnotherDomain_IsConfinedAsTheGatewayIs()
    {
        string[] own = ["Description=", "Requires=", "After=", "ExecStart=", "StateDirectory=", "Also=", "#"];
        string[] Rules(string unit) => [.. File.ReadAllLines(Path.Combine(Folder, unit)).Where(line => !own.Any(start => line.StartsWith(start, StringComparison.Ordinal)))];
        Assert.Equal(Rules("gateway-policyd.service"), Rules("gateway-policyd@.service"));
    }

    [Fact]
    public void AHook_IsConfinedAsTheDaemonIs_AndCannotReachItsLink()
    {
        string[] own = ["Restart", "WatchdogSec=", "LimitNOFILE=", "User=", "Group=", "Supplementary", "Standard", "StateDirectory=", "Type=", "ExecStart=", "RuntimeMaxSec=", "Kill", "TimeoutStopSec=", "TasksMax=", "#"];
        string[] Rules(string unit) => [.. File.ReadAllLines(Path.Combine(Folder, unit)).SkipWhile(line => line != "[Service]").TakeWhile(line => line != "[Install]").Where(line => line.Length > 0 && !own.Any(start => line.StartsWith(start, StringComparison.Ordinal)))];
        Assert.Equal(Rules("gateway-policyd.service").Except(["DeviceAllow=char-virtio-portsdev rw", "SystemCallFilter=sched_setattr"]), Rules("qwamos-hook@.service"));
    }

    [Theory]
    [InlineData("qwamos-hook@.service", "RuntimeMaxSec=20s")]
    [InlineData("qwamos-hook@.service", "KillMode=control-group")]
    [InlineData("qwamos-hook@.service", "KillSignal=SIGKILL")]
    [InlineData("qwamos-hook@.service", "StandardInput=socket")]
    [InlineData("qwamos-hook.socket", "Accept=yes")]
    [InlineData("qwamos-hook.socket", "MaxConnections=8")]
    public void AHooksUnit_EndsWithEverythingInIt_AndThereAreFew(string unit, string line) => Assert.Contains(line, File.ReadAllLines(Path.Combine(Folder, unit)));

    [Fact]
    public void BothEndsOfALink_AreConfinedAlike_AndOnlyTheVmsMayUseTheDomainsSocket()
    {
        string[] own = ["ExecStart=", "Supplementary", "RuntimeDirectory=", "#"];
        string[] Rules(string unit) => [.. File.ReadAllLines(Path.Combine(Folder, unit)).SkipWhile(line => line != "[Service]").Where(line => !own.Any(start => line.StartsWith(start, StringComparison.Ordinal)))];
        Assert.Equal(Rules("qwamos-link-dial.service"), Rules("qwamos-link-serve.service"));
        Assert.DoesNotContain(File.ReadAllLines(Path.Combine(Folder, "qwamos-link-dial.service")), line => line.StartsWith("SupplementaryGroups=", StringComparison.Ordinal));
        Assert.Contains("SupplementaryGroups=qwamos", File.ReadAllLines(Path.Combine(Folder, "qwamos-link-serve.service")));
    }

    private static async Task<(int ExitCode, string Output, string Errors)> Run(string[] arguments)
    {
        Assert.SkipUnless(File.Exists(Analyze), "systemd-analyze is not installed here");
        using var analyze = Process.Start(new ProcessStartInfo(Analyze, arguments) { RedirectStandardError = true, RedirectStandardOutput = true })!;
        var errors = analyze.StandardError.ReadToEndAsync();
        var output = await analyze.StandardOutput.ReadToEndAsync();
        await analyze.WaitForExitAsync();
        return (analyze.ExitCode, output, await errors);
    }
}
