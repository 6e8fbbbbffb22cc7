using System.Text.Json;
using Qwamos.SystemTests.Harness;
using Xunit;

namespace Qwamos.SystemTests;

/// <summary>The published gateway as a witness of the published daemon: it cosigns what grows, and raises the alarm at another history.</summary>
public sealed class WitnessTests : IDisposable
{
    private const int SigCont = 18;
    private const int SigStop = 19;
    private const string OneGateway = """{"gateways":[{"name":"gateway","class":"gateway","socket":"/run/qwamos/gateway-bus.sock"}]}""";

    private readonly Trial _trial = new();

    public WitnessTests() => _trial.Write("/etc/qwamos/qwamosd.json", OneGateway);

    private string Export => _trial.At("/export");

    private string Witnesses => _trial.At("/witnesses");

    public void Dispose() => _trial.Dispose();

    [Fact]
    public void ExportAfterAChange_IsCosigned_AndVerifiesWithAQuorumOfOne_NotOfTwo()
    {
        _trial.StartDaemon();
        _trial.StartGateway();
        Succeeds("audit", "key", "--sign");
        Assert.Equal("ok", _trial.Set("RADIO_ISOLATION", "\"off\"").Code());
        AwaitState("cosigns", size: 2);
        Succeeds("audit", "export", Export);
        string line = WitnessLine();
        File.WriteAllText(Witnesses, $"# the gateway\n{line}\n");
        string verified = Succeeds("audit", "verify", Export, "--witnesses", Witnesses, "--quorum", "1");
        Assert.Contains("cosigned    qwamos/", verified);
        Assert.Contains("cosigned    qwamos/", Succeeds("audit", "verify", "--witnesses", Witnesses));

        Fails(2, "a quorum of 2 cannot be", "audit", "verify", Export, "--witnesses", Witnesses, "--quorum", "2");
        File.WriteAllText(Witnesses, $"{line}\n{OtherWitness}\n");
        Fails(1, "1 of the 2 witnesses that must have cosigned it did; missing: other", "audit", "verify", Export, "--witnesses", Witnesses, "--quorum", "2");
        Fails(1, "missing: other", "audit", "verify", "--witnesses", Witnesses);
        Succeeds("audit", "verify", Export, "--witnesses", Witnesses, "--quorum", "1");

        // The witness's line is of this tree only: taken from it, the export is sound and not cosigned.
        string checkpoint = Path.Combine(Export, "checkpoint");
        File.WriteAllLines(checkpoint, File.ReadAllLines(checkpoint).Where(each => !each.Contains("/gateway ", StringComparison.Ordinal)));
        Succeeds("audit", "verify", Export);
        Fails(1, "0 of the 1 witnesses", "audit", "verify", Export, "--witnesses", Witnesses, "--quorum", "1");
    }

    [Fact]
    public void Attack37_AnotherHistoryOfTheSameLedgerKey_IsAFork_ShownAsAnAlarm_AndTheEvidenceStays()
    {
        RunningProgram daemon = _trial.StartDaemon();
        RunningProgram gateway = _trial.StartGateway();
        Succeeds("audit", "key", "--sign");
        AwaitState("cosigns", size: 1);
        Assert.Equal(0, daemon.Stop());
        gateway.Kill9();

        // Whoever owns Dom0's disk begins another history under the same key.
        File.Delete(_trial.LedgerFile);
        File.Delete(_trial.At("/var/lib/qwamos/checkpoint"));
        daemon = _trial.StartDaemon();
        Assert.Equal("ok", _trial.Set("RADIO_ISOLATION", "\"on\"").Code());
        gateway = _trial.StartGateway();
        AwaitState("alarm", size: null);
        _trial.Courier!.WaitForLog("saw another history");
        Assert.Contains("as a witness: fork", _trial.Client("status").Output);
        string evidence = Assert.Single(Directory.GetFiles(_trial.At("/var/lib/qwamos-gateway/evidence"), "fork-*"));
        byte[] kept = File.ReadAllBytes(evidence);

        // It stands across restarts of both, and what the gateway vouches for is the first history still.
        gateway.Kill9();
        Assert.Equal(0, daemon.Stop());
        _trial.StartGateway();
        _trial.StartDaemon();
        AwaitState("alarm", size: null);
        Assert.Equal(kept, File.ReadAllBytes(evidence));
        JsonElement seen = _trial.Ask("""{"msg":{"command":"get_checkpoint"}}"""u8, _trial.GatewaySocket);
        Assert.StartsWith("qwamos/", seen.GetProperty("checkpoint").GetString());
        Assert.Equal("1", seen.GetProperty("checkpoint").GetString()!.Split('\n')[1]);
    }

