using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Qwamos.ControlBus.Audit;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Policy;
using Qwamos.ControlBus.Tests.Listening;
using Qwamos.ControlBus.Tests.Pipeline;
using Qwamos.ControlBus.Tests.Trust;
using Qwamos.Daemon.Auditing;
using Qwamos.Daemon.Delivery;
using Xunit;
using JsonValue = Qwamos.ControlBus.Json.JsonValue;

namespace Qwamos.ControlBus.Tests.Delivery;

/// <summary>The courier between a bus with a real ledger and domains of every kind.</summary>
public sealed partial class DomainCourierTests : IAsyncLifetime
{
    private readonly List<IDisposable> _domains = [];
    private CheckpointSigner _signer = null!;
    private PipelineTrial _bus = null!;
    private readonly KeptLog _log = new();
    private TaskCompletionSource _stop = new();
    private CourierService? _courier;
    private Task _running = Task.CompletedTask;

    public async ValueTask InitializeAsync()
    {
        _signer = new CheckpointSigner(SigningKey.Generate(), Checkpoint.OriginOf(PipelineTrial.SystemIdText));
        _bus = await PipelineTrial.StartBusAsync(bus => new AuditAnswers(bus.Ledger, new Checkpoints(_signer, () => bus.Writer.Published, bus.Time), _ => ("", 0), _ => true));
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        foreach (IDisposable domain in _domains)
            domain.Dispose();
        _bus.Followers.Release();
        await _bus.DisposeAsync();
        _signer.Dispose();
    }

    [Fact]
    public async Task Entries_OfItsClassAndOfAll_ComeInOrder_EachAsItStandsInTheLedger()
    {
        ScriptedDomain domain = Domain("one");
        Start("one");
        long first = Set("RADIO_ISOLATION", "off");
        Set("KERNEL_HARDENING", "strict");
        Set("CLIPBOARD_ISOLATION", "strict");
        Set("RADIO_ISOLATION", "nonsense");
        Set("DURESS.gesture", "triple-power");
        long all = Set("CRYPTO_BACKEND", "hybrid");
        long last = Set("RADIO_ISOLATION", "on", draft => draft with { Audience = ["one"] });
        await TakenAsync("one", last);
        Assert.Equal([first, all, last], domain.TakenIndexes);
        Assert.Equal([1, 2, 3], domain.Taken.Select(args => (long)args["seq"]!));
        Assert.Equal(_bus.Ledger.Read(all)!.Leaf, Convert.FromBase64String((string)domain.Taken[1]["leaf"]!));
        Assert.All(domain.Taken, args => Assert.False(args.ContainsKey("envelope")));
        Assert.False(Row("one").IsBehind);
    }

    [Fact]
    public async Task ConfidentialChange_GoesWithItsEnvelope_ToItsOwnClassOnly()
    {
        // To this courier the keys that the bus keeps secret are a gateway's.
        string schema = File.ReadAllText(Path.Combine(Repository.Root, "schemas/policy.schema.json")).Replace("\"class\": \"dom0\"", "\"class\": \"gateway\"", StringComparison.Ordinal);
        Assert.True(PolicySchema.TryLoad(Encoding.UTF8.GetBytes(schema), out PolicySchema? confidential, out string fault), fault);
        ScriptedDomain ui = Domain("two-of-ui", "ui");
        ScriptedDomain gateway = Domain("one");
        Start(confidential, "ui", "one");
        long secret = Set("DURESS.gesture", "triple-power");
        long last = Set("CRYPTO_BACKEND", "hybrid");
        await TakenAsync("two-of-ui", last);
        await TakenAsync("one", last);
        Assert.Equal([last], ui.TakenIndexes);
        Assert.Equal([secret, last], gateway.TakenIndexes);
        Assert.Equal(_bus.Ledger.ReadConfidential(secret), Convert.FromBase64String((string)gateway.Taken[0]["envelope"]!));
    }

    [Fact]
    public void ConfidentialEnvelope_IsGivenToTheCouriersUserOnly()
    {
        long secret = Set("DURESS.gesture", "triple-power");
        string request = $"{{\"msg\":{{\"args\":{{\"index\":{secret},\"skip\":0}},\"command\":\"get_envelope\"}}}}";
        JsonElement answer = _bus.Ask(Encoding.UTF8.GetBytes(request))[0];
        Assert.Equal(_bus.Ledger.ReadConfidential(secret), Convert.FromBase64String(answer.GetProperty("envelope").GetString()!));
        _bus.CourierUid = Posix.EffectiveUid + 1;
        Assert.Equal("not_authorised", _bus.Ask(Encoding.UTF8.GetBytes(request))[0].GetProperty("code").GetString());
    }

