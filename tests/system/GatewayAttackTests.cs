using System.Numerics;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Qwamos.SystemTests.Harness;
using Xunit;

namespace Qwamos.SystemTests;

/// <summary>The gateway verifies again: ATTACKS 1, 2, 5, 9, 12, 16 to 18, 20, 23 and 25 at its own way in, by the published program.</summary>
public sealed class GatewayAttackTests : IDisposable
{
    private static readonly BigInteger L = BigInteger.Pow(2, 252) + BigInteger.Parse("27742317777372353535851937790883648493");
    private readonly Trial _trial = new();

    public void Dispose() => _trial.Dispose();

    [Fact]
    public void Attack01And02_MalleatedSignatures_AreRefused()
    {
        _trial.StartGateway();
        JsonObject message = TestSigner.Draft("""{"RADIO_ISOLATION":"off"}""");
        byte[] good = _trial.Signer.SignBytes(TestSigner.Canonical(message));
        byte[] largeS = [.. good];
        Assert.True((new BigInteger(good.AsSpan(32), isUnsigned: true) + L).TryWriteBytes(largeS.AsSpan(32), out _, isUnsigned: true));
        byte[] smallR = [.. good];
        Convert.FromHexString("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a").CopyTo(smallR, 0);
        Assert.All<byte[]>([largeS, smallR, new byte[64]], signature => Assert.Equal("bad_signature", Ask(Signed(message, signature)).Code()));
        AssertNothingTaken();
        Assert.Equal("ok", Ask(Signed(message, good)).Code());
    }

    [Theory]
    [InlineData("0100000000000000000000000000000000000000000000000000000000000000")] // small order
    [InlineData("eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")] // non-canonical
    [InlineData("b502ff3d92e31d8190b4aa4ea0414005167fad089c4de9dac8a2fc850fed4f58")] // mixed order
    public void Attack02_BadPublicKeyAsAnchor_StopsTheGateway(string keyHex)
    {
        File.WriteAllBytes(_trial.At("/etc/qwamos/dom0.pub"), Convert.FromHexString(keyHex));
        AssertDoesNotStart("dom0.pub");
    }

    [Fact]
    public void Attack05_WithoutASignatureOfTheAnchorsKey_NothingIsTaken()
    {
        _trial.StartGateway();
        JsonObject message = TestSigner.Draft("""{"RADIO_ISOLATION":"off"}""");
        string canonical = TestSigner.Canonical(message);
        var stranger = TestSigner.Fresh();
        string foreign = Convert.ToBase64String(stranger.SignBytes(canonical));
        Assert.Equal("bad_request", Ask($"{{\"msg\":{canonical}}}").Code());
        Assert.Equal("bad_request", Ask($"{{\"msg\":{canonical},\"signatures\":[]}}").Code());
        Assert.Equal("bad_request", Ask($"{{\"msg\":{canonical},\"signature\":\"\"}}").Code());
        Assert.Equal("bad_signature", Ask($"{{\"msg\":{canonical},\"signature\":\"{foreign}\"}}").Code());
        Assert.Equal("unknown_key", Ask($"{{\"msg\":{canonical},\"signatures\":[{{\"key_id\":\"{stranger.KeyId}\",\"signature\":\"{foreign}\"}}]}}").Code());
        Assert.Equal("bad_signature", Ask($"{{\"msg\":{canonical},\"signatures\":[{{\"key_id\":\"{_trial.Signer.KeyId}\",\"signature\":\"{foreign}\"}}]}}").Code());
        AssertNothingTaken();
    }

    [Fact]
    public void Attack09_ReplayAfterTenThousandNewer_IsRefused()
    {
        _trial.StartGateway();
        TestSigner signer = _trial.Signer;
        byte[] first = signer.SetPolicy("""{"VPN_KILL_SWITCH":"on"}""");
        Assert.Equal("ok", Ask(first).Code());
        List<JsonElement> answers = Pipelined.Ask(_trial.GatewaySocket, Enumerable.Range(0, 10_000)
            .Select(i => signer.SetPolicy($"{{\"RADIO_IDLE_TIMEOUT_MIN\":{i % 1000}}}")));
        Assert.All(answers, answer => Assert.Equal("ok", answer.Code()));
        Assert.Equal("replayed", Ask(first).Code());
    }

    [Fact]
    public void Attack12_OutsideTheWindowOrExpired_IsRefused()
    {
        _trial.StartGateway();
        long now = TestSigner.Now;
        const string Off = """{"RADIO_ISOLATION":"off"}""";
        Assert.Equal("stale", Ask(_trial.Signer.SetPolicy(Off, now - 400)).Code());
        Assert.Equal("from_future", Ask(_trial.Signer.SetPolicy(Off, now + 400)).Code());
        JsonObject expired = TestSigner.Draft(Off, now - 20);
        expired["expires"] = now - 10;
        Assert.Equal("expired", Ask(_trial.Signer.Request(expired)).Code());
        AssertNothingTaken();
    }

