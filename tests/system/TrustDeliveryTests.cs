using System.Text.Json;
using System.Text.Json.Nodes;
using Qwamos.SystemTests.Harness;
using Xunit;

namespace Qwamos.SystemTests;

/// <summary>Trust roots on their way from qwamosd to a gateway, by the published programs: ATTACKS 6 and 29.</summary>
public sealed class TrustDeliveryTests : IDisposable
{
    private readonly Trial _trial = new();
    private readonly Roots _roots;
    private TestSigner _signer;
    private long _version;

    public TrustDeliveryTests()
    {
        _trial.Write("/etc/qwamos/qwamosd.json", """{"gateways":[{"name":"gateway","class":"gateway","socket":"/run/qwamos/gateway-bus.sock"}]}""");
        _trial.StartDaemon();
        _roots = Roots.Of(_trial);
        _signer = _trial.Signer;
    }

    public void Dispose() => _trial.Dispose();

    [Fact]
    public void Attack06_GatewayFiftyVersionsBehind_CatchesUpStepByStep_AndThenGetsTheChange()
    {
        for (int i = 0; i < 50; i++)
            Rotate();
        Assert.Equal("ok", _trial.Ask(Change("off")).Code());
        Eventually.True(() => Row().GetProperty("behind").GetBoolean(), "the gateway is behind while it is away");
        RunningProgram gateway = _trial.StartGateway();
        Eventually.True(() => Taken("off"), "the gateway takes the change of the newest key", () => $"{_trial.Status()}\n{gateway.Log}");
        Assert.Equal(50, GatewayVersion());
        Eventually.True(() => Row().GetProperty("trust_version").GetInt64() == 50, "status shows it", () => _trial.Status().ToString());
        Eventually.True(() => !Row().GetProperty("behind").GetBoolean(), "it is not behind any more", () => _trial.Status().ToString());
    }

    [Fact]
    public void RotationAndChange_SentTogether_ReachTheGatewayInTheirOrder()
    {
        RunningProgram gateway = _trial.StartGateway();
        string[] values = ["off", "on"];
        for (int i = 0; i < 10; i++)
        {
            Rotate();
            Assert.Equal("ok", _trial.Ask(Change(values[i % 2])).Code());
        }

        Eventually.True(() => GatewayVersion() == 10 && Taken("on"), "the gateway follows", () => gateway.Log);
        Assert.DoesNotContain("refused", gateway.Log, StringComparison.Ordinal);
        // Each of them, and that it was delivered.
        Assert.Equal(2 * 20, GatewayStatus().GetProperty("size").GetInt64());
    }

    [Fact]
    public void Attack29_GatewayKilledBetweenTwoTrustRoots_GoesOnWhereItWas()
    {
        for (int i = 0; i < 30; i++)
            Rotate();
        long reached = 0;
        for (int i = 0; i < 3; i++)
        {
            RunningProgram gateway = _trial.StartGateway();
            Eventually.True(() => GatewayVersion() > reached, "it takes some", () => gateway.Log);
            gateway.Kill9();
            reached = Math.Min(GatewayVersionAfterStart(), 29);
        }

        RunningProgram last = _trial.StartGateway();
        Eventually.True(() => GatewayVersion() == 30, "it takes all", () => last.Log);
        Assert.Equal(2 * 30, GatewayStatus().GetProperty("size").GetInt64());
        Assert.Equal("ok", _trial.Ask(Change("off")).Code());
        Eventually.True(() => Taken("off"), "and the change", () => last.Log);
    }