    [Fact]
    public async Task GatewayThatIsBusy_IsAskedAgain()
    {
        ScriptedDomain domain = Domain("one");
        int asked = 0;
        domain.Instead = message => Command(message) == "deliver" && asked++ == 0 ? """{"status":"error","code":"busy","reason":"later"}""" : null;
        Start("one");
        long index = Set("RADIO_ISOLATION", "off");
        await WhileMovingTimeAsync(() => Row("one").Taken == index);
        Assert.Equal(2, asked);
    }

    [Fact]
    public async Task RefusedChange_IsPassedBy_AndTheGatewayIsBehindUntilItsKeyIsTaken_AlsoAfterARestart()
    {
        ScriptedDomain domain = Domain("one");
        domain.Instead = message => Command(message) == "deliver" && domain.Sequence == 0 ? Refuse(domain, message, "invalid_policy") : null;
        Start("one");
        long refused = Set("RADIO_ISOLATION", "off");
        long other = Set("TOR_ISOLATION", "off");
        await TakenAsync("one", other);
        Assert.True(Row("one").IsBehind);
        Assert.Equal(refused, Row("one").Missed["RADIO_ISOLATION"]);
        await StopAsync();
        Start("one");
        Assert.True(Row("one").IsBehind);
        long again = Set("RADIO_ISOLATION", "on");
        await TakenAsync("one", again);
        Assert.False(Row("one").IsBehind);
        Assert.Equal([other, again], domain.TakenIndexes);
    }

    [Fact]
    public async Task DeadGateway_DelaysNoOther_AndTakesAllOfAWeek_InOrder_WhenItComes()
    {
        Domain("alive");
        Start("dead", "alive");
        var sent = new List<long> { Set("RADIO_ISOLATION", "off") };
        await TakenAsync("alive", sent[^1]);
        await WhileMovingTimeAsync(() => Row("dead") is { IsBehind: true, LastError: { } error } && error.Contains("there is no socket", StringComparison.Ordinal));
        for (int i = 0; i < 20; i++)
        {
            _bus.Time.SetClock(_bus.Time.UnixSeconds + 30_000);
            sent.Add(Set("RADIO_IDLE_TIMEOUT_MIN", i));
        }

        ScriptedDomain late = Domain("dead");
        await WhileMovingTimeAsync(() => Row("dead").Taken == sent[^1]);
        Assert.Equal(sent, late.TakenIndexes);
        Assert.False(Row("dead").IsBehind);
    }

    [Fact]
    public async Task HostileGateways_HarmOnlyTheirOwnRows()
    {
        Hostile("endless", async socket =>
        {
            byte[] junk = new byte[65_536];
            Array.Fill(junk, (byte)'x');
            while (true)
                await socket.SendAsync(junk);
        });
        Hostile("silent", _ => Task.CompletedTask);
        Hostile("garbage", socket => socket.SendAsync(Encoding.UTF8.GetBytes("{\"status\":\"ok\",\"status\":\"ok\"}\n")));
        Domain("liar").Instead = message => "{\"status\":\"error\",\"code\":\"\\u001b[2Jboo\",\"reason\":\"" + new string('y', 5_000) + "\"}";
        Domain("elsewhere").Instead = message => Command(message) == "deliver" ? """{"status":"error","code":"base_mismatch","reason":"no","seq":0,"index":-1}""" : null;
        Domain("beyond").Instead = message => Command(message) == "get_cursor" ? """{"status":"ok","name":"beyond","class":"gateway","seq":9007199254740991,"index":9007199254740991,"size":9007199254740991,"trust_version":0}""" : null;
        ScriptedDomain good = Domain("good");
        Start("endless", "silent", "garbage", "liar", "elsewhere", "beyond", "good");
        await TakenAsync("good", Set("RADIO_ISOLATION", "off"));
        await ErrorAsync("endless", "passes 65535 bytes");
        await ErrorAsync("garbage", "its answer cannot be read");
        await ErrorAsync("liar", "yyy...");
        await ErrorAsync("beyond", "an older one was put back");
        await UntilAsync(() => Row("elsewhere").IsBehind);
        Assert.DoesNotContain('\u001b', JsonText.ToText(Row("liar").ToStatus()));
        Assert.InRange(JsonText.ToText(Row("liar").ToStatus()).Length, 1, 700);
        await WhileMovingTimeAsync(() => Row("silent").LastError?.Contains("no answer within 10 s", StringComparison.Ordinal) == true);
        await TakenAsync("good", Set("RADIO_ISOLATION", "on"));
        Assert.Equal(2, good.Sequence);
    }