    [Fact]
    public void Attack12_OneStartIn2100_IsHeldByTheTimeFloor_AndMendedBySetTimeFloor()
    {
        const long Then = 4_102_444_800; // 2100-01-01
        string? library = FakeTime.Library();
        Assert.SkipWhen(library is null, "needs faketime, which is not installed");
        byte[] future = _trial.Signer.SetPolicy("""{"RADIO_ISOLATION":"off"}""", Then + 5);
        using (var gateway = RunningProgram.Start([Binaries.Gateway, "--root", _trial.Root], new Dictionary<string, string>
        {
            ["LD_PRELOAD"] = library, ["FAKETIME"] = "@2100-01-01 00:00:10", ["FAKETIME_DONT_FAKE_MONOTONIC"] = "1", ["TZ"] = "UTC",
        }))
        {
            gateway.WaitReady();
            Assert.Equal("ok", Ask(future).Code());
            Assert.Equal(0, gateway.Stop());
        }

        RunningProgram now = _trial.StartGateway();
        Assert.Equal("stale", Ask(_trial.Signer.SetPolicy("""{"RADIO_ISOLATION":"on"}""")).Code());
        Assert.Equal("replayed", Ask(future).Code());
        Assert.Equal(0, now.Stop());
        Assert.Equal(0, Command.Run([Binaries.Gateway, "set-time-floor", $"{TestSigner.Now}", "--root", _trial.Root]).ExitCode);
        _trial.StartGateway();
        Assert.Equal("ok", Ask(_trial.Signer.SetPolicy("""{"RADIO_ISOLATION":"on"}""")).Code());
    }

    [Fact]
    public void Attack16_TwoWritersWithTheSameBase_ExactlyOneWins()
    {
        _trial.StartGateway();
        string hash = Ask("""{"msg":{"command":"get_status"}}""").GetProperty("base").GetProperty("gateway").GetString()!;
        string[] codes = [.. Enumerable.Range(0, 8).AsParallel().WithDegreeOfParallelism(8).Select(i =>
        {
            JsonObject message = TestSigner.Draft($"{{\"RADIO_IDLE_TIMEOUT_MIN\":{i + 20}}}");
            message["base"] = new JsonObject { ["gateway"] = hash };
            return Ask(_trial.Signer.Request(message)).Code();
        })];
        Assert.Single(codes, "ok");
        Assert.Equal(7, codes.Count(code => code == "base_mismatch"));
    }

    [Theory]
    [InlineData("{\"msg\":{\"command\":\"get_status\",\"comman\\u0064\":\"get_status\"}}", "bad_json")]
    [InlineData("{\"msg\":{\"command\":\"\\udc00\\ud800\"}}", "bad_json")]
    [InlineData("{\"msg\":{\"command\":\"get_status\",}}", "bad_json")]
    [InlineData("{\"msg\":{\"command\":\"get_status\"},\"more\":1}", "bad_request")]
    public void Attack17And18_BadJson_IsRefused(string request, string code)
    {
        _trial.StartGateway();
        Assert.Equal(code, Ask(request).Code());
        AssertNothingTaken();
    }

    [Fact]
    public void Attack20And23_HugeAndHalfRequests_LeaveOthersServed()
    {
        _trial.StartGateway();
        Assert.Equal("too_large", Ask("{\"msg\":{\"command\":\"get_status\"}" + new string(' ', 61_440) + "}").Code());
        Assert.Equal("bad_json", Ask("{\"msg\":" + new string('[', 60_000)).Code());
        using BusClient half = BusClient.Connect(_trial.GatewaySocket);
        half.Send("{\"msg\":");
        Assert.Equal("ok", Ask(_trial.Signer.SetPolicy("""{"RADIO_ISOLATION":"off"}""")).Code());
    }

    [Fact]
    public void Attack25_SquattedPath_StopsTheGateway_AndADeadOnesSocketIsTakenOver()
    {
        _trial.StartGateway().Kill9();
        Assert.True(File.Exists(_trial.GatewaySocket));
        RunningProgram gateway = _trial.StartGateway();
        Assert.Equal("660", Command.Run(["stat", "-c", "%a", _trial.GatewaySocket]).Output.Trim());
        Assert.Equal(0, gateway.Stop());
        File.Delete(_trial.GatewaySocket);
        File.WriteAllText(_trial.GatewaySocket, "precious");
        AssertDoesNotStart("gateway-bus.sock");
        Assert.Equal("precious", File.ReadAllText(_trial.GatewaySocket));
    }

    private static byte[] Signed(JsonObject message, byte[] signature) =>
        Encoding.UTF8.GetBytes($"{{\"msg\":{TestSigner.Canonical(message)},\"signature\":\"{Convert.ToBase64String(signature)}\"}}\n");

    private JsonElement Ask(string request) => Ask(Encoding.UTF8.GetBytes(request));

    private JsonElement Ask(byte[] request) => _trial.Ask(request, _trial.GatewaySocket);

    private void AssertNothingTaken()
    {
        JsonElement status = Ask("""{"msg":{"command":"get_status"}}""");
        Assert.Equal(0, status.GetProperty("size").GetInt64());
        Assert.Null(status.Policy("RADIO_ISOLATION"));
    }

    private void AssertDoesNotStart(string because)
    {
        RunningProgram gateway = _trial.StartGateway(waitReady: false);
        Assert.NotEqual(0, gateway.WaitForExit());
        Assert.Contains(because, gateway.Log);
        Assert.DoesNotContain("Unhandled", gateway.Log);
    }
}
