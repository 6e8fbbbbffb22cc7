using System.Text.Json;
using System.Text.Json.Nodes;
using Qwamos.SystemTests.Harness;
using Xunit;

namespace Qwamos.SystemTests;

/// <summary>ATTACKS 9, 11, 12, 13 and 16 on the running daemon.</summary>
public sealed class FreshnessAttackTests : IDisposable
{
    private readonly Trial _trial = new();

    public void Dispose() => _trial.Dispose();

    [Fact]
    public void Attack09_Replay_IsRefused_AtOnce_AfterTenThousand_AfterRestart_AndAfterKill()
    {
        RunningProgram daemon = _trial.StartDaemon();
        byte[] first = _trial.Signer.SetPolicy("""{"VPN_KILL_SWITCH":"on"}""");
        JsonElement accepted = _trial.Ask(first);
        Assert.Equal("ok", accepted.Code());
        AssertReplayed(first, accepted);

        TestSigner signer = _trial.Signer;
        List<JsonElement> answers = Pipelined.Ask(_trial.BusSocket, Enumerable.Range(0, 10_000)
            .Select(i => signer.SetPolicy($"{{\"RADIO_IDLE_TIMEOUT_MIN\":{i % 1000}}}")));
        Assert.All(answers, answer => Assert.Equal("ok", answer.Code()));
        AssertReplayed(first, accepted);

        Assert.Equal(0, daemon.Stop());
        daemon = _trial.StartDaemon();
        AssertReplayed(first, accepted);

        daemon.Kill9();
        _trial.StartDaemon();
        AssertReplayed(first, accepted);
        Assert.Equal("on", _trial.Status().Policy("VPN_KILL_SWITCH"));
    }

    [Fact]
    public void Attack09_ReplayOfARecordedRefusal_NamesItsOutcome()
    {
        _trial.StartDaemon();
        byte[] invalid = _trial.Signer.SetPolicy("""{"NO_SUCH_KEY":1}""");
        Assert.Equal("invalid_policy", _trial.Ask(invalid).Code());
        JsonElement again = _trial.Ask(invalid);
        Assert.Equal("replayed", again.Code());
        Assert.Equal("invalid_policy", again.GetProperty("outcome").GetString());
        Assert.Equal(1, _trial.Status().GetProperty("size").GetInt64());
    }

    [Fact]
    public void Attack10_FullReplayStore_RefusesNewMessages_ForgetsNone_AndResumesLater()
    {
        _trial.Write("/etc/qwamos/qwamosd.json", """{"gateways":[],"replay_nonces":100}""");
        RunningProgram daemon = _trial.StartDaemon();
        TestSigner signer = _trial.Signer;
        byte[][] requests = [.. Enumerable.Range(0, 60).Select(i => signer.SetPolicy($"{{\"RADIO_IDLE_TIMEOUT_MIN\":{i}}}"))];
        List<JsonElement> answers = Pipelined.Ask(_trial.BusSocket, requests);
        Assert.Equal(50, answers.Count(answer => answer.Code() == "ok"));
        Assert.All(answers.Skip(50), answer => Assert.Equal("replay_store_full", answer.Code()));
        Assert.All(Pipelined.Ask(_trial.BusSocket, requests.Take(50)), answer => Assert.Equal("replayed", answer.Code()));
        Assert.Equal(50, _trial.Status().GetProperty("size").GetInt64());
        Assert.Equal(0, daemon.Stop());

        StartAt("+601s");
        Assert.Equal("ok", _trial.Ask(signer.SetPolicy("""{"RADIO_IDLE_TIMEOUT_MIN":5}""", TestSigner.Now + 601)).Code());
    }

    [Fact]
    public void Attack11_EnvelopeForAnotherRecipient_IsRefused()
    {
        _trial.Write("/etc/qwamos/qwamosd.json", """{"gateways":[{"name":"gateway","class":"gateway","socket":"/run/qwamos/gateway-bus.sock"}]}""");
        _trial.StartDaemon();
        _trial.StartGateway();
        Assert.Equal("wrong_audience", _trial.Ask(With(m => m["audience"] = new JsonArray("nowhere"))).Code());
        Assert.Equal("wrong_audience", _trial.Ask(With(m => m["audience"] = new JsonArray("ui"))).Code());
        Assert.Equal("wrong_system", _trial.Ask(With(m => m["system"] = new string('0', 32))).Code());
        Assert.Equal("wrong_audience", _trial.Ask(With(m => m["audience"] = new JsonArray("other")), _trial.GatewaySocket).Code());
        Assert.Equal("wrong_system", _trial.Ask(With(m => m["system"] = new string('0', 32)), _trial.GatewaySocket).Code());
        Assert.Equal("wrong_audience", _trial.Ask(_trial.Signer.SetPolicy("""{"CLIPBOARD_ISOLATION":"off"}"""), _trial.GatewaySocket).Code());
        Assert.Equal("ok", _trial.Ask(With(m => m["audience"] = new JsonArray("gateway"))).Code());
    }