    [Theory]
    [InlineData("unknown_command", "an older one: update it")]
    [InlineData("wrong_system", "gateway-policyd enroll FILE --system HEX")]
    public async Task GatewayThatCannotSayWhereItStands_IsShownWithTheMend(string code, string mend)
    {
        Domain("one").Instead = message => Command(message) == "get_cursor" ? $$"""{"status":"error","code":"{{code}}","reason":"no"}""" : null;
        Start("one");
        Set("RADIO_ISOLATION", "off");
        await ErrorAsync("one", mend);
        await UntilAsync(() => Row("one").IsBehind);
    }

    [Fact]
    public async Task AnotherDomainAtTheSocket_IsGivenNothing()
    {
        ScriptedDomain other = Domain("one", "ui");
        Start("one");
        Set("RADIO_ISOLATION", "off");
        await ErrorAsync("one", "it is one of class ui");
        Assert.Empty(other.Taken);
    }

    [Fact]
    public async Task AnotherDomainAtTheSocket_WhoseNameIsMended_IsServedBeforeTheNextCheckpoint_AndTheLogSaysSo()
    {
        ScriptedDomain domain = Domain("one");
        var greeted = new List<long>();
        domain.Instead = message =>
        {
            if (Command(message) == "get_cursor")
                greeted.Add(_bus.Time.UnixSeconds);
            return greeted.Count <= 2 ? """{"status":"ok","name":"two","class":"gateway","seq":0,"index":-1,"size":0,"trust_version":0}""" : null;
        };
        // Before: a ledger that grows, or is heard of for the first time, has it asked at once.
        long index = Set("RADIO_ISOLATION", "off");
        Start("one");
        await ErrorAsync("one", "it is two of class gateway");
        await WhileMovingTimeAsync(() => Row("one").Taken == index);
        Assert.InRange(greeted[2] - greeted[1], 10, Limits.CheckpointIdleSeconds - 1);
        await UntilAsync(() => _log.Lines.Contains("gateway one takes what concerns it again"));
        Assert.Null(Row("one").LastError);
    }

    [Fact]
    public async Task AfterARestart_TheDomainSaysWhereItStands_AndNothingComesTwice()
    {
        ScriptedDomain domain = Domain("one");
        Start("one");
        await TakenAsync("one", Set("RADIO_ISOLATION", "off"));
        await StopAsync();
        File.Delete(_bus.Paths.DomainsFile);
        long next = Set("RADIO_ISOLATION", "on");
        Start("one");
        await TakenAsync("one", next);
        Assert.Equal(2, domain.Taken.Count);
    }

    [Fact]
    public async Task Attack13_DomainWhoseDiskWasPutBack_IsBroughtWhatItLost()
    {
        ScriptedDomain domain = Domain("one");
        Start("one");
        long first = Set("RADIO_ISOLATION", "off");
        long second = Set("RADIO_ISOLATION", "on");
        await TakenAsync("one", second);
        (domain.Sequence, domain.Index, domain.Size) = (0, -1, 0);
        domain.Restart();
        long third = Set("TOR_ISOLATION", "off");
        await TakenAsync("one", third);
        Assert.Equal([first, second, first, second, third], domain.TakenIndexes);
    }

    [Fact]
    public async Task DomainThatForgetsAgainAndAgain_IsNotBroughtTheWholeLedgerEachTime()
    {
        ScriptedDomain domain = Domain("one");
        domain.Instead = message =>
        {
            if (Command(message) == "get_cursor")
                (domain.Sequence, domain.Index) = (0, -1);
            return null;
        };
        Start("one");
        long first = Set("RADIO_ISOLATION", "off");
        await TakenAsync("one", first);
        domain.Restart();
        long second = Set("RADIO_ISOLATION", "on");
        await TakenAsync("one", second);
        domain.Restart();
        Set("TOR_ISOLATION", "off");
        await ErrorAsync("one", "again less than 60 s after its record was put back");
        Assert.Equal([first, first, second], domain.TakenIndexes);
    }

