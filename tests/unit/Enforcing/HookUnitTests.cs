using System.Globalization;
using System.Net.Sockets;
using System.Text;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Hosting.Listening;
using Qwamos.ControlBus.Policy;
using Qwamos.ControlBus.Tests.Listening;
using Qwamos.Gateway.Enforcing;
using Xunit;

namespace Qwamos.ControlBus.Tests.Enforcing;

/// <summary>Both sides of a hook's unit, over a real socket, with real hooks: how a run begins and how it ends.</summary>
public sealed class HookUnitTests : IDisposable
{
    private const UnixFileMode Executable = (UnixFileMode)0x1ED; // 0755
    private readonly string _root = Directory.CreateTempSubdirectory("qwamos-units-").FullName;
    private readonly SystemPaths _paths;
    private readonly ManualTime _daemonsTime = new();
    private readonly ManualTime _unitsTime = new();

    public HookUnitTests()
    {
        Assert.True(SystemPaths.TryCreate(_root, out SystemPaths? paths, out _));
        _paths = paths;
        TrialTree.MakeMissing(paths);
    }

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private string Seen => Path.Combine(_root, "seen");

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public async Task AHook_GetsWhatTheDaemonSays_AndTheDaemonWhatBecameOfIt()
    {
        Write($"printf '%s|' \"$@\" >{Seen}; cat >>{Seen}; echo printed; exit 3");
        (EnforcementOutcome outcome, string output, string? fault) = await RunAsync("RADIO_ISOLATION", "off");
        Assert.Equal(("failed: exit code 3", "printed\n", null), (outcome.ToString(), output, fault));
        Assert.Equal("""RADIO_ISOLATION|off|{"class":"gateway","index":7,"key":"RADIO_ISOLATION","value":"off"}""", await File.ReadAllTextAsync(Seen, Stop));

        Write("exit 0");
        Assert.Equal("done", (await RunAsync("RADIO_ISOLATION", "off")).Outcome.ToString());
        Assert.Equal("no enforcer", (await RunAsync("TOR_ISOLATION", "off")).Outcome.ToString());
    }

    [Fact]
    public async Task Attack27_TheUnitChecksTheHookItself()
    {
        Write($"touch {Seen}");
        File.SetUnixFileMode(Path.Combine(_paths.HooksDir, "RADIO_ISOLATION"), Executable | UnixFileMode.OtherWrite);
        Assert.StartsWith("failed: the hook cannot be trusted", (await RunAsync("RADIO_ISOLATION", "off")).Outcome.ToString(), StringComparison.Ordinal);
        Assert.False(File.Exists(Seen));
    }

    [Fact]
    public async Task Attack40_OutputOfAConfidentialKeysHook_IsNotKept()
    {
        Write("echo \"secret $2\"; exit 1", "DURESS.gesture");
        Assert.Equal("", (await RunAsync("DURESS.gesture", "triple-power")).Output);
    }

    [Fact]
    public async Task Attack32_PastItsTime_AHookIsKilledByItsUnit_WhichSaysSo()
    {
        Write($"sleep 1000 & echo $! >{Seen}.part; mv {Seen}.part {Seen}; wait");
        Task<(EnforcementOutcome Outcome, string, string?)> run = RunAsync("RADIO_ISOLATION", "off");
        int child = await ChildAsync();
        _unitsTime.Advance(Limits.HookTimeoutSeconds + 1);
        Assert.Equal("failed: still running after 10 s, killed", (await run).Outcome.ToString());
        await GoneAsync(child);
    }

    [Fact]
    public async Task WhenTheDaemonStops_TheHookIsKilled()
    {
        Write($"sleep 1000 & echo $! >{Seen}.part; mv {Seen}.part {Seen}; wait");
        using var stop = new CancellationTokenSource();
        Task<(EnforcementOutcome Outcome, string, string? Fault)> run = RunAsync("RADIO_ISOLATION", "off", stop.Token);
        int child = await ChildAsync();
        await stop.CancelAsync();
        Assert.Equal("the daemon sent no call in time, or ended before its hook did", (await run).Fault);
        Assert.True((await run).Outcome.IsFailure);
        await GoneAsync(child);
    }

    [Fact]
    public async Task WhatComesAfterTheCall_EndsTheHook()
    {
        Write($"sleep 1000 & echo $! >{Seen}.part; mv {Seen}.part {Seen}; wait");
        (Socket daemon, Socket unit) = SocketPair.Create();
        using (daemon)
        using (unit)
        {
            Task<string?> serving = Conversation().ServeAsync(unit);
            await HookLine.SendAsync(daemon, Call(), Stop);
            int child = await ChildAsync();
            await daemon.SendAsync("x"u8.ToArray(), Stop);
            Assert.NotNull(await serving);
            await GoneAsync(child);
        }
    }

    [Theory]
    [InlineData("x\n")]
    [InlineData("{}\n")]
    [InlineData("CALL\nCALL\n")]
    public async Task Attack20_ACallThatCannotBeRead_RunsNoHook_AndIsNotAnswered(string sent)
    {
        Write($"touch {Seen}");
        (Socket daemon, Socket unit) = SocketPair.Create();
        using (daemon)
        {
            await daemon.SendAsync(Encoding.UTF8.GetBytes(sent.Replace("CALL", Encoding.UTF8.GetString(Call()), StringComparison.Ordinal)), Stop);
            using (unit)
                Assert.NotNull(await Conversation().ServeAsync(unit));
            Assert.False(File.Exists(Seen));
        }
    }

