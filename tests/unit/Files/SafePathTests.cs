using Qwamos.ControlBus.Files;
using Xunit;

namespace Qwamos.ControlBus.Tests.Files;

public sealed class SafePathTests : IDisposable
{
    private readonly TemporaryDirectory _dir = new();
    private readonly SystemPaths _trial;

    public SafePathTests()
    {
        Assert.True(SystemPaths.TryCreate(_dir.Path, out var paths, out _));
        _trial = paths;
        TrialTree.MakeMissing(paths);
        File.WriteAllBytes(paths.AnchorFile, new byte[32]);
        SetMode(paths.AnchorFile, "644");
    }

    public void Dispose() => _dir.Dispose();

    [Fact]
    public void A_plain_file_under_a_root_is_trusted_whoever_owns_it()
    {
        Trusts(_trial.AnchorFile);
        if (!Posix.IsRoot) return;
        Posix.ChangeOwner(_trial.AnchorFile, 12345, 12345);
        Posix.ChangeOwner(_trial.EtcDir, 12345, 12345);
        Trusts(_trial.AnchorFile);
    }

    [Fact]
    public void Attack27_a_symbolic_link_in_the_place_of_a_trusted_file_is_refused()
    {
        File.Move(_trial.AnchorFile, _dir.At("real"));
        File.CreateSymbolicLink(_trial.AnchorFile, _dir.At("real"));
        Refuses(_trial.AnchorFile, _trial.AnchorFile, "a symbolic link, not a regular file");
    }

    [Fact]
    public void Attack27_a_hard_link_in_the_place_of_a_trusted_file_is_refused()
    {
        TemporaryDirectory.Run("ln", _trial.AnchorFile, _dir.At("second"));
        Refuses(_trial.AnchorFile, _trial.AnchorFile, "one of 2 names (hard links)");
    }

    [Theory]
    [InlineData("mkfifo", "a FIFO")]
    [InlineData("mkdir", "a directory")]
    public void Attack27_another_kind_of_file_is_refused_without_waiting(string program, string what)
    {
        File.Delete(_trial.AnchorFile);
        TemporaryDirectory.Run(program, _trial.AnchorFile);
        Refuses(_trial.AnchorFile, _trial.AnchorFile, what);
    }

    [Theory]
    [InlineData("666")]
    [InlineData("664")]
    [InlineData("646")]
    public void Attack27_a_file_that_others_may_write_is_refused_with_the_mend(string mode)
    {
        SetMode(_trial.AnchorFile, mode);
        Refuses(_trial.AnchorFile, _trial.AnchorFile, $"writable by others: chmod go-w {_trial.AnchorFile}");
    }

    [Theory]
    [InlineData("etc/qwamos", "777")]
    [InlineData("etc/qwamos", "775")]
    [InlineData("etc", "757")]
    [InlineData("etc", "1777")]
    public void Attack27_a_parent_that_others_may_write_is_refused_with_the_mend(string parent, string mode)
    {
        SetMode(_dir.At(parent), mode);
        Refuses(_trial.AnchorFile, _dir.At(parent), $"writable by others: chmod go-w {_dir.At(parent)}");
        SetMode(_dir.At(parent), "755");
    }

    [Fact]
    public void Attack27_a_parent_that_is_a_link_is_refused()
    {
        Directory.Move(_trial.EtcDir, _dir.At("moved"));
        File.CreateSymbolicLink(_trial.EtcDir, _dir.At("moved"));
        Refuses(_trial.AnchorFile, _trial.EtcDir, "a symbolic link, not a directory");
    }

    [Fact]
    public void The_walk_stops_at_the_root_so_that_a_trial_may_stand_anywhere()
    {
        SetMode(_dir.Path, "777");
        Trusts(_trial.AnchorFile);
    }

    [Fact]
    public void Elsewhere_a_sticky_directory_of_root_is_accepted_and_a_plain_one_that_others_write_is_not()
    {
        Assert.SkipUnless(Posix.Stat(Path.GetTempPath().TrimEnd('/')).IsRootsStickyDirectory, "the temporary directory is no sticky directory of root's");
        var key = _dir.At("key");
        File.WriteAllBytes(key, new byte[32]);
        SetMode(key, "600");
        Assert.True(SafePath.TryCheckOwn(key, PathRules.SecretFile, out var fault), fault);
        SetMode(_dir.Path, "777");
        Assert.False(SafePath.TryCheckOwn(key, PathRules.SecretFile, out fault));
        Assert.Equal($"{_dir.Path} is writable by others: chmod go-w {_dir.Path}", fault);
    }