    [Fact]
    public async Task TrustRoot_GoesBetweenTheChangesAroundIt_AndARefusedOneIsShown_UntilItIsTakenLate()
    {
        ScriptedDomain domain = Domain("one");
        domain.Instead = message => Command(message) != "deliver" || (long)message["args"]!["index"]! != 1 ? null
            : domain.Sequence == 1 ? Refuse(domain, message, "not_authorised") : """{"status":"error","code":"not_authorised","reason":"no"}""";
        Start("one");
        long before = Set("RADIO_ISOLATION", "off");
        RootDraft draft = RootDraft.Single("dom0", _bus.Key.Public) with
        {
            System = PipelineTrial.SystemIdText,
            CreatedSeconds = _bus.Time.UnixSeconds,
            ExpiresSeconds = _bus.Time.UnixSeconds + RootDraft.Year,
        };
        // The empty tree's root, which this ledger begins with.
        string text = draft.Text().Replace(new string('e', 64), Convert.ToHexStringLower(new Qwamos.ControlBus.Ledger.MerkleTree().Root()), StringComparison.Ordinal);
        string root = JsonText.ToText(RootDraft.Signed(text, _bus.Key).ToJson());
        JsonElement recorded = _bus.Ask(Encoding.UTF8.GetBytes($$$"""{"msg":{"args":{{{root}}},"command":"trust_root"}}"""))[0];
        long after = Set("RADIO_ISOLATION", "on", message => message with { System = PipelineTrial.SystemIdText });
        await TakenAsync("one", after);
        Assert.Equal([before, after], domain.TakenIndexes);
        Assert.Equal(1, recorded.GetProperty("index").GetInt64());
        Assert.Equal(3, domain.Sequence);
        Assert.Contains("trust root 1: not_authorised", Row("one").TrustFault, StringComparison.Ordinal);
        Assert.True(Row("one").IsBehind);
        domain.Instead = _ => null;
        await WhileMovingTimeAsync(() => Row("one") is { IsBehind: false, TrustFault: null, TrustVersion: 1 });
        Assert.Equal([before, after, 1], domain.TakenIndexes);
        Assert.Equal(3, domain.Sequence);
    }

    [Fact]
    public async Task BusThatIsGone_IsWaitedFor()
    {
        ScriptedDomain domain = Domain("one");
        Start("one");
        await TakenAsync("one", Set("RADIO_ISOLATION", "off"));
        _bus.Followers.Release();
        await _bus.RestartAsync();
        long next = Set("RADIO_ISOLATION", "on");
        await WhileMovingTimeAsync(() => Row("one").Taken == next);
        Assert.Equal(2, domain.Taken.Count);
    }

    [Fact]
    public async Task LongestLeaf_ComesWhole()
    {
        ScriptedDomain domain = Domain("one");
        Start("one");
        byte[] plain = _bus.Change("""{"RADIO_ISOLATION":"off"}""");
        byte[] padded = [.. plain[..^1], .. Encoding.ASCII.GetBytes(new string(' ', Limits.MaxRequestBytes - 300)), (byte)'}'];
        long index = _bus.Ask(padded)[0].GetProperty("index").GetInt64();
        await TakenAsync("one", index);
        Assert.Equal(_bus.Ledger.Read(index)!.Leaf, Convert.FromBase64String((string)domain.Taken[0]["leaf"]!));
    }

    [Fact]
    public async Task Growth_IsToldWhenItComes_AndTheSizeWhenTheTimeIsOver()
    {
        using Socket socket = _bus.Connect();
        socket.Send("""{"msg":{"command":"get_growth","args":{"size":0,"wait":30}}}"""u8);
        Assert.False(socket.Poll(200_000, SelectMode.SelectRead));
        Set("RADIO_ISOLATION", "off");
        Assert.Equal(1, PipelineTrial.Parse(socket.ReadLine()!).GetProperty("size").GetInt64());
        socket.Send("""{"msg":{"command":"get_growth","args":{"size":5,"wait":30}}}"""u8);
        await WhileMovingTimeAsync(() => socket.Poll(0, SelectMode.SelectRead));
        Assert.Equal(1, PipelineTrial.Parse(socket.ReadLine()!).GetProperty("size").GetInt64());
        _bus.CourierUid = Posix.EffectiveUid + 1;
        Assert.Equal(1, _bus.Ask("""{"msg":{"command":"get_growth","args":{"size":5,"wait":30}}}"""u8.ToArray())[0].GetProperty("size").GetInt64());
    }