    [Theory]
    [InlineData("NaN", "bad_json")]
    [InlineData("1e400", "bad_request")]
    [InlineData("1.5", "bad_request")]
    [InlineData("1700000000.0", "bad_request")]
    [InlineData("true", "bad_request")]
    [InlineData("\"1\"", "bad_request")]
    [InlineData("9007199254740993", "bad_request")]
    [InlineData("-0", "bad_request")]
    [InlineData("null", "bad_request")]
    [InlineData("-1", "stale")]
    [InlineData("0", "stale")]
    [InlineData("4102444800", "from_future")]
    public void Attack12_StrangeTimestamp_IsRefused(string token, string code)
    {
        _trial.StartDaemon();
        string canonical = $"{{\"args\":{{\"RADIO_ISOLATION\":\"off\"}},\"command\":\"set_policy\",\"nonce\":\"{TestSigner.FreshNonce()}\",\"timestamp\":{token}}}";
        string signature = Convert.ToBase64String(_trial.Signer.SignBytes(canonical));
        Assert.Equal(code, _trial.Ask(System.Text.Encoding.UTF8.GetBytes($"{{\"msg\":{canonical},\"signature\":\"{signature}\"}}\n")).Code());
        Assert.Equal(0, _trial.Status().GetProperty("size").GetInt64());
    }

    [Fact]
    public void Attack12_OneBootIn2100_IsHeldByTheTimeFloor_AndMendedBySetTimeFloor()
    {
        const long Then = 4_102_444_800; // 2100-01-01
        RunningProgram daemon = StartAt("@2100-01-01 00:00:10");
        byte[] future = _trial.Signer.SetPolicy("""{"RADIO_ISOLATION":"off"}""", Then + 5);
        Assert.Equal("ok", _trial.Ask(future).Code());
        Assert.Equal(0, daemon.Stop());

        daemon = _trial.StartDaemon();
        Assert.Equal("stale", _trial.Set("RADIO_ISOLATION", "\"on\"").Code());
        Assert.True(_trial.Status().TryGetProperty("clock_behind_floor", out _));
        Assert.Equal("replayed", _trial.Ask(future).Code());
        Assert.Equal(0, daemon.Stop());

        CommandResult lowered = Command.Run([Binaries.Daemon, "set-time-floor", TestSigner.Now.ToString(System.Globalization.CultureInfo.InvariantCulture), "--root", _trial.Root]);
        Assert.True(lowered.ExitCode == 0, lowered.Error);
        daemon = _trial.StartDaemon();
        Assert.Equal("ok", _trial.Set("RADIO_ISOLATION", "\"on\"").Code());
        Assert.False(_trial.Status().TryGetProperty("clock_behind_floor", out _));
        Assert.Equal(0, daemon.Stop());

        daemon = StartAt("@2100-01-01 00:00:20");
        Assert.Equal("replayed", _trial.Ask(future).Code());
        Assert.Equal(0, daemon.Stop());
    }

    [Theory]
    [InlineData("@1970-01-01 00:00:05", 5)]
    [InlineData("@2038-01-19 03:14:10", 2_147_483_650)]
    public void Attack12_StrangeClock_StillServes(string clock, long seconds)
    {
        RunningProgram daemon = StartAt(clock);
        Assert.Equal("ok", _trial.Ask(_trial.Signer.SetPolicy("""{"RADIO_ISOLATION":"off"}""", seconds)).Code());
        Assert.Equal(0, daemon.Stop());
    }

    [Fact]
    public void Attack12_ClockSetBackAnHour_RefusesReplays_AndHonestMessagesOfTheFloorPass()
    {
        RunningProgram daemon = _trial.StartDaemon();
        long now = TestSigner.Now;
        byte[] first = _trial.Signer.SetPolicy("""{"RADIO_ISOLATION":"off"}""", now);
        Assert.Equal("ok", _trial.Ask(first).Code());
        Assert.Equal(0, daemon.Stop());

        daemon = StartAt("-3600s");
        Assert.Equal("replayed", _trial.Ask(first).Code());
        Assert.Equal("ok", _trial.Ask(_trial.Signer.SetPolicy("""{"RADIO_ISOLATION":"on"}""", now)).Code());
        Assert.True(_trial.Status().TryGetProperty("clock_behind_floor", out _));
        Assert.Equal(0, daemon.Stop());
    }

