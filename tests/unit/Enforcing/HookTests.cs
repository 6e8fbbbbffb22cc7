using Microsoft.Extensions.Logging.Abstractions;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Policy;
using Qwamos.ControlBus.Tests.Listening;
using Qwamos.Gateway.Enforcing;
using Xunit;

namespace Qwamos.ControlBus.Tests.Enforcing;

/// <summary>Real hooks, run as the gateway runs them.</summary>
public sealed class HookTests : IDisposable
{
    private const UnixFileMode Executable = (UnixFileMode)0x1ED; // 0755
    private readonly string _root = Directory.CreateTempSubdirectory("qwamos-hooks-").FullName;
    private readonly SystemPaths _paths;

    public HookTests()
    {
        Assert.True(SystemPaths.TryCreate(_root, out SystemPaths? paths, out _));
        _paths = paths;
        Directory.CreateDirectory(_paths.HooksDir);
    }

    private string Seen => Path.Combine(_root, "seen");

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void Hook_GetsKeyAndValueAsArguments_AndJsonOnItsInput()
    {
        Write("RADIO_ISOLATION", $"printf '%s|' \"$#\" \"$1\" \"$2\" >{Seen}; cat >>{Seen}");
        Assert.Equal("done", Run("RADIO_ISOLATION", PolicyValue.Of("off"), 7).ToString());
        Assert.Equal("""2|RADIO_ISOLATION|off|{"class":"gateway","index":7,"key":"RADIO_ISOLATION","value":"off"}""", File.ReadAllText(Seen));
    }

    [Fact]
    public void Hook_SeesOnlyPath_TheRootDirectory_AndThreeDescriptors()
    {
        Write("RADIO_ISOLATION", $"{{ /usr/bin/env; pwd; ls /proc/self/fd; }} >{Seen}");
        Assert.Equal("done", Run("RADIO_ISOLATION", PolicyValue.Of("off")).ToString());
        string[] lines = [.. File.ReadAllLines(Seen).Where(line => !line.StartsWith("PWD=", StringComparison.Ordinal)
            && !line.StartsWith("SHLVL=", StringComparison.Ordinal) && !line.StartsWith("_=", StringComparison.Ordinal))];
        Assert.StartsWith("PATH=", lines[0], StringComparison.Ordinal);
        // The fourth descriptor is the directory that ls itself reads.
        Assert.Equal(["/", "0", "1", "2", "3"], lines[1..]);
    }

    [Theory]
    [InlineData("$(touch {0})")]
    [InlineData("; touch {0}")]
    [InlineData("-x")]
    [InlineData("`id`\" ' \\ * ?")]
    public void Attack21_ValueThatLooksLikeACommand_ReachesTheHookAsOneArgument(string pattern)
    {
        string value = pattern.Replace("{0}", Path.Combine(_root, "touched"), StringComparison.Ordinal);
        Write("RADIO_ISOLATION", $"printf '%s' \"$2\" >{Seen}");
        Assert.Equal("done", Run("RADIO_ISOLATION", PolicyValue.Of(value)).ToString());
        Assert.Equal(value, File.ReadAllText(Seen));
        Assert.False(File.Exists(Path.Combine(_root, "touched")));
    }

    [Fact]
    public void Attack21_ValueWithNul_IsNotPassedOnCutShort()
    {
        Write("RADIO_ISOLATION", $"touch {Seen}");
        Assert.Contains("NUL", Run("RADIO_ISOLATION", PolicyValue.Of("on\0off")).ToString(), StringComparison.Ordinal);
        Assert.False(File.Exists(Seen));
    }

    [Fact]
    public void NoHook_IsNoEnforcer() =>
        Assert.Equal("no enforcer", Run("RADIO_ISOLATION", PolicyValue.Of("off")).ToString());

    [Fact]
    public void Attack32_HookThatFails_IsReportedWithItsExitCode()
    {
        Write("RADIO_ISOLATION", "exit 3");
        Assert.Equal("failed: exit code 3", Run("RADIO_ISOLATION", PolicyValue.Of("off")).ToString());
        Write("RADIO_ISOLATION", "kill -9 $$");
        Assert.Equal("failed: ended by signal 9", Run("RADIO_ISOLATION", PolicyValue.Of("off")).ToString());
    }

    [Fact]
    public void FileWithoutInterpreter_IsNotGivenToAShell()
    {
        string path = Path.Combine(_paths.HooksDir, "RADIO_ISOLATION");
        File.WriteAllText(path, $"touch {Seen}\n");
        File.SetUnixFileMode(path, Executable);
        Assert.StartsWith("failed: it cannot be run", Run("RADIO_ISOLATION", PolicyValue.Of("off")).ToString(), StringComparison.Ordinal);
        Assert.False(File.Exists(Seen));
    }

    [Fact]
    public async Task Attack32_HookThatHangs_IsKilledWithEverythingItStarted()
    {
        // The child holds the pipe, too: waiting for the end of the output alone would hang with it.
        Write("RADIO_ISOLATION", $"sleep 1000 & echo $! >{Seen}.part; mv {Seen}.part {Seen}; wait");
        var time = new ManualTime();
        Task<EnforcementOutcome> run = Task.Run(() => Run("RADIO_ISOLATION", PolicyValue.Of("off"), time: time));
        await ReadyAsync();
        int child = int.Parse(await File.ReadAllTextAsync(Seen, TestContext.Current.CancellationToken), System.Globalization.CultureInfo.InvariantCulture);
        time.Advance(Limits.HookTimeoutSeconds + 1);
        Assert.Equal("failed: still running after 10 s, killed", (await run).ToString());
        await GoneAsync(child);
    }

