using Microsoft.Extensions.Logging.Abstractions;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Policy;
using Qwamos.ControlBus.Tests.Listening;
using Qwamos.Gateway.Enforcing;
using Qwamos.Gateway.Enforcing.Radio;
using Xunit;

namespace Qwamos.ControlBus.Tests.Enforcing;

/// <summary>The radio switch on a tree of files in place of the kernel's: what is written to the device is an event of linux/rfkill.h.</summary>
public sealed class RadioEnforcerTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("qwamos-radio-").FullName;
    private readonly ManualTime _time = new();
    private readonly RadioEnforcer _radio;
    private readonly SystemPaths _paths;

    public RadioEnforcerTests()
    {
        Assert.True(SystemPaths.TryCreate(_root, out SystemPaths? paths, out _));
        _paths = paths;
        Write("/dev/rfkill", "");
        Write("/sys/class/rfkill/rfkill0/soft", "0\n");
        Write("/sys/class/rfkill/rfkill0/hard", "0\n");
        Write("/sys/class/net/wlan0/statistics/tx_packets", "5\n");
        Directory.CreateDirectory(paths.GatewayStateDir);
        _radio = Enforcer();
    }

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void InterfaceThatIsNotThere_IsWarnedOfAtTheStart()
    {
        Write("/etc/qwamos/gateway.json", """{"name":"gateway","class":"gateway","radio":{"interfaces":["wlan0","wlan9"]}}""");
        File.SetUnixFileMode(_paths.GatewayConfigFile, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        Assert.True(GatewayConfig.TryLoad(_paths, PolicySchema.BuiltIn, out GatewayConfig? config, out string fault), fault);
        var log = new KeptLog();
        using StateKeeper keeper = BuiltInEnforcers.Keeper(_paths, config.Enforcers, PolicySchema.BuiltIn, _time, new Gateway.LogMessages(log));
        Assert.StartsWith("radio in gateway.json names wlan9, and there is no such interface now", Assert.Single(log.Lines), StringComparison.Ordinal);
    }

    [Fact]
    public void Isolation_IsOneEventForAllRadios()
    {
        Assert.Null(ApplyAsInAKernel(_radio, "on"));
        Assert.Equal("0000000000030100", Device());
        Assert.Null(Apply("off", 0));
        Assert.Equal("0000000000030000", Device());
    }

    /// <summary>Somebody in an aeroplane, whose daemon starts anew.</summary>
    [Fact]
    public void BlockOfAnother_IsNotTakenBack_AndThatFromHereIs_AfterARestart()
    {
        Write("/sys/class/rfkill/rfkill0/soft", "1\n");
        Assert.Null(Apply("off", 0));
        Assert.Equal("", Device());
        Write("/sys/class/rfkill/rfkill0/soft", "0\n");
        Assert.Null(ApplyAsInAKernel(_radio, "on"));
        RadioEnforcer restarted = Enforcer();
        Assert.Null(restarted.Apply(Values("off", 0), isNew: true, default));
        Assert.Equal("0000000000030000", Device());
        Write("/dev/rfkill", "");
        Assert.Null(Enforcer().Apply(Values("off", 0), isNew: true, default));
        Assert.Equal("", Device());
    }

    /// <summary>Bluetooth that its owner never wants: two of them, of which one was blocked when all were.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void RadioThatWasBlockedBefore_StaysSo_NotOnForAMomentEither(bool isRestarted)
    {
        foreach ((int number, string type, string soft) in new[] { (0, "wlan", "0"), (3, "bluetooth", "1"), (12, "bluetooth", "0") })
        {
            Write($"/sys/class/rfkill/rfkill{number}/name", $"radio{number}\n");
            Write($"/sys/class/rfkill/rfkill{number}/type", type + "\n");
            Write($"/sys/class/rfkill/rfkill{number}/soft", soft + "\n");
        }
        Assert.Null(ApplyAsInAKernel(_radio, "on"));
        Assert.Equal("bluetooth radio3\n", File.ReadAllText(_paths.RadiosBlockedFile));
        RadioEnforcer radio = isRestarted ? Enforcer() : _radio;
        // What is blocked a second time says nothing of who did it first.
        Assert.Null(radio.Apply(Values("on", 0), isNew: true, default));
        Write("/dev/rfkill", "");
        Assert.Null(radio.Apply(Values("off", 0), isNew: true, default));
        string[] events = [.. Device().Chunk(16).Select(change => new string(change))];
        Assert.Equal(["01", "03", "04", "05", "06", "07", "08"], events.Where(change => change[10..12] == "03").Select(change => change[8..10]));
        Assert.Equal(["0000000001020000", "0c00000002020000"], events.Where(change => change[10..12] == "02").Order());
        Assert.All(events, change => Assert.Equal("0000", change[12..]));
        Assert.True(Posix.IsAbsent(_paths.RadiosBlockedFile));
    }

    [Fact]
    public void RadioThatWasBlockedBefore_AndComesBackUnderAnotherName_StaysBlocked()
    {
        Write("/sys/class/rfkill/rfkill0/name", "phy0\n");
        Write("/sys/class/rfkill/rfkill0/type", "wlan\n");
        Write("/sys/class/rfkill/rfkill0/soft", "1\n");
        Assert.Null(Apply("on", 0));
        Write("/sys/class/rfkill/rfkill0/name", "phy1\n");
        Write("/dev/rfkill", "");
        Assert.Null(Apply("off", 0));
        string[] events = [.. Device().Chunk(16).Select(change => new string(change))];
        Assert.Equal(7, events.Length);
        Assert.All(events, change => Assert.Equal("03", change[10..12]));
        Assert.DoesNotContain(events, change => change[8..10] == "01");
    }

    [Fact]
    public void DiskThatTakesNothing_LeavesNoRadioOn_AndIsTriedAgain()
    {
        Directory.Delete(_paths.GatewayStateDir);
        Assert.Null(ApplyAsInAKernel(_radio, "on"));
        Assert.Equal("0000000000030100", Device());
        Directory.CreateDirectory(_paths.GatewayStateDir);
        Assert.Null(_radio.Observe(default));
        Assert.False(Posix.IsAbsent(_paths.RadiosBlockedFile));
        Assert.Null(Enforcer().Apply(Values("off", 0), isNew: true, default));
        Assert.Equal("0000000000030000", Device());
    }

    [Fact]
    public void Attack32_RadioThatStaysOn_IsSaid()
    {
        Assert.Equal("the radio rfkill0 is still on", Apply("on", 0));
        Assert.Equal("the radio rfkill0 is on", _radio.Observe(default));
        Write("/sys/class/rfkill/rfkill0/hard", "1\n");
        Assert.Null(_radio.Observe(default));
    }

    [Fact]
    public void Attack32_RadioThatCannotBeRead_CountsAsOn()
    {
        Write("/sys/class/rfkill/rfkill0/soft", "1\n");
        Assert.Null(Apply("on", 0));
        File.Delete(_paths.At("/sys/class/rfkill/rfkill0/soft"));
        Assert.Equal("the radio rfkill0 is on", _radio.Observe(default));
    }

    [Fact]
    public void RadioThatMayBeOn_AndIsBlockedByAnother_IsLeftBlocked()
    {
        Assert.Null(Apply("off", 0));
        Write("/sys/class/rfkill/rfkill0/soft", "1\n");
        Assert.Null(_radio.Observe(default));
        Assert.Equal("", Device());
    }

    [Fact]
    public void RadioThatSendsNothing_IsBlockedAfterItsTime_AndTrafficBeginsThatAnew()
    {
        Assert.Null(Apply("off", 10));
        _time.Advance(599);
        Assert.Null(_radio.Observe(default));
        Write("/sys/class/net/wlan0/statistics/tx_packets", "6\n");
        _time.Advance(1);
        Assert.Null(_radio.Observe(default));
        _time.Advance(599);
        Assert.Null(_radio.Observe(default));
        Assert.Equal("", Device());

        Write("/sys/class/rfkill/rfkill0/soft", "1\n");
        _time.Advance(1);
        Assert.Null(_radio.Observe(default));
        Assert.EndsWith("0100", Device(), StringComparison.Ordinal);

        // From then on a radio that is on is drift, which is corrected; the key set again is what takes it back.
        Write("/sys/class/rfkill/rfkill0/soft", "0\n");
        Assert.Equal("the radio rfkill0 is on", _radio.Observe(default));
        Write("/dev/rfkill", "");
        Assert.Equal("the radio rfkill0 is still on", _radio.Apply(Values("off", 10), isNew: false, default));
        Assert.EndsWith("0100", Device(), StringComparison.Ordinal);
        Assert.Null(Apply("off", 10));
        Assert.EndsWith("0000", Device(), StringComparison.Ordinal);
    }

    [Fact]
    public void IdleTimeOfZero_IsNever()
    {
        Assert.Null(Apply("off", 0));
        _time.Advance(1_000_000);
        Assert.Null(_radio.Observe(default));
        Assert.Equal("", Device());
    }

    [Fact]
    public void WithoutRadioSwitches_IsolationIsAFault()
    {
        File.Delete(_paths.At("/dev/rfkill"));
        KeyValuePair<string, string> fault = Assert.Single(_radio.Check(Values("on", 10), default));
        Assert.Equal("RADIO_ISOLATION", fault.Key);
        Assert.Contains("modprobe rfkill here", fault.Value, StringComparison.Ordinal);
        Assert.NotNull(_radio.Undo(default));
    }

    /// <summary>Every radio is blocked soon after the event for all of them.</summary>
    private string? ApplyAsInAKernel(RadioEnforcer radio, string isolation)
    {
        Write("/dev/rfkill", "");
        Task kernel = Task.Run(async () =>
        {
            while (Device().Length < 16)
                await Task.Yield();
            foreach (string name in Directory.GetDirectories(_paths.At("/sys/class/rfkill")))
                File.WriteAllText(Path.Combine(name, "soft"), "1\n");
        });
        string? fault = radio.Apply(Values(isolation, 0), isNew: true, default);
        kernel.Wait();
        return fault;
    }

    private RadioEnforcer Enforcer() => new(new RadioSwitch(_paths), new IdleTimer(_paths, ["wlan0", "wwan0"], _time), new Gateway.LogMessages(NullLogger.Instance));

    private string Device() => Convert.ToHexStringLower(File.ReadAllBytes(_paths.At("/dev/rfkill")));

    private string? Apply(string isolation, long minutes)
    {
        Assert.Empty(_radio.Check(Values(isolation, minutes), default));
        return _radio.Apply(Values(isolation, minutes), isNew: true, default);
    }

    private static Dictionary<string, PolicyValue> Values(string isolation, long minutes) => new(StringComparer.Ordinal)
    {
        ["RADIO_ISOLATION"] = PolicyValue.Of(isolation),
        ["RADIO_IDLE_TIMEOUT_MIN"] = PolicyValue.Of(minutes),
    };

    private void Write(string path, string content)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(_paths.At(path))!);
        File.WriteAllText(_paths.At(path), content);
    }
}