    [Fact]
    public void Attack12_OneMessageFromTheEdgeOfTheFuture_DoesNotBlockLaterGoodOnesOfOtherKeys()
    {
        _trial.StartDaemon();
        long now = TestSigner.Now;
        Assert.Equal("ok", _trial.Ask(_trial.Signer.SetPolicy("""{"RADIO_ISOLATION":"off"}""", now + 295)).Code());
        Assert.Equal("ok", _trial.Ask(_trial.Signer.SetPolicy("""{"VPN_KILL_SWITCH":"on"}""", now)).Code());
        JsonElement older = _trial.Ask(_trial.Signer.SetPolicy("""{"RADIO_ISOLATION":"on"}""", now));
        Assert.Equal("superseded", older.Code());
        Assert.Contains("behind", older.GetProperty("reason").GetString());
        Assert.Equal("off", _trial.Status().Policy("RADIO_ISOLATION"));
    }

    [Fact]
    public void Attack13_OlderLedgerPutBack_StopsTheStart()
    {
        RunningProgram daemon = _trial.StartDaemon();
        Assert.Equal("ok", _trial.Set("RADIO_ISOLATION", "\"off\"").Code());
        Assert.Equal(0, daemon.Stop());
        string kept = _trial.LedgerFile + ".kept";
        File.Copy(_trial.LedgerFile, kept);

        daemon = _trial.StartDaemon();
        Assert.Equal("ok", _trial.Set("KERNEL_HARDENING", "\"strict\"").Code());
        Assert.Equal(0, daemon.Stop());
        Assert.Equal(0, _trial.ApplyPending().ExitCode);

        File.Move(kept, _trial.LedgerFile, overwrite: true);
        daemon = _trial.StartDaemon(waitReady: false);
        Assert.NotEqual(0, daemon.WaitForExit());
        Assert.Contains("ledger", daemon.Log);
        CommandResult boot = _trial.ApplyPending();
        Assert.Equal(0, boot.ExitCode);
        Assert.Contains("ledger", boot.Error + boot.Output);
    }

    [Fact]
    public void Attack13_LedgerOfAnotherHistoryWithTheSameKeys_StopsTheStart()
    {
        RunningProgram daemon = _trial.StartDaemon();
        Assert.Equal("ok", _trial.Set("RADIO_ISOLATION", "\"off\"").Code());
        Assert.Equal(0, daemon.Stop());
        Assert.Equal(0, _trial.ApplyPending().ExitCode);
        File.Delete(_trial.LedgerFile);
        string memory = _trial.At("/var/lib/qwamos-boot/memory.json");
        File.Move(memory, memory + ".away");
        File.Delete(_trial.At("/var/lib/qwamos/checkpoint"));
        daemon = _trial.StartDaemon();
        for (int i = 0; i < 3; i++)
            Assert.Equal("ok", _trial.Set("RADIO_ISOLATION", "\"on\"").Code());
        Assert.Equal(0, daemon.Stop());
        File.Move(memory + ".away", memory);
        daemon = _trial.StartDaemon(waitReady: false);
        Assert.NotEqual(0, daemon.WaitForExit());
        Assert.Contains("is not the one seen before", daemon.Log);
    }

    [Fact]
    public void Attack16_TwoWritersWithTheSameBase_ExactlyOneWins()
    {
        _trial.StartDaemon();
        Assert.Equal("ok", _trial.Set("RADIO_ISOLATION", "\"off\"").Code());
        string hash = _trial.Status().GetProperty("base").GetProperty("gateway").GetString()!;
        string[] codes = [.. Enumerable.Range(0, 8).AsParallel().WithDegreeOfParallelism(8).Select(i => _trial.Ask(With(m =>
        {
            m["args"] = JsonNode.Parse($"{{\"RADIO_IDLE_TIMEOUT_MIN\":{i + 20}}}");
            m["base"] = new JsonObject { ["gateway"] = hash };
        })).Code())];
        Assert.Single(codes, "ok");
        Assert.Equal(7, codes.Count(code => code == "base_mismatch"));
    }

    private byte[] With(Action<JsonObject> change)
    {
        JsonObject message = TestSigner.Draft("""{"RADIO_ISOLATION":"off"}""");
        change(message);
        return _trial.Signer.Request(message);
    }

    private void AssertReplayed(byte[] request, JsonElement accepted)
    {
        JsonElement answer = _trial.Ask(request);
        Assert.Equal("replayed", answer.Code());
        Assert.Equal(accepted.GetProperty("index").GetInt64(), answer.GetProperty("index").GetInt64());
        Assert.Equal("accepted", answer.GetProperty("outcome").GetString());
    }

    private RunningProgram StartAt(string clock)
    {
        string? library = FakeTime.Library();
        Assert.SkipWhen(library is null, "needs faketime, which is not installed");
        return _trial.StartDaemon(environment: new Dictionary<string, string>
        {
            ["LD_PRELOAD"] = library, ["FAKETIME"] = clock, ["FAKETIME_DONT_FAKE_MONOTONIC"] = "1", ["TZ"] = "UTC",
        });
    }
}
