using Qwamos.SystemTests.Harness;
using Xunit;

namespace Qwamos.SystemTests;

/// <summary>The radio switch of the published gateway, on a tree of files in place of the kernel's: the test is the driver.</summary>
public sealed class RadioTests : IDisposable
{
    private readonly Trial _trial = new();

    public RadioTests()
    {
        _trial.Write("/etc/qwamos/gateway.json", """{"name":"gateway","class":"gateway","radio":{"interfaces":["wlan0"]}}""");
        _trial.Write("/dev/rfkill", "");
        _trial.Write("/sys/class/rfkill/rfkill0/hard", "0\n");
        _trial.Write("/sys/class/net/wlan0/statistics/tx_packets", "1\n");
        Driver(isBlocked: false);
    }

    public void Dispose() => _trial.Dispose();

    [Fact]
    public void Isolation_IsSwitched_AndARadioThatSomebodyTurnsOn_IsDrift_AndWhatADriverRefuses_IsFailed()
    {
        RunningProgram gateway = _trial.StartGateway();
        Eventually.True(() => LastSwitch() == "0100", "a start blocks", Outcome);
        Driver(isBlocked: true);
        Eventually.True(() => Outcome() == "closed until one of its enforcer's keys is set" && LastSwitch() == "0100", "all is blocked until a key is set", Outcome);

        Set("on");
        Eventually.True(() => Outcome() == "done", "the radios are blocked", Outcome);
        Driver(isBlocked: false);
        gateway.WaitForLog("drift of RADIO_ISOLATION, RADIO_IDLE_TIMEOUT_MIN: the radio rfkill0 is on; corrected");
        Eventually.True(() => Outcome().StartsWith("failed: the radio rfkill0 is still on; and it could not be closed: ", StringComparison.Ordinal), "a driver that does nothing is found out", Outcome);

        Driver(isBlocked: true);
        Eventually.True(() => Outcome() == "done", "it is tried again", Outcome);

        Driver(isBlocked: false);
        Set("off");
        Eventually.True(() => Outcome() == "done" && LastSwitch() == "0000", "the radios may be on", Outcome);
        gateway.Kill9();
        File.WriteAllText(_trial.At("/dev/rfkill"), "");
        _trial.StartGateway();
        Eventually.True(() => Outcome() == "done", "a start finds it in force", Outcome);
        Assert.Equal("", LastSwitch());
    }

    private void Driver(bool isBlocked) => _trial.Write("/sys/class/rfkill/rfkill0/soft", isBlocked ? "1\n" : "0\n");

    /// <summary>Soft and hard of the last event.</summary>
    private string LastSwitch() => File.ReadAllBytes(_trial.At("/dev/rfkill")) is { Length: 8 } change ? Convert.ToHexString(change, 6, 2) : "";

    private void Set(string value) =>
        Assert.Equal("ok", _trial.Ask(_trial.Signer.SetPolicy($$"""{"RADIO_ISOLATION":"{{value}}"}"""), _trial.GatewaySocket).Code());

    private string Outcome() =>
        _trial.Ask("""{"msg":{"command":"get_status"}}"""u8, _trial.GatewaySocket).GetProperty("enforcement").TryGetProperty("RADIO_ISOLATION", out var outcome) ? outcome.GetString()! : "";
}
