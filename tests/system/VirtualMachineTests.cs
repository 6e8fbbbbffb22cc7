using System.Text.Json;
using Qwamos.SystemTests.Harness;
using Xunit;

namespace Qwamos.SystemTests;

/// <summary>Dom0 and real virtual machines, each with the published gateway-policyd on a virtio-serial port.</summary>
public sealed class VirtualMachineTests : IDisposable
{
    private readonly Trial _trial = new();
    private readonly ScratchFolder _scratch = new();
    private VirtualMachine? _machine;

    public void Dispose()
    {
        _machine?.Dispose();
        _trial.Dispose();
        _scratch.Dispose();
    }

    [Fact]
    public void Attack23_AGatewayTakesWhatItMissedInAWeek_AndRecoversFromACutMessageAResetAndAPowerCut()
    {
        string? library = FakeTime.Library();
        Assert.SkipUnless(library is not null, "needs libfaketime, which is not installed");
        RunningProgram daemon = Begin("gateway", new Dictionary<string, string> { ["LD_PRELOAD"] = library, ["FAKETIME"] = "-7d" });
        ClientAWeekAgo(library, "audit", "key", "--sign");
        ClientAWeekAgo(library, "set", "RADIO_ISOLATION", "off");
        ClientAWeekAgo(library, "set", "TOR_ISOLATION", "mandatory");
        Assert.Equal(0, daemon.Stop());

        // Enrolment, and the week's catch-up.
        _trial.StartDaemon();
        RunningProgram courier = _trial.StartCourier();
        _machine!.Start();
        _machine.WaitForConsole("ENROLLED");
        _machine.WaitForConsole("HOOK RADIO_ISOLATION off");
        _machine.WaitForConsole("HOOK TOR_ISOLATION mandatory");
        WaitUntilAllIsTaken();

        // A change.
        Assert.Equal("ok", _trial.Set("RADIO_ISOLATION", "\"on\"").Code());
        _machine.WaitForConsole("HOOK RADIO_ISOLATION on");

        // A connection that is cut in the middle of a message, and of a frame.
        Assert.Equal(0, courier.Stop());
        using (var cut = new FramedClient(_machine.Port))
        {
            cut.Send('D', """{"msg":{"command":"get_""");
            cut.Send('D', """status"}}""", cutAfter: 25);
        }

        using (var whole = new FramedClient(_machine.Port))
            Assert.Equal("on", whole.Ask("""{"msg":{"command":"get_status"}}""").Policy("RADIO_ISOLATION"));
        _trial.StartCourier();
        Assert.Equal("ok", _trial.Set("RADIO_IDLE_TIMEOUT_MIN", "7").Code());
        _machine.WaitForConsole("HOOK RADIO_IDLE_TIMEOUT_MIN 7");

        // A reset, in which Dom0's connection to the port stays.
        _machine.Reset();
        Assert.Equal("ok", _trial.Set("RADIO_IDLE_TIMEOUT_MIN", "8").Code());
        _machine.WaitForConsole("BOOTED", times: 2);
        _machine.WaitForConsole("HOOK RADIO_IDLE_TIMEOUT_MIN 8");
        WaitUntilAllIsTaken();

        // A power cut.
        _machine.CutPower();
        Assert.Equal("ok", _trial.Set("RADIO_IDLE_TIMEOUT_MIN", "9").Code());
        _machine.Start();
        _machine.WaitForConsole("HOOK RADIO_IDLE_TIMEOUT_MIN 9");
        WaitUntilAllIsTaken();
        Assert.DoesNotContain("ENROLLED", _machine.Console, StringComparison.Ordinal);
    }

    [Fact]
    public void Attack11_AMachineOfClassUi_TakesItsOwnKeyAndNothingElse()
    {
        Begin("ui");
        Assert.Equal(0, _trial.Client("audit", "key", "--sign").ExitCode);
        _machine!.Start();
        RunningProgram courier = _trial.StartCourier();
        Assert.Equal("ok", _trial.Ask(_trial.Signer.SetPolicy("""{"RADIO_ISOLATION":"off"}""")).Code());
        Assert.Equal("ok", _trial.Ask(_trial.Signer.SetPolicy("""{"CLIPBOARD_ISOLATION":"strict","TOR_ISOLATION":"off"}""")).Code());
        _machine.WaitForConsole("HOOK CLIPBOARD_ISOLATION strict");
        WaitUntilAllIsTaken();
        Assert.Equal(0, courier.Stop());
        using var link = new FramedClient(_machine.Port);
        JsonElement status = link.Ask("""{"msg":{"command":"get_status"}}""");
        Assert.Equal("""{"CLIPBOARD_ISOLATION":"strict"}""", status.GetProperty("policy").GetRawText());
        Assert.Equal("""{"name":"ui","class":"ui"}""", status.GetProperty("domain").GetRawText());
        Assert.DoesNotContain("HOOK RADIO", _machine.Console, StringComparison.Ordinal);
        Assert.DoesNotContain("HOOK TOR", _machine.Console, StringComparison.Ordinal);
    }

    /// <summary>Starts Dom0 with one machine of that class, which is made and not started.</summary>
    private RunningProgram Begin(string @class, IReadOnlyDictionary<string, string>? environment = null)
    {
        string port = Path.Combine(_trial.Root, "vm/bus");
        _trial.Write("/etc/qwamos/domains.json", $$"""{"domains":[{"name":"{{@class}}","class":"{{@class}}","link":"virtio:/vm/bus"}]}""");
        RunningProgram daemon = _trial.StartDaemon(environment: environment);
        _machine = VirtualMachine.Make(_trial, Path.GetDirectoryName(port)!, @class);
        return daemon;
    }

    private void ClientAWeekAgo(string library, params string[] arguments)
    {
        CommandResult result = Command.Run(
            [Binaries.Client, "--root", _trial.Root, "--home", _trial.Home, .. arguments], environment: new Dictionary<string, string?> { ["LD_PRELOAD"] = library, ["FAKETIME"] = "-7d" });
        Assert.True(result.ExitCode == 0, result.Error);
    }

    private void WaitUntilAllIsTaken() => Eventually.True(
        () => _trial.Status().GetProperty("gateways").EnumerateObject().All(row => !row.Value.GetProperty("behind").GetBoolean() && row.Value.GetProperty("taken").ValueKind == JsonValueKind.Number),
        "the domain has taken all",
        () => $"{_trial.Status()}\n{_trial.Courier?.Log}\n{_machine!.Console}", patience: TimeSpan.FromSeconds(90));
}