    [Fact]
    public void Attack13_OlderLedgerThanTheWitnessSaw_IsAnAlarm_AndNothingIsCosignedForIt()
    {
        RunningProgram daemon = _trial.StartDaemon();
        _trial.StartGateway();
        Succeeds("audit", "key", "--sign");
        AwaitState("cosigns", size: 1);
        Assert.Equal(0, daemon.Stop());
        byte[] older = File.ReadAllBytes(_trial.LedgerFile);
        daemon = _trial.StartDaemon();
        Assert.Equal("ok", _trial.Set("RADIO_ISOLATION", "\"on\"").Code());
        AwaitState("cosigns", size: 2);
        Assert.Equal(0, daemon.Stop());
        File.WriteAllBytes(_trial.LedgerFile, older);
        File.Delete(_trial.At("/var/lib/qwamos/checkpoint"));
        daemon = _trial.StartDaemon();
        AwaitState("alarm", size: null);
        Assert.Contains("the ledger was put back or changed", _trial.Client("status").Output);
        Succeeds("audit", "export", Export);
        Assert.DoesNotContain("/gateway ", File.ReadAllText(Path.Combine(Export, "checkpoint")));
    }

    [Fact]
    public void Attack38_WitnessThatHangs_DelaysNoChangeAndNoExport_AndCosignsWhenItIsBack()
    {
        RunningProgram gateway = _trial.StartGateway();
        _trial.StartDaemon();
        Succeeds("audit", "key", "--sign");
        AwaitState("cosigns", size: 1);
        gateway.Signal(SigStop);
        for (int i = 0; i < 20; i++)
            Assert.Equal("ok", _trial.Set("CLIPBOARD_ISOLATION", i % 2 == 0 ? "\"strict\"" : "\"off\"").Code());
        Succeeds("audit", "export", Export);
        Assert.DoesNotContain("/gateway ", File.ReadAllText(Path.Combine(Export, "checkpoint")));
        gateway.Signal(SigCont);
        AwaitState("cosigns", size: 21);
    }

    [Fact]
    public void Attack37_LedgerKeyThatIsOnlyPinned_IsWatched_AndCosignedWhenTheOperatorSignsIt()
    {
        _trial.StartDaemon();
        _trial.StartGateway();
        Assert.Equal("ok", _trial.Set("RADIO_ISOLATION", "\"off\"").Code());
        AwaitState("pinned", size: 1);
        Assert.Equal("pinned, not signed", Witness().GetProperty("trust").GetString());
        Assert.False(Witness().TryGetProperty("fault", out _));
        Succeeds("audit", "export", Export);
        Assert.DoesNotContain("/gateway ", File.ReadAllText(Path.Combine(Export, "checkpoint")));
        JsonElement seen = _trial.Ask("""{"msg":{"command":"get_checkpoint"}}"""u8, _trial.GatewaySocket);
        Assert.Equal("1", seen.GetProperty("checkpoint").GetString()!.Split('\n')[1]);
        Assert.DoesNotContain("/gateway ", seen.GetProperty("checkpoint").GetString());

        Succeeds("audit", "key", "--sign");
        AwaitState("cosigns", size: 2);
        Assert.StartsWith("signed by ", Witness().GetProperty("trust").GetString());
    }