    [Fact]
    public async Task View_ShowsWhatTheFileSays_AndWhetherTheCourierRuns()
    {
        Domain("one");
        DaemonConfig config = Config("one", "dead");
        var view = new CourierView(_bus.Paths, config, PolicySchema.BuiltIn, _bus.Followers, () => _bus.Writer.Published, _bus.Time);
        Assert.StartsWith("not running: qwamosd --root", view.State().AsString, StringComparison.Ordinal);
        Start("one", "dead");
        long index = Set("RADIO_ISOLATION", "off");
        await WhileMovingTimeAsync(() => JsonText.ToText(JsonValue.Object(view.Status(""))).Contains($"\"one\":{{\"class\":\"gateway\",\"taken\":{index},\"seq\":1,\"behind\":false", StringComparison.Ordinal));
        await WhileMovingTimeAsync(() => JsonText.ToText(JsonValue.Object(view.Status(""))).Contains("\"dead\":{\"class\":\"gateway\",\"taken\":null,\"seq\":0,\"behind\":true,\"last_error\":\"there is no socket", StringComparison.Ordinal));
        Assert.Equal("ok", view.State().AsString);
        await StopAsync();
        // At once, by its hanging up: the clock stands still.
        await UntilAsync(() => view.State().AsString.StartsWith("not running: qwamosd --root", StringComparison.Ordinal));
        using Socket courier = _bus.Connect();
        courier.Send("""{"msg":{"command":"get_growth","args":{"size":0,"wait":0}}}"""u8);
        Assert.NotNull(courier.ReadLine());
        File.WriteAllText(_bus.Paths.DomainsFile, "{}");
        Assert.Contains("its file cannot be read", view.State().AsString, StringComparison.Ordinal);
        DomainsFile.Write(_bus.Paths, new string('0', 64), []);
        Assert.Equal("there, and has read another domains.json or qwamosd.json than qwamosd has: restart both", view.State().AsString);
    }

    [Fact]
    public void CourierThatRanBeforeAStart_IsMissedAfterSomeSeconds_AndOneThatNeverRanAtOnce()
    {
        DaemonConfig config = Config("one");
        CourierView View() => new(_bus.Paths, config, PolicySchema.BuiltIn, _bus.Followers, () => _bus.Writer.Published, _bus.Time);
        Assert.StartsWith("not running", View().State().AsString, StringComparison.Ordinal);
        DomainsFile.Write(_bus.Paths, config.Hash, []);
        CourierView view = View();
        _bus.Time.Advance(4);
        Assert.Equal("ok", view.State().AsString);
        _bus.Time.Advance(1);
        Assert.StartsWith("not running", view.State().AsString, StringComparison.Ordinal);
    }

    [Fact]
    public async Task CourierThatHangsUp_WhileAnotherAsks_IsNotMissed()
    {
        DaemonConfig config = Config("one");
        var view = new CourierView(_bus.Paths, config, PolicySchema.BuiltIn, _bus.Followers, () => _bus.Writer.Published, _bus.Time);
        using Socket old = _bus.Connect(), next = _bus.Connect();
        foreach (Socket courier in (Socket[])[old, next])
            courier.Send("""{"msg":{"command":"get_growth","args":{"size":0,"wait":30}}}"""u8);
        await UntilAsync(() => _bus.Followers.CourierLinks == 2);
        old.Dispose();
        await UntilAsync(() => _bus.Followers.CourierLinks == 1);
        Assert.Equal("ok", view.State().AsString);
        next.Dispose();
        await UntilAsync(() => view.State().AsString.StartsWith("not running", StringComparison.Ordinal));
    }

    [Fact]
    public void ErrorOfADomain_IsCutBetweenTwoWords_AndTwoKeysFit()
    {
        string key = "qwamos/" + new string('a', 32) + "+01234567+" + new string('B', 44);
        string reason = $"the checkpoint's key is not the ledger's, which is {key} (signed by {new string('c', 64)})";
        Assert.Equal("unknown_key: " + reason, Receptions.Describe("unknown_key", reason));
        Assert.Equal($"unknown_key: {reason}, which is...", Receptions.Describe("unknown_key", $"{reason}, which is {key}"));
        // "error: " and 248 letters leave the first half of the sign at the place of the cut by units.
        Assert.EndsWith("y\U0001F600...", Receptions.Describe("error", new string('y', 248) + "\U0001F600tail"), StringComparison.Ordinal);
    }

