using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using Qwamos.ControlBus.Files;
using Xunit;

namespace Qwamos.ControlBus.Tests.Files;

/// <summary>
/// Real errors and real deaths at each call that makes a write durable: a process of its own under strace, which makes the Nth such call
/// fail, or kills the process at it.
/// </summary>
public sealed class DurableFileFaultTests : IDisposable
{
    private const string Victim = "Qwamos.ControlBus.Tests.Files.DurableFileVictim.";

    private readonly TemporaryDirectory _dir = new();

    public DurableFileFaultTests()
    {
        Directory.CreateDirectory(_dir.At("state"));
        File.WriteAllText(_dir.At("state/file"), "old");
    }

    public void Dispose() => _dir.Dispose();

    [Fact]
    public void Without_a_fault_the_new_content_is_in_place()
    {
        Run("fsync", "error=EIO:when=100");
        Ends("done", "new");
    }

    [Theory]
    [InlineData("fchmod", 1, "EIO", PosixException.EIO, "old")]
    [InlineData("fsync", 1, "EIO", PosixException.EIO, "old")]
    [InlineData("fsync", 1, "ENOSPC", PosixException.ENOSPC, "old")]
    [InlineData("renameat", 1, "ENOSPC", PosixException.ENOSPC, "old")]
    [InlineData("renameat", 1, "EIO", PosixException.EIO, "old")]
    [InlineData("fsync", 2, "EIO", PosixException.EIO, "new")] // the directory's: renamed, but nobody may rely on it
    public void Attack29_an_error_is_reported_with_its_call_and_the_file_is_wholly_old_or_wholly_new(
        string call, int nth, string error, int errno, string content)
    {
        Run(call, $"error={error}:when={nth}");
        Ends($"{(call == "renameat" ? "rename" : call)} {errno}", content);
    }

    [Theory]
    [InlineData("fchmod", 1, "old")]
    [InlineData("fsync", 1, "old")]
    [InlineData("renameat", 1, null)]
    [InlineData("fsync", 2, "new")]
    public void Attack29_a_death_leaves_the_file_wholly_old_or_wholly_new_and_the_next_start_clears_up(string call, int nth, string? content)
    {
        Run(call, $"signal=KILL:when={nth}");
        DurableFile.RemoveLeftovers(_dir.At("state"));
        Ends(null, content);
    }

    [Theory]
    [InlineData("fchmod", 1)]
    [InlineData("fsync", 1)]
    [InlineData("/^renameat2", 1)]
    [InlineData("/^unlink", 1)]
    [InlineData("fsync", 2)]
    public void Attack29_a_death_while_a_file_is_made_leaves_none_or_one_with_one_name(string call, int nth)
    {
        var made = _dir.At("state/made");
        Run(call, $"signal=KILL:when={nth}", "Makes_one_file");
        if (!File.Exists(made)) return;
        Assert.Equal("new", File.ReadAllText(made));
        Assert.Equal(1u, Posix.Stat(made).Links);
    }

    [Fact]
    public void Attack29_where_no_rename_spares_what_is_there_a_file_is_made_by_links_and_never_over_another()
    {
        Run("renameat2", "error=EINVAL", "Makes_one_file");
        Ends("done", "old", "made");
        Assert.Equal("new", File.ReadAllText(_dir.At("state/made")));
        Assert.Equal(1u, Posix.Stat(_dir.At("state/made")).Links);
    }

    private void Ends(string? outcome, string? content, params string[] besides)
    {
        Assert.Equal(outcome, File.Exists(_dir.At("outcome")) ? File.ReadAllText(_dir.At("outcome")) : null);
        var found = File.ReadAllText(_dir.At("state/file"));
        if (content is null) Assert.Contains(found, (string[])["old", "new"]);
        else Assert.Equal(content, found);
        Assert.Equal(["file", .. besides], Directory.EnumerateFileSystemEntries(_dir.At("state")).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal));
    }

    private void Run(string call, string injection, string victim = "Replaces_one_file")
    {
        var start = new ProcessStartInfo("strace")
        {
            ArgumentList =
            {
                "-f", "-qq", "-o", _dir.At("trace"), "-e", "trace=" + call, "-e", string.Create(CultureInfo.InvariantCulture, $"inject={call}:{injection}"),
                Path.Combine(AppContext.BaseDirectory, "Qwamos.ControlBus.Tests"), "-explicit", "only", "-method", Victim + victim, "-noLogo",
            },
            Environment = { [DurableFileVictim.DirectoryVariable] = _dir.Path },
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        try
        {
            using var process = Process.Start(start)!;
            var errors = process.StandardError.ReadToEndAsync();
            process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            Assert.SkipWhen(errors.Result.Contains("PTRACE", StringComparison.Ordinal), "strace may not trace here: " + errors.Result);
        }
        catch (Win32Exception)
        {
            Assert.Skip("strace is not installed (apt install strace)");
        }
    }
}