    [Fact]
    public void GatewayWhoseDiskWasPutBack_IsBroughtWhatItLostAgain()
    {
        RunningProgram gateway = _trial.StartGateway();
        Rotate();
        Eventually.True(() => GatewayVersion() == 1, "it takes the first", () => gateway.Log);
        Assert.Equal(0, gateway.Stop());
        string state = _trial.At("/var/lib/qwamos-gateway"), kept = _trial.At("/kept");
        Assert.Equal(0, Command.Run(["cp", "-a", state, kept]).ExitCode);
        gateway = _trial.StartGateway();
        Rotate();
        Rotate();
        Eventually.True(() => GatewayVersion() == 3, "it takes them", () => gateway.Log);
        gateway.Kill9();
        Directory.Delete(state, recursive: true);
        Directory.Move(kept, state);
        gateway = _trial.StartGateway();
        Assert.Equal(1, GatewayVersion());
        Assert.Equal("ok", _trial.Ask(Change("off")).Code());
        Eventually.True(() => Taken("off"), "it catches up, and takes the change", () => $"{_trial.Status()}\n{gateway.Log}");
        Assert.Equal(3, GatewayVersion());
    }

    [Fact]
    public void Attack06_GatewayThatTookAnotherTrustRoot_IsShownWithWhatToDo()
    {
        RunningProgram gateway = _trial.StartGateway();
        JsonObject fork = _roots.Draft(1, ("dom0", _trial.Signer));
        fork["expires"] = TestSigner.Now + 5_000;
        Assert.Equal("ok", _trial.Ask(Roots.Request(fork, _trial.Signer), _trial.GatewaySocket).Code());
        Rotate();
        Eventually.True(() => Row().TryGetProperty("last_error", out JsonElement error) && error.GetString()!.Contains("trust root 1: fork: ", StringComparison.Ordinal), "the row says so", () => gateway.Log);
        Assert.Contains("mkdir /var/lib/qwamos-gateway/kept && mv /var/lib/qwamos-gateway/accepted.db* /var/lib/qwamos-gateway/kept", Row().GetProperty("last_error").GetString(), StringComparison.Ordinal);
        Assert.True(Row().GetProperty("behind").GetBoolean());
        Assert.Equal(Roots.Hash(fork), GatewayStatus().GetProperty("trust").GetProperty("sha256").GetString());

        Assert.Equal(0, gateway.Stop());
        string state = _trial.At("/var/lib/qwamos-gateway");
        Assert.Equal(0, Command.Run(["sh", "-c", $"mkdir {state}/kept && mv {state}/accepted.db* {state}/kept"]).ExitCode);
        gateway = _trial.StartGateway();
        Rotate();
        Eventually.True(() => GatewayVersion() == _version, "it takes the versions of this ledger", () => $"{_trial.Status()}\n{gateway.Log}");
    }

    /// <summary>The next version, with a fresh key, signed by the one before and by itself.</summary>
    private void Rotate()
    {
        var next = TestSigner.Fresh();
        JsonObject root = _roots.Draft(++_version, ("dom0", next));
        JsonElement answer = _trial.Ask(Roots.Request(root, _signer, next));
        Assert.True(answer.Code() == "ok", answer.ToString());
        _signer = next;
    }

    private byte[] Change(string value)
    {
        JsonObject message = TestSigner.Draft($"{{\"RADIO_ISOLATION\":\"{value}\"}}");
        message["system"] = _roots.System;
        return _signer.Request(message);
    }

    private JsonElement Row() => _trial.Status().GetProperty("gateways").GetProperty("gateway");

    private JsonElement GatewayStatus() => _trial.Ask("""{"msg":{"command":"get_status"}}"""u8, _trial.GatewaySocket);

    private bool Taken(string value) => GatewayStatus().Policy("RADIO_ISOLATION") == value;

    private long GatewayVersion() => GatewayStatus().GetProperty("trust") is { ValueKind: JsonValueKind.Object } trust ? trust.GetProperty("version").GetInt64() : 0;

    private long GatewayVersionAfterStart()
    {
        using RunningProgram gateway = RunningProgram.Start([Binaries.Gateway, "--root", _trial.Root]);
        gateway.WaitReady();
        long version = GatewayVersion();
        gateway.Kill9();
        return version;
    }
}