    [Fact]
    public async Task HookThatRuns_WhenTheDaemonStops_IsKilled()
    {
        Write("RADIO_ISOLATION", $"touch {Seen}; sleep 1000");
        using var stop = new CancellationTokenSource();
        Task<EnforcementOutcome> run = Task.Run(() => Run("RADIO_ISOLATION", PolicyValue.Of("off"), stop: stop.Token));
        await ReadyAsync();
        await stop.CancelAsync();
        Assert.True((await run).IsFailure);
    }

    [Fact]
    public void HookThatPrintsWithoutEnd_IsReadButNotKept()
    {
        Write("RADIO_ISOLATION", "head -c 1000000 /dev/zero | tr '\\0' x; exit 1");
        Enforcement enforcement = For("RADIO_ISOLATION", PolicyValue.Of("off"), 1);
        EnforcementOutcome outcome = new HookDirectory(_paths, TimeProvider.System).Run(enforcement, out string output, CancellationToken.None);
        Assert.Equal("failed: exit code 1", outcome.ToString());
        Assert.Equal(Limits.MaxHookOutputBytes, output.Length);
    }

    [Fact]
    public void Attack40_OutputOfAConfidentialKeysHook_IsNotKept()
    {
        Write("DURESS.gesture", "echo \"secret $2\"; exit 1");
        Enforcement enforcement = For("DURESS.gesture", PolicyValue.Of("triple-power"), 1);
        _ = new HookDirectory(_paths, TimeProvider.System).Run(enforcement, out string output, CancellationToken.None);
        Assert.Equal("", output);
    }

    [Fact]
    public void Attack27_HookOrDirectoryThatOthersCouldHaveWritten_IsNotRun()
    {
        string hook = Write("RADIO_ISOLATION", $"touch {Seen}");
        File.SetUnixFileMode(hook, Executable | UnixFileMode.OtherWrite);
        AssertNotTrusted();
        File.SetUnixFileMode(hook, Executable);

        File.SetUnixFileMode(_paths.HooksDir, Executable | UnixFileMode.GroupWrite);
        AssertNotTrusted();
        File.SetUnixFileMode(_paths.HooksDir, Executable);

        string elsewhere = Path.Combine(_root, "elsewhere");
        File.Move(hook, elsewhere);
        File.CreateSymbolicLink(hook, elsewhere);
        AssertNotTrusted();
        File.Delete(hook);
        Directory.CreateDirectory(hook);
        AssertNotTrusted();
    }

    [Fact]
    public void Event_SignedLongAgo_IsNotRun()
    {
        Write("GHOST.trigger", $"touch {Seen}");
        var time = new ManualTime();
        using var enforcer = new Enforcer(new HookDirectory(_paths, time), time, new Gateway.LogMessages(NullLogger.Instance));
        Enforcement late = For("GHOST.trigger", PolicyValue.Of("fire"), 4) with { SignedSeconds = time.UnixSeconds - 301 };
        Assert.True(enforcer.RunNow(late, TestContext.Current.CancellationToken).IsFailure);
        Assert.False(File.Exists(Seen));
        Assert.True(enforcer.RunNow(late with { SignedSeconds = time.UnixSeconds - 300 }, TestContext.Current.CancellationToken).IsDone);
        Assert.True(File.Exists(Seen));
    }

    private void AssertNotTrusted()
    {
        Assert.StartsWith("failed: the hook cannot be trusted", Run("RADIO_ISOLATION", PolicyValue.Of("off")).ToString(), StringComparison.Ordinal);
        Assert.False(File.Exists(Seen));
    }

    private string Write(string key, string script)
    {
        string path = Path.Combine(_paths.HooksDir, key);
        File.WriteAllText(path, "#!/bin/sh\n" + script + "\n");
        File.SetUnixFileMode(path, Executable);
        return path;
    }

    private static Enforcement For(string name, PolicyValue value, long index)
    {
        Assert.True(PolicySchema.BuiltIn.TryGet(name, out PolicyKey? key));
        return new Enforcement(key, value, index);
    }

    private EnforcementOutcome Run(string name, PolicyValue value, long index = 1, TimeProvider? time = null, CancellationToken stop = default) =>
        new HookDirectory(_paths, time ?? TimeProvider.System).Run(For(name, value, index), out _, stop);

    private async Task ReadyAsync()
    {
        while (!File.Exists(Seen))
            await Task.Delay(5, TestContext.Current.CancellationToken);
    }

    /// <summary>A signal takes effect when its process runs next, which a busy machine puts off.</summary>
    private static async Task GoneAsync(int pid)
    {
        while (!IsGone(pid))
            await Task.Delay(5, TestContext.Current.CancellationToken);
    }

    private static bool IsGone(int pid)
    {
        string stat = $"/proc/{pid}/stat";
        // A killed orphan may stay for a moment as a zombie of the system's first process.
        return !File.Exists(stat) || File.ReadAllText(stat).Split(") ")[1].StartsWith('Z');
    }
}
