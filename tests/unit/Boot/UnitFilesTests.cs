using System.Diagnostics;
using Xunit;

namespace Qwamos.ControlBus.Tests.Boot;

/// <summary>The systemd units, by systemd's own judgement.</summary>
public sealed class UnitFilesTests
{
    private static readonly string Folder = Path.Combine(Repository.Root, "packaging", "systemd");

    [Fact]
    public async Task SystemdAnalyzeVerify_PrintsNothing()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/systemd-analyze"), "systemd-analyze is not installed here");
        var copies = Directory.CreateTempSubdirectory("qw-units-");
        try
        {
            // The programs are not installed where tests run: only their paths are exchanged. An unknown key is a message with exit code 0.
            foreach (var unit in Directory.GetFiles(Folder, "*.service"))
            {
                var lines = File.ReadAllLines(unit).Select(line => line.StartsWith("ExecStart=", StringComparison.Ordinal) ? "ExecStart=/bin/true" : line);
                File.WriteAllLines(Path.Combine(copies.FullName, Path.GetFileName(unit)), lines);
            }
            var start = new ProcessStartInfo("/usr/bin/systemd-analyze", ["verify", .. Directory.GetFiles(copies.FullName)])
            {
                RedirectStandardError = true,
                RedirectStandardOutput = true,
            };
            using var verify = Process.Start(start)!;
            var errors = verify.StandardError.ReadToEndAsync();
            Assert.Equal("", await verify.StandardOutput.ReadToEndAsync());
            Assert.Equal("", await errors);
            await verify.WaitForExitAsync();
            Assert.Equal(0, verify.ExitCode);
        }
        finally
        {
            copies.Delete(recursive: true);
        }
    }

    [Fact]
    public void ThereAreThreeUnits() => Assert.Equal(
        ["gateway-policyd.service", "qwamos-policy-apply.service", "qwamosd.service"],
        Directory.GetFiles(Folder, "*.service").Select(Path.GetFileName).Order(StringComparer.Ordinal));

    [Theory]
    [InlineData("Type=oneshot")]
    [InlineData("DefaultDependencies=no")]
    [InlineData("After=local-fs.target")]
    [InlineData("Before=systemd-sysctl.service systemd-modules-load.service sysinit.target")]
    [InlineData("WantedBy=sysinit.target")]
    public void TheBootUnit_RunsBeforeTheKernelsSettingsAreLoaded(string line) =>
        Assert.Contains(line, File.ReadAllLines(Path.Combine(Folder, "qwamos-policy-apply.service")));

    [Theory]
    [InlineData("qwamosd.service")]
    [InlineData("gateway-policyd.service")]
    public void Attack29_TheDaemons_AreStartedAgainHoweverOftenTheyFail(string unit)
    {
        var lines = File.ReadAllLines(Path.Combine(Folder, unit));
        Assert.InRange(Array.IndexOf(lines, "StartLimitIntervalSec=0"), 1, Array.IndexOf(lines, "[Service]"));
        Assert.Contains("Restart=on-failure", lines);
    }

    [Theory]
    [InlineData("qwamosd.service", "User=qwamos")]
    [InlineData("qwamosd.service", "StateDirectoryMode=0750")]
    [InlineData("gateway-policyd.service", "User=qwamos")]
    [InlineData("gateway-policyd.service", "StateDirectoryMode=0700")]
    public void TheDaemons_AreNotRoot_AndHaveTheModesOfTheDesign(string unit, string line) =>
        Assert.Contains(line, File.ReadAllLines(Path.Combine(Folder, unit)));
}
