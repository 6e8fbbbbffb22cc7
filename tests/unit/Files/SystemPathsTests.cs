using Qwamos.ControlBus.Files;
using Xunit;

namespace Qwamos.ControlBus.Tests.Files;

public sealed class SystemPathsTests : IDisposable
{
    private readonly TemporaryDirectory _dir = new();

    public void Dispose() => _dir.Dispose();

    [Fact]
    public void Without_a_root_the_paths_are_the_real_ones()
    {
        Assert.True(SystemPaths.TryCreate(null, out var paths, out _));
        Assert.False(paths.IsTrial);
        Assert.Equal("/etc/qwamos/dom0.pub", paths.AnchorFile);
        Assert.Equal("/run/qwamos/bus.sock", paths.BusSocket);
    }

    [Theory]
    [InlineData("/srv/trial", "/srv/trial")]
    [InlineData("/srv/trial/", "/srv/trial")]
    [InlineData("/srv/x/../trial//", "/srv/trial")]
    public void Under_a_root_every_path_is_under_it(string root, string expected)
    {
        Assert.True(SystemPaths.TryCreate(root, out var paths, out _));
        Assert.True(paths.IsTrial);
        Assert.Equal(expected, paths.Root);
        Assert.Equal(expected + "/var/lib/qwamos/ledger.db", paths.LedgerFile);
        Assert.Equal(expected + "/etc/sysctl.d/60-qwamos.conf", paths.At("/etc/sysctl.d/60-qwamos.conf"));
        foreach (var property in typeof(SystemPaths).GetProperties().Where(property => property.PropertyType == typeof(string) && property.Name != nameof(SystemPaths.Domain)))
            Assert.StartsWith(expected, (string)property.GetValue(paths)!, StringComparison.Ordinal);
    }

    [Fact]
    public void A_relative_root_is_taken_from_the_working_directory()
    {
        Assert.True(SystemPaths.TryCreate("trial", out var paths, out _));
        Assert.Equal(Path.Combine(Environment.CurrentDirectory, "trial"), paths.Root);
    }

    [Theory]
    [InlineData("/")]
    [InlineData("//")]
    [InlineData("/usr/..")]
    [InlineData("/proc/self/root")]
    [InlineData("")]
    [InlineData("/a\0b")]
    public void A_root_that_is_the_real_system_or_no_path_is_refused(string root)
    {
        Assert.False(SystemPaths.TryCreate(root, out _, out var error));
        Assert.StartsWith("--root", error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_link_to_the_real_root_is_refused_as_a_root()
    {
        File.CreateSymbolicLink(_dir.At("slash"), "/");
        Assert.False(SystemPaths.TryCreate(_dir.At("slash"), out _, out _));
    }

    [Fact]
    public void Missing_directories_and_links_of_a_trial_are_made_once_with_their_modes()
    {
        Assert.True(SystemPaths.TryCreate(_dir.At("new/trial"), out var paths, out _));
        TrialTree.MakeMissing(paths);
        TrialTree.MakeMissing(paths);
        Assert.Equal("750", Mode(paths.StateDir));
        Assert.Equal("700", Mode(paths.BackupsDir));
        Assert.Equal("750", Mode(paths.BootDir));
        Assert.Equal("700", Mode(paths.GatewayStateDir));
        Assert.Equal("755", Mode(paths.EtcDir));
        Assert.Equal("755", Mode(paths.RunDir));
        File.WriteAllText(paths.StatusFile, "x");
        Assert.Equal("x", File.ReadAllText(paths.EtcStatusLink));
        Assert.True(SafePath.TryCheckTrusted(paths.StateDir, paths, PathRules.OwnDirectory, out var fault), fault);
    }

    [Fact]
    public void Attack27_a_link_in_the_place_of_a_trials_directory_is_not_followed()
    {
        Assert.True(SystemPaths.TryCreate(_dir.Path, out var paths, out _));
        Directory.CreateDirectory(_dir.At("var"));
        Directory.CreateDirectory(_dir.At("elsewhere"));
        File.CreateSymbolicLink(_dir.At("var/lib"), _dir.At("elsewhere"));
        Assert.Throws<PosixException>(() => TrialTree.MakeMissing(paths));
        Assert.Empty(Directory.EnumerateFileSystemEntries(_dir.At("elsewhere")));
    }

    private static string Mode(string path) => Convert.ToString((int)Posix.Stat(path).Mode, 8);
}