    private static string Command(JsonObject message) => (string)message["command"]!;

    /// <summary>Takes a delivery, and says that what is in it is refused for good.</summary>
    private static string Refuse(ScriptedDomain domain, JsonObject message, string code)
    {
        (domain.Sequence, domain.Index) = (domain.Sequence + 1, (long)message["args"]!["index"]!);
        return $$"""{"status":"ok","outcome":"{{code}}","reason":"no"}""";
    }

    private ScriptedDomain Domain(string name, string @class = "gateway")
    {
        var domain = new ScriptedDomain(_bus.Paths.At($"/run/{(@class == "ui" && name == "two-of-ui" ? "ui" : name)}.sock"), name, @class);
        _domains.Add(domain);
        return domain;
    }

    private void Hostile(string name, Func<Socket, Task> serve) => _domains.Add(new FakeGateway(_bus.Paths.At($"/run/{name}.sock"), serve));

    private DaemonConfig Config(params string[] names)
    {
        string gateways = string.Join(',', names.Select(name => name == "ui"
            ? """{"name":"two-of-ui","class":"ui","socket":"/run/ui.sock"}"""
            : $$"""{"name":"{{name}}","class":"gateway","socket":"/run/{{name}}.sock"}"""));
        File.WriteAllText(_bus.Paths.DaemonConfigFile, $$"""{"gateways":[{{gateways}}]}""");
        File.SetUnixFileMode(_bus.Paths.DaemonConfigFile, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        Assert.True(DaemonConfig.TryLoad(_bus.Paths, PolicySchema.BuiltIn, out DaemonConfig? config, out string fault), fault);
        return config;
    }

    private void Start(params string[] names) => Start(PolicySchema.BuiltIn, names);

    private void Start(PolicySchema schema, params string[] names)
    {
        DaemonConfig config = Config(names);
        Assert.True(DomainsFile.TryRead(_bus.Paths, 1, out IReadOnlyDictionary<string, DomainRow>? remembered, out _, out string? fault), fault);
        _stop = new TaskCompletionSource();
        _courier = new CourierService(_bus.Paths, config, schema, PipelineTrial.SystemIdText, remembered, _bus.Time, new Daemon.LogMessages(_log));
        _running = _courier.RunAsync(_stop.Task);
    }

    private async Task StopAsync()
    {
        _stop.TrySetResult();
        await _running;
        _courier?.Dispose();
        _courier = null;
    }

    private long Set(string key, string value, Func<MessageDraft, MessageDraft>? with = null) => Set($"\"{key}\":\"{value}\"", with);

    private long Set(string key, int value, Func<MessageDraft, MessageDraft>? with = null) => Set($"\"{key}\":{value}", with);

    /// <summary>As qwamosctl signs: with what was policy before.</summary>
    private MessageDraft WithBase(MessageDraft draft) =>
        draft with { Base = new Dictionary<string, string> { ["gateway"] = _bus.Writer.Published.Policy.BaseHash(PolicySchema.BuiltIn, "gateway") } };

    private long Set(string member, Func<MessageDraft, MessageDraft>? with) =>
        _bus.Ask(_bus.Change($"{{{member}}}", with))[0].GetProperty("index").GetInt64();

    private DomainRow Row(string name) => _courier!.Row(name);

    private Task TakenAsync(string name, long index) => UntilAsync(() => Row(name).Taken == index);

    private Task ErrorAsync(string name, string text) => UntilAsync(() => Row(name).LastError?.Contains(text, StringComparison.Ordinal) == true);

    private static async Task UntilAsync(Func<bool> isSo)
    {
        while (!isSo())
            await Task.Delay(5, TestContext.Current.CancellationToken);
    }

    /// <summary>Moves the clock on, a second at a time, until something is so.</summary>
    private async Task WhileMovingTimeAsync(Func<bool> isSo)
    {
        while (!isSo())
        {
            // No faster, or a second of patience with an answer is over before a busy machine has written it.
            _bus.Time.Advance(1);
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }
    }
}