    [Fact]
    public async Task Attack23_WithoutAWholeCall_TheUnitEndsInTime()
    {
        Write($"touch {Seen}");
        (Socket daemon, Socket unit) = SocketPair.Create();
        using (daemon)
        using (unit)
        {
            Task<string?> serving = Conversation().ServeAsync(unit);
            await daemon.SendAsync(Call(), Stop); // and no newline
            while (!_unitsTime.IsAwaited)
                await Task.Yield();
            _unitsTime.Advance(Limits.HookUnitGraceSeconds);
            Assert.Equal("the daemon sent no call in time, or ended before its hook did", await serving);
            Assert.False(File.Exists(Seen));
        }
    }

    [Fact]
    public async Task AUnitThatEndsWithoutAnAnswer_OrGivesNone_IsAFailure()
    {
        using Socket listener = Listen();
        Task<EnforcementOutcome> ended = Task.Run(() => Ask("RADIO_ISOLATION", "off", Stop).Outcome);
        (await listener.AcceptAsync(Stop)).Dispose();
        Assert.StartsWith("failed: its unit ended without an answer", (await ended).ToString(), StringComparison.Ordinal);

        Task<EnforcementOutcome> silent = Task.Run(() => Ask("RADIO_ISOLATION", "off", Stop).Outcome);
        using Socket accepted = await listener.AcceptAsync(Stop);
        Assert.NotNull(await HookLine.ReadAsync(accepted, Limits.MaxHookCallBytes, Stop));
        _daemonsTime.Advance(HookUnits.PatienceSeconds);
        Assert.Equal("failed: its unit gave no answer within 15 s, and is ended", (await silent).ToString());
        // It is told by the end of its connection.
        Assert.Equal(0, await accepted.ReceiveAsync(new byte[1], Stop));
    }

    [Fact]
    public void ASocketThatNobodyServes_IsAFailure_AndTheHookIsNotRunHere()
    {
        Write($"touch {Seen}");
        Assert.False(HookUnits.AreThere(_paths));
        Listen().Dispose();
        Assert.StartsWith("failed: there is no socket ", Ask("RADIO_ISOLATION", "off", Stop).Outcome.ToString(), StringComparison.Ordinal);
        using var bound = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        bound.Bind(new UnixDomainSocketEndPoint(_paths.HookSocket));
        Assert.True(HookUnits.AreThere(_paths));
        Assert.StartsWith($"failed: nothing listens at {_paths.HookSocket}, by which hooks are run", Ask("RADIO_ISOLATION", "off", Stop).Outcome.ToString(), StringComparison.Ordinal);
        Assert.False(File.Exists(Seen));
    }

    /// <summary>One run: the daemon's side, and the unit that the manager would start for its connection.</summary>
    private async Task<(EnforcementOutcome Outcome, string Output, string? Fault)> RunAsync(string key, string value, CancellationToken stop = default)
    {
        using Socket listener = Listen();
        Task<(EnforcementOutcome Outcome, string Output)> asking = Task.Run(() => Ask(key, value, stop));
        string? fault;
        using (Socket accepted = await listener.AcceptAsync(Stop))
            fault = await Conversation().ServeAsync(accepted);
        (EnforcementOutcome outcome, string output) = await asking;
        return (outcome, output, fault);
    }

    private (EnforcementOutcome Outcome, string Output) Ask(string key, string value, CancellationToken stop)
    {
        Assert.True(PolicySchema.BuiltIn.TryGet(key, out PolicyKey? known));
        EnforcementOutcome outcome = new HookDirectory(_paths, _daemonsTime, new HookUnits(_paths.HookSocket, _daemonsTime)).Run(new Enforcement(known, PolicyValue.Of(value), 7), out string output, stop);
        return (outcome, output);
    }

    private HookConversation Conversation() => new(new HookDirectory(_paths, _unitsTime), _unitsTime);

    private static byte[] Call() => new HookCall("RADIO_ISOLATION", PolicyValue.Of("off"), 7, "gateway").ToJson();

    private Socket Listen()
    {
        File.Delete(_paths.HookSocket);
        var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(_paths.HookSocket));
        listener.Listen();
        return listener;
    }

    private void Write(string script, string key = "RADIO_ISOLATION")
    {
        string path = Path.Combine(_paths.HooksDir, key);
        File.WriteAllText(path, "#!/bin/sh\n" + script + "\n");
        File.SetUnixFileMode(path, Executable);
    }

    private async Task<int> ChildAsync()
    {
        while (!File.Exists(Seen))
            await Task.Delay(5, Stop);
        return int.Parse(await File.ReadAllTextAsync(Seen, Stop), CultureInfo.InvariantCulture);
    }

    /// <summary>A signal takes effect when its process runs next, which a busy machine puts off.</summary>
    private static async Task GoneAsync(int process)
    {
        string stat = $"/proc/{process}/stat";
        while (File.Exists(stat) && !(await File.ReadAllTextAsync(stat, Stop)).Split(") ")[1].StartsWith('Z'))
            await Task.Delay(5, Stop);
    }
}