    [Fact]
    public void Attack37_AnotherLedgerKeyThatTheOperatorSigned_IsCosignedByANewWitnessKey()
    {
        RunningProgram daemon = _trial.StartDaemon();
        RunningProgram gateway = _trial.StartGateway();
        Succeeds("audit", "key", "--sign");
        AwaitState("cosigns", size: 1);
        string first = WitnessLine();
        long signed = Now;
        Assert.Equal(0, daemon.Stop());
        gateway.Kill9();
        foreach (string file in (string[])["ledger.db", "checkpoint", "ledger_sk"])
            File.Delete(_trial.At("/var/lib/qwamos/" + file));
        _trial.StartDaemon();
        // Of two statements the one of the later second counts.
        Eventually.True(() => Now > signed, "a second has passed");
        // The operator knows of the new key, and names it.
        Succeeds("audit", "key", "--sign", "--key", _trial.Status().GetProperty("key").GetString()!);
        gateway = _trial.StartGateway();
        // Until then status shows how it stood before.
        Eventually.True(() => WitnessLine() != first && Witness().GetProperty("key").GetString() == WitnessLine(), "the witness has a new key");
        AwaitState("cosigns", size: 1);
        Assert.Contains("the witness has a new key", gateway.Log);
        Assert.Contains($"in place of {first}", gateway.Log);
        Succeeds("audit", "export", Export);
        File.WriteAllText(Witnesses, first + "\n");
        Fails(1, "0 of the 1 witnesses", "audit", "verify", Export, "--witnesses", Witnesses);
        File.WriteAllText(Witnesses, WitnessLine() + "\n");
        Succeeds("audit", "verify", Export, "--witnesses", Witnesses);
    }

    [Fact]
    public void Attack12_GatewaysTimeFloor_ForgetsTheOperatorsWordOfALaterSecond_AndItComesAgain()
    {
        _trial.StartDaemon();
        RunningProgram gateway = _trial.StartGateway();
        Succeeds("audit", "key", "--sign");
        AwaitState("cosigns", size: 1);
        string line = WitnessLine();
        Assert.Equal(0, gateway.Stop());
        CommandResult lowered = Command.Run([Binaries.Gateway, "set-time-floor", "1700000000", "--root", _trial.Root]);
        Assert.True(lowered.ExitCode == 0, lowered.Error);
        using JsonDocument memory = JsonDocument.Parse(File.ReadAllText(_trial.At("/var/lib/qwamos-gateway/witness.json")));
        Assert.Equal(0, memory.RootElement.GetProperty("statement").GetArrayLength());
        Assert.Equal(1_700_000_000, memory.RootElement.GetProperty("arrived").GetInt64());
        Assert.StartsWith("qwamos/", memory.RootElement.GetProperty("checkpoint").GetString());
        _trial.StartGateway();
        Assert.Equal("ok", _trial.Set("RADIO_ISOLATION", "\"off\"").Code());
        AwaitState("pinned", size: 2);
        Assert.Equal("ok", _trial.Set("RADIO_ISOLATION", "\"on\"").Code());
        AwaitState("cosigns", size: 3);
        Assert.Equal(line, WitnessLine());
    }

    private static string OtherWitness => "other+7d6ec838+BNdamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea"; // RFC 8032's first test key

    private static long Now => TimeProvider.System.GetUtcNow().ToUnixTimeSeconds();

    private string WitnessLine() => Command.Run([Binaries.Gateway, "witness", "--root", _trial.Root]).Output.Trim();

    private JsonElement Witness() => _trial.Status().GetProperty("gateways").GetProperty("gateway").GetProperty("witness");

    private void AwaitState(string state, int? size) => Eventually.True(
        () => Witness() is var witness && witness.GetProperty("state").GetString() == state && (size is null || witness.GetProperty("size").GetInt32() == size),
        $"the gateway, as a witness, {state} {size}", () => Witness().ToString());

    private string Succeeds(params string[] arguments)
    {
        CommandResult result = _trial.Client(arguments);
        Assert.True(result.ExitCode == 0, result.Output + result.Error);
        return result.Output;
    }

    private void Fails(int exitCode, string said, params string[] arguments)
    {
        CommandResult result = _trial.Client(arguments);
        Assert.Contains(said, result.Error);
        Assert.Equal(exitCode, result.ExitCode);
    }
}
