using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Qwamos.SystemTests.Harness;
using Xunit;

namespace Qwamos.SystemTests;

/// <summary>A gateway that was away, by the published programs: ATTACKS 13 and 15.</summary>
public sealed class CatchUpTests : IDisposable
{
    private const long Week = 7 * 86_400;
    private readonly Trial _trial = new();
    private readonly SortedDictionary<string, JsonNode> _policy = new(StringComparer.Ordinal);

    public CatchUpTests() => _trial.Write("/etc/qwamos/qwamosd.json", """{"gateways":[{"name":"gateway","class":"gateway","socket":"/run/qwamos/gateway-bus.sock"}]}""");

    public void Dispose() => _trial.Dispose();

    [Fact]
    public void GatewayThatWasAwayForAWeek_IsBroughtTheLastChange_AndWhatItMissed_AndHasDom0sPolicy()
    {
        string? library = FakeTime.Library();
        Assert.SkipWhen(library is null, "needs faketime, which is not installed");
        long then = TestSigner.Now - Week;
        RunningProgram daemon = _trial.StartDaemon(environment: new Dictionary<string, string>
        {
            ["LD_PRELOAD"] = library, ["FAKETIME"] = $"-{Week}s", ["FAKETIME_DONT_FAKE_MONOTONIC"] = "1", ["TZ"] = "UTC",
        });
        Set("RADIO_ISOLATION", "\"off\"", then);
        Set("TOR_ISOLATION", "\"off\"", then);
        for (int minutes = 0; minutes < 40; minutes++)
            Set("RADIO_IDLE_TIMEOUT_MIN", $"{minutes}", then);
        Set("TOR_ISOLATION", "\"mandatory\"", then + 1);
        Set("VPN_KILL_SWITCH", "\"on\"", then + 1);
        _trial.Courier!.Stop();
        daemon.Stop();

        _trial.StartDaemon();
        _trial.StartCourier();
        Set("RADIO_HARDENING.level", "\"strict\"", TestSigner.Now);
        CommandResult signed = _trial.Client("audit", "key", "--sign");
        Assert.True(signed.ExitCode == 0, signed.Error);
        RunningProgram gateway = _trial.StartGateway();
        Eventually.True(() => GatewayPolicy() == Text(), "the gateway has all", () => $"{_trial.Status()}\n{gateway.Log}");
        // Four values taken over, the last change, and that it was delivered.
        Assert.Equal(6, GatewayStatus().GetProperty("size").GetInt64());
        Eventually.True(() => !Row().GetProperty("behind").GetBoolean(), "it is not behind any more", () => _trial.Status().ToString());

        // It goes on as if nothing had been, across a restart of its own.
        gateway.Stop();
        gateway = _trial.StartGateway();
        Set("RADIO_ISOLATION", "\"on\"", TestSigner.Now);
        Eventually.True(() => GatewayPolicy() == Text(), "the gateway has the next one", () => $"{_trial.Status()}\n{gateway.Log}");
        Assert.Equal(8, GatewayStatus().GetProperty("size").GetInt64());
    }

    [Fact]
    public void GatewayThatLostItsRecord_IsBroughtAllOfItAgain()
    {
        _trial.StartDaemon();
        CommandResult signed = _trial.Client("audit", "key", "--sign");
        Assert.True(signed.ExitCode == 0, signed.Error);
        for (int minutes = 0; minutes < 30; minutes++)
            Set("RADIO_IDLE_TIMEOUT_MIN", $"{minutes}", TestSigner.Now);
        Set("TOR_ISOLATION", "\"mandatory\"", TestSigner.Now);
        for (int i = 0; i < 2; i++)
        {
            RunningProgram gateway = _trial.StartGateway();
            Eventually.True(() => GatewayPolicy() == Text(), "the gateway has all", () => $"{_trial.Status()}\n{gateway.Log}");
            // One value taken over, for the other the last change sets itself, that change, and that it was delivered.
            Assert.Equal(3, GatewayStatus().GetProperty("size").GetInt64());
            gateway.Stop();
            foreach (string file in Directory.GetFiles(_trial.At("/var/lib/qwamos-gateway"), "accepted.db*"))
                File.Delete(file);
            Set("RADIO_IDLE_TIMEOUT_MIN", $"{100 + i}", TestSigner.Now);
        }
    }

    [Fact]
    public void GatewayThatWasSetDirectly_TakesTheNextChangeForAll_AndKeepsWhatItWasSet()
    {
        _trial.StartDaemon();
        Assert.Equal(0, _trial.Client("audit", "key", "--sign").ExitCode);
        RunningProgram gateway = _trial.StartGateway();
        Client("set", "RADIO_ISOLATION", "on");
        Eventually.True(() => GatewayPolicy() == """{"RADIO_ISOLATION":"on"}""", "the first one", () => $"{_trial.Status()}\n{gateway.Log}");
        Client("--socket", _trial.GatewaySocket, "set", "RADIO_ISOLATION", "off", "--audience", "gateway");
        for (int minutes = 1; minutes <= 6; minutes++)
            Client("set", "RADIO_IDLE_TIMEOUT_MIN", $"{minutes}");
        Eventually.True(() => GatewayPolicy() == """{"RADIO_IDLE_TIMEOUT_MIN":6,"RADIO_ISOLATION":"off"}""", "the next ones", () => $"{_trial.Status()}\n{gateway.Log}");
        Assert.False(Row().TryGetProperty("missed", out JsonElement missed) && missed.EnumerateObject().Any(), Row().ToString());
    }

    private void Client(params string[] words)
    {
        CommandResult done = _trial.Client(words);
        Assert.True(done.ExitCode == 0, done.Error);
    }

    private void Set(string key, string value, long timestamp)
    {
        JsonObject message = TestSigner.Draft($"{{\"{key}\":{value}}}", timestamp);
        message["base"] = new JsonObject { ["gateway"] = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Text()))) };
        JsonElement answer = _trial.Ask(_trial.Signer.Request(message));
        Assert.Equal("ok", answer.Code());
        _policy[key] = JsonNode.Parse(value)!;
    }

    private string Text() => $"{{{string.Join(',', _policy.Select(pair => $"\"{pair.Key}\":{pair.Value.ToJsonString()}"))}}}";

    private string GatewayPolicy() =>
        $"{{{string.Join(',', GatewayStatus().GetProperty("policy").EnumerateObject().OrderBy(value => value.Name, StringComparer.Ordinal).Select(value => $"\"{value.Name}\":{value.Value.GetRawText()}"))}}}";

    private JsonElement GatewayStatus() => _trial.Ask("""{"msg":{"command":"get_status"}}"""u8, _trial.GatewaySocket);

    private JsonElement Row() => _trial.Status().GetProperty("gateways").GetProperty("gateway");
}