    [Fact]
    public void Outside_of_a_root_a_file_or_parent_of_another_user_is_refused()
    {
        Assert.SkipUnless(Posix.IsRoot, "needs root, to give a file away");
        var file = _dir.At("file");
        File.WriteAllText(file, "");
        SetMode(file, "644");
        Assert.True(SafePath.TryCheckTrusted(file, SystemPaths.Real, PathRules.TrustedFile, out var fault), fault);
        Posix.ChangeOwner(file, 12345, null);
        Assert.False(SafePath.TryCheckTrusted(file, SystemPaths.Real, PathRules.TrustedFile, out fault));
        Assert.Equal($"{file} is owned by uid 12345, not by root: chown 0 {file}", fault);
        Posix.ChangeOwner(file, 0, null);
        Posix.ChangeOwner(_dir.Path, 12345, null);
        Assert.False(SafePath.TryCheckTrusted(file, SystemPaths.Real, PathRules.TrustedFile, out fault));
        Assert.StartsWith(_dir.Path + " is owned by uid 12345", fault, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_anothers_own_is_not_given_to_root()
    {
        Assert.SkipUnless(Posix.IsRoot, "needs root, to give a folder away");
        Posix.ChangeOwner(_dir.Path, 65534, null);
        Assert.False(SafePath.TryCheckTrusted(_dir.Path, SystemPaths.Real, PathRules.OwnDirectory, out var fault));
        Assert.Equal($"{_dir.Path} is owned by nobody, and this runs as root: run this as nobody", fault);
    }

    [Theory]
    [InlineData("640")]
    [InlineData("604")]
    [InlineData("601")]
    public void A_secret_that_others_may_read_is_refused_with_the_mend(string mode)
    {
        SetMode(_trial.AnchorFile, mode);
        Assert.False(SafePath.TryCheckTrusted(_trial.AnchorFile, _trial, PathRules.SecretFile, out var fault));
        Assert.Equal($"{_trial.AnchorFile} is open to others: chmod 600 {_trial.AnchorFile}", fault);
    }

    [Fact]
    public void An_executable_must_be_one()
    {
        Assert.False(SafePath.TryCheckTrusted(_trial.AnchorFile, _trial, PathRules.TrustedExecutable, out var fault));
        Assert.EndsWith("not executable: chmod u+x " + _trial.AnchorFile, fault, StringComparison.Ordinal);
        SetMode(_trial.AnchorFile, "755");
        Assert.True(SafePath.TryCheckTrusted(_trial.AnchorFile, _trial, PathRules.TrustedExecutable, out fault), fault);
    }

    [Fact]
    public void A_path_that_is_not_there_is_refused() =>
        Refuses(_trial.SchemaFile, _trial.SchemaFile, "No such file or directory");

    [Theory]
    [InlineData("/etc/qwamos/dom0.pub", "/etc/qwamos/dom0.pub")]
    [InlineData("/tmp/a b", "'/tmp/a b'")]
    [InlineData("/tmp/it's", "'/tmp/it'\\''s'")]
    [InlineData("-rf", "'-rf'")]
    [InlineData("/tmp/$(x)\n", "'/tmp/$(x)\\u{0A}'")]
    [InlineData("", "''")]
    public void Attack21_a_path_in_a_mend_is_one_word_of_a_shell(string path, string expected) => Assert.Equal(expected, SafePath.Quote(path));

    private static void SetMode(string path, string octal) => File.SetUnixFileMode(path, (UnixFileMode)Convert.ToInt32(octal, 8));

    private void Trusts(string path) =>
        Assert.True(SafePath.TryCheckTrusted(path, _trial, PathRules.TrustedFile, out var fault), fault);

    private void Refuses(string path, string culprit, string why)
    {
        Assert.False(SafePath.TryCheckTrusted(path, _trial, PathRules.TrustedFile, out var fault));
        Assert.StartsWith(culprit, fault, StringComparison.Ordinal);
        Assert.Contains(why, fault, StringComparison.Ordinal);
    }
}
