using System.Text.Json.Nodes;
using Qwamos.ControlBus.Audit;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Policy;
using Qwamos.ControlBus.Tests.Pipeline;
using Qwamos.ControlBus.Tests.Trust;
using Qwamos.Daemon.Auditing;
using Qwamos.Daemon.Delivery;
using Xunit;
using JsonValue = Qwamos.ControlBus.Json.JsonValue;

namespace Qwamos.ControlBus.Tests.Delivery;

/// <summary>What the courier makes of the reports of domains that are honest, strangers, or hostile; and who waits for a change to be in force.</summary>
public sealed partial class ReportFollowerTests : IAsyncLifetime
{
    private readonly Dictionary<string, SigningKey> _keys = new() { ["one"] = SigningKey.Generate(), ["two"] = SigningKey.Generate() };
    private readonly Dictionary<string, ScriptedDomain> _domains = [];
    private TaskCompletionSource _stop = new();
    private DaemonConfig _config = null!;
    private CheckpointSigner _signer = null!;
    private PipelineTrial _bus = null!;
    private InForceWaits _waits = null!;
    private CourierService _courier = null!;
    private CourierView _view = null!;
    private Task _running = Task.CompletedTask;

    public async ValueTask InitializeAsync()
    {
        _signer = new CheckpointSigner(SigningKey.Generate(), Checkpoint.OriginOf(PipelineTrial.SystemIdText));
        DaemonConfig? config = null;
        CourierView View(PipelineTrial bus) => new(bus.Paths, config!, PolicySchema.BuiltIn, bus.Followers, () => bus.Writer.Published, bus.Time);
        _bus = await PipelineTrial.StartBusAsync(
            bus =>
            {
                config = Config(bus);
                return new DomainAnswers(config, View(bus), () => bus.Writer.Published, new AuditAnswers(bus.Ledger, new Checkpoints(_signer, () => bus.Writer.Published, bus.Time), _ => ("", 0), _ => true));
            },
            bus => _waits = new InForceWaits(config!, PolicySchema.BuiltIn, bus.Ledger, () => bus.Writer.Published, View(bus), bus.Time));
        _view = View(_bus);
        _bus.Writer.Committed += _ => _waits.Grown();
        _bus.WhyUnproven = _waits.WhyUnproven;
        foreach (string name in _keys.Keys)
            _domains[name] = new ScriptedDomain(_bus.Paths.At($"/run/{name}.sock"), name) { Instead = message => Command(message) == "get_report" ? Report(name, message) : null };
        _config = config!;
        StartCourier();
    }

    private void StartCourier()
    {
        Assert.True(DomainsFile.TryRead(_bus.Paths, 2, out IReadOnlyDictionary<string, DomainRow>? remembered, out _, out string? fault), fault);
        _stop = new TaskCompletionSource();
        _courier = new CourierService(_bus.Paths, _config, PolicySchema.BuiltIn, PipelineTrial.SystemIdText, remembered, _bus.Time, new Daemon.LogMessages(new Lines(_lines)));
        _running = _courier.RunAsync(_stop.Task);
    }

    private async Task RestartCourierAsync()
    {
        _stop.TrySetResult();
        await _running;
        _courier.Dispose();
        StartCourier();
    }

    public async ValueTask DisposeAsync()
    {
        _stop.TrySetResult();
        await _running;
        _courier.Dispose();
        foreach (ScriptedDomain domain in _domains.Values)
            domain.Dispose();
        _waits.Release();
        _bus.Followers.Release();
        await _bus.DisposeAsync();
        _signer.Dispose();
        foreach (SigningKey key in _keys.Values)
            key.Dispose();
    }

    [Fact]
    public async Task NobodyIsBelievedOnFirstUse_AndWhoIsEnrolledIsAtOnce()
    {
        await WhileMovingTimeAsync(() => Row("one")?.Fault is not null);
        Assert.Equal("no operator has vouched for its key: qwamosctl domains enroll one", Row("one")!.Fault);
        Enrol("one");
        await WhileMovingTimeAsync(() => Row("one") is { Fault: null });
        Assert.Equal("in_force", Assert.Single(Row("one")!.Keys).Value.State);
        _bus.Ask(_bus.SignDomain("one", _keys["one"], _bus.Time.UnixSeconds, isRevoked: true));
        await WhileMovingTimeAsync(() => Row("one")?.Fault?.StartsWith("its key is revoked", StringComparison.Ordinal) == true);
        Assert.Empty(Row("one")!.Keys);
    }

    [Fact]
    public async Task Attack7_ARevokedDomainsWordCountsNoMore_ThoughItCannotBeReached()
    {
        Enrol("one");
        await WhileMovingTimeAsync(() => Shown("one").TryGet("keys", out JsonValue? keys) && keys.Members.Length == 1);
        _domains["one"].Dispose();
        _stop.TrySetResult();
        await _running;
        Assert.False(Shown("one").TryGet("fault", out _));
        _bus.Ask(_bus.SignDomain("one", _keys["one"], _bus.Time.UnixSeconds, isRevoked: true));
        Assert.True(Shown("one").TryGet("fault", out JsonValue? fault) && Shown("one").TryGet("keys", out JsonValue? none) && none.Members.Length == 0);
        Assert.Equal("its key is revoked: qwamosctl domains enroll one", fault.AsString);
    }

    [Fact]
    public async Task WhatIsInForce_IsAnEntryOnce_AndWhoWaitsForItIsTold()
    {
        Enrol("one");
        long index = Set("RADIO_ISOLATION", "off");
        Task<System.Text.Json.JsonElement> waiting = Task.Run(() => _bus.Ask(InForce(index, 30))[0]);
        await WhileMovingTimeAsync(() => waiting.IsCompleted);
        System.Text.Json.JsonElement answer = await waiting;
        // "two" is not enrolled: nothing is awaited of it, and it is named with the reason.
        Assert.Equal((2, 1, 1, true), (answer.GetProperty("concerned").GetInt32(), answer.GetProperty("in_force").GetInt32(), answer.GetProperty("not_enrolled").GetInt32(), answer.GetProperty("settled").GetBoolean()));
        System.Text.Json.JsonElement lacking = Assert.Single(answer.GetProperty("lacking").EnumerateArray());
        Assert.Equal(("two", "not_enrolled"), (lacking.GetProperty("name").GetString(), lacking.GetProperty("state").GetString()));
        await WhileMovingTimeAsync(() => _polls > 5);
        Assert.Equal([index], Entries().Select(entry => entry.Statement.Entry.Index));
    }

    [Fact]
    public async Task Attack14_WhoWaitsForADomainThatSaysNothing_IsToldWhich()
    {
        Enrol("one");
        Enrol("two");
        Silent.Add("two");
        long index = Set("RADIO_ISOLATION", "off");
        Task<System.Text.Json.JsonElement> waiting = Task.Run(() => _bus.Ask(InForce(index, 5))[0]);
        await WhileMovingTimeAsync(() => waiting.IsCompleted);
        System.Text.Json.JsonElement answer = await waiting;
        Assert.False(answer.GetProperty("settled").GetBoolean());
        Assert.Equal("two", Assert.Single(answer.GetProperty("lacking").EnumerateArray()).GetProperty("name").GetString());
        // A change for nobody here is settled at once.
        answer = _bus.Ask(InForce(Set("KERNEL_HARDENING", "strict"), 30))[0];
        Assert.Equal((0, true), (answer.GetProperty("concerned").GetInt32(), answer.GetProperty("settled").GetBoolean()));
    }

    [Fact]
    public void WhatIsStaged_IsNotWaitedFor_AndWhatNoDomainTakesIsNamed()
    {
        Enrol("one");
        System.Text.Json.JsonElement answer = _bus.Ask(InForce(Set("CRYPTO_BACKEND", "hybrid"), 30))[0];
        Assert.Equal((2, 0, true), (answer.GetProperty("concerned").GetInt32(), answer.GetProperty("in_force").GetInt32(), answer.GetProperty("settled").GetBoolean()));
        Assert.Equal(["one:staged", "two:not_enrolled"], answer.GetProperty("lacking").EnumerateArray().Select(item => $"{item.GetProperty("name")}:{item.GetProperty("state")}"));
        Assert.False(answer.TryGetProperty("unserved", out _));
        long mixed = _bus.Ask(_bus.Change("""{"CLIPBOARD_ISOLATION":"strict","RADIO_ISOLATION":"off"}"""))[0].GetProperty("index").GetInt64();
        answer = _bus.Ask(InForce(mixed, 0))[0];
        Assert.Equal("CLIPBOARD_ISOLATION", Assert.Single(answer.GetProperty("unserved").EnumerateArray()).GetString());
        // Whoever may not see a confidential change is not told here what it sets.
        answer = _bus.Ask(InForce(Set("DURESS.gesture", "triple-power"), 0))[0];
        Assert.Equal(0, answer.GetProperty("concerned").GetInt32());
        Assert.DoesNotContain("DURESS", answer.GetRawText(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("key", "not signed by the key that is enrolled")]
    [InlineData("domain", "its report is that of two")]
    [InlineData("class", "its report is that of one of class ui")]
    [InlineData("system", "or of another system")]
    [InlineData("nonce", "its report is an older one")]
    [InlineData("statement", "it speaks for another domain, two")]
    [InlineData("form", "its report cannot be read")]
    [InlineData("number", "its report cannot be read")]
    [InlineData("many", "its report cannot be read")]
    public async Task Attack24_ALieFillsItsOwnRow_AndNothingElse(string what, string fault)
    {
        Lie = what;
        Enrol("one");
        Enrol("two");
        long index = Set("RADIO_ISOLATION", "off");
        await WhileMovingTimeAsync(() => Row("one")?.Fault?.Contains(fault, StringComparison.Ordinal) == true && Row("two") is { Fault: null, Keys.Count: 1 } && Entries().Any());
        Assert.Equal(["two"], Entries().Select(entry => entry.Statement.Domain));
        Assert.Empty(Row("one")!.Keys);
        Assert.Equal(index, _courier.Row("one").Taken);
    }

    [Fact]
    public async Task Attack23_WhoIsNotEnrolledIsAskedSeldom_AndNobodysTalkIsWrittenAgainAndAgain()
    {
        Enrol("two");
        await WhileMovingTimeAsync(() => Row("one")?.Fault is not null && Row("two") is { Fault: null });
        _pollsOf.Clear();
        (int moved, int written, DateTime last) = (0, 0, default);
        await WhileMovingTimeAsync(() =>
        {
            DateTime now = File.GetLastWriteTimeUtc(_bus.Paths.DomainsFile);
            (written, last) = (now == last ? written : written + 1, now);
            return ++moved > 60;
        });
        Assert.InRange(_pollsOf.GetValueOrDefault("one"), 1, 8);
        Assert.InRange(_pollsOf.GetValueOrDefault("two"), 20, int.MaxValue);
        Assert.InRange(written, 1, 20);
    }

    [Fact]
    public async Task Attack12_ClockThatIsSetBack_DoesNotMakeWhatWasHeardBeforeLookFresh()
    {
        Enrol("one");
        await WhileMovingTimeAsync(() => Row("one") is { Fault: null });
        long heard = Row("one")!.HeardSeconds;
        _bus.Time.SetClock(heard - 86_400);
        int polls = _pollsOf["one"];
        await WhileMovingTimeAsync(() => _pollsOf["one"] > polls + 5);
        Assert.InRange(Row("one")!.HeardSeconds, 0, heard - 80_000);
    }

    [Fact]
    public async Task Attack14_ReportThatIsJudgedAgain_IsNotHeardAgain()
    {
        Enrol("one");
        await WhileMovingTimeAsync(() => Row("one") is { Fault: null });
        long heard = Row("one")!.HeardSeconds;
        Func<JsonObject, string?> reports = _domains["one"].Instead;
        int cut = 0;
        _domains["one"].Instead = message =>
        {
            if (Command(message) != "get_report")
                return reports(message);
            cut++;
            _domains["one"].Restart();
            return null;
        };
        // Each entry has the enrolled keys read anew, and what is known is judged by them.
        for (int i = 0; i < 6; i++)
        {
            Enrol("two");
            int before = cut;
            await WhileMovingTimeAsync(() => cut > before + 10);
        }
        Assert.InRange(_bus.Time.UnixSeconds, heard + 50, long.MaxValue);
        Assert.InRange(Row("one")!.HeardSeconds, heard, heard + 20);
    }

    [Fact]
    public async Task RefusedChange_IsMissed_AndNotSaidToHaveBeenTaken()
    {
        Enrol("one");
        Says("one");
        Silent.Add("one");
        Func<JsonObject, string?> reports = _domains["one"].Instead;
        _domains["one"].Instead = message =>
        {
            if (Command(message) != "deliver")
                return reports(message);
            (_domains["one"].Sequence, _domains["one"].Index) = (_domains["one"].Sequence + 1, (long)message["args"]!["index"]!);
            return """{"status":"ok","outcome":"superseded","reason":"no"}""";
        };
        Set("RADIO_ISOLATION", "on");
        await WhileMovingTimeAsync(() => _courier.Row("one").Missed.Count == 1);
        int polls = _pollsOf.GetValueOrDefault("one");
        await WhileMovingTimeAsync(() => _pollsOf.GetValueOrDefault("one") > polls + 3 && Row("one") is { Fault: null });
        Assert.Empty(Row("one")!.Lacks);
    }

    [Fact]
    public async Task AChangeThatANewerOneReplaced_IsSettledAsSuperseded()
    {
        Enrol("one");
        Enrol("two");
        Silent.UnionWith(_keys.Keys);
        long first = Set("RADIO_ISOLATION", "off"), second = Set("RADIO_ISOLATION", "on");
        await WhileMovingTimeAsync(() => _courier.Row("one").Index == second && _courier.Row("two").Index == second);
        Silent.Clear();
        Task<System.Text.Json.JsonElement> waiting = Task.Run(() => _bus.Ask(InForce(second, 30))[0]);
        await WhileMovingTimeAsync(() => waiting.IsCompleted);
        Assert.Equal(2, (await waiting).GetProperty("in_force").GetInt32());
        System.Text.Json.JsonElement answer = _bus.Ask(InForce(first, 30))[0];
        Assert.Equal((0, true), (answer.GetProperty("in_force").GetInt32(), answer.GetProperty("settled").GetBoolean()));
        Assert.All(answer.GetProperty("lacking").EnumerateArray(), lacking => Assert.Equal("superseded", lacking.GetProperty("state").GetString()));
    }

    [Fact]
    public async Task Attack11_WhatTheFormerMachineSaid_IsNotItsSuccessorsWord_AndARevokedOneHasNone()
    {
        Enrol("one");
        Enrol("two");
        long index = Set("RADIO_ISOLATION", "off");
        await WhileMovingTimeAsync(() => Entries().Count() == 2);
        Assert.Equal(2, _bus.Ask(InForce(index, 0))[0].GetProperty("in_force").GetInt32());
        using SigningKey successor = SigningKey.Generate();
        _bus.Ask(_bus.SignDomain("one", successor, _bus.Time.UnixSeconds), _bus.SignDomain("two", _keys["two"], _bus.Time.UnixSeconds, isRevoked: true));
        System.Text.Json.JsonElement answer = _bus.Ask(InForce(index, 0))[0];
        Assert.Equal((0, false), (answer.GetProperty("in_force").GetInt32(), answer.GetProperty("settled").GetBoolean()));
        Assert.Equal(["waiting", "not_enrolled"], answer.GetProperty("lacking").EnumerateArray().Select(lacking => lacking.GetProperty("state").GetString()));
    }

    [Fact]
    public async Task Attack09_WhatAKeySaidBeforeAnotherTookItsPlace_CountsNoMore_WhenItIsBack_UntilItIsSaidAnew()
    {
        Enrol("one");
        long index = Set("RADIO_ISOLATION", "off");
        await WhileMovingTimeAsync(() => Entries().Any());
        InForceStatement before = Entries().Single().Statement;
        _bus.Time.Advance(Limits.FreshnessWindowSeconds);
        await AskedAsync();
        Silent.Add("one");
        await AskedAsync();
        using SigningKey other = SigningKey.Generate();
        _bus.Ask(_bus.SignDomain("one", other, _bus.Time.UnixSeconds));
        await WhileMovingTimeAsync(() => Row("one")?.Fault is not null);
        _bus.Ask(_bus.SignDomain("one", _keys["one"], _bus.Time.UnixSeconds + 1));
        Assert.Equal((0, false), Stands());
        Assert.Equal("stale", _bus.Ask(PipelineTrial.Report(before))[0].GetProperty("code").GetString());
        Assert.Equal((0, false), Stands());
        Silent.Clear();
        await WhileMovingTimeAsync(() => Entries().Count() == 2);
        Assert.Equal((1, true), Stands());

        (int, bool) Stands() => _bus.Ask(InForce(index, 0))[0] is var answer ? (answer.GetProperty("in_force").GetInt32(), answer.GetProperty("settled").GetBoolean()) : default;

        Task AskedAsync()
        {
            int polls = _pollsOf["one"];
            return WhileMovingTimeAsync(() => _pollsOf["one"] > polls + 2);
        }
    }

    [Theory]
    [InlineData("ledger")]
    [InlineData("keys")]
    [InlineData("future")]
    public async Task Attack09_WordsAboutAnotherLedgersEntries_AreNotRecorded_AndHideNoneOfThisOnes(string what)
    {
        Lie = what;
        Enrol("one");
        Enrol("two");
        long index = Set("RADIO_ISOLATION", "off");
        await WhileMovingTimeAsync(() => Entries().Any(entry => entry.Statement.Domain == "two") && (what != "ledger" || Entries().Any(entry => entry.Statement.Domain == "one")));
        // What is of this ledger counts, though 16 others stood before it.
        Assert.Equal(what == "ledger" ? [index] : [], Entries().Where(entry => entry.Statement.Domain == "one").Select(entry => entry.Statement.Entry.Index));
        Assert.Null(Row("one")!.Fault);
        Assert.Single(Row("one")!.Keys);
    }

    [Fact]
    public async Task WhoWaitsWhileTheCourierIsDead_IsToldSo()
    {
        Enrol("one");
        Enrol("two");
        _stop.TrySetResult();
        await _running;
        while (_view.Fault is null)
            await Task.Delay(5, TestContext.Current.CancellationToken);
        System.Text.Json.JsonElement lacking = _bus.Ask(InForce(Set("RADIO_ISOLATION", "off"), 0))[0].GetProperty("lacking");
        Assert.All(lacking.EnumerateArray(), domain => Assert.Equal("waiting", domain.GetProperty("state").GetString()));
        Assert.All(lacking.EnumerateArray(), domain => Assert.StartsWith("the courier is not running: qwamosd --root", domain.GetProperty("why").GetString(), StringComparison.Ordinal));
    }

    private string? Lie { get; set; }

    private HashSet<string> Silent { get; } = [];

    private readonly System.Collections.Concurrent.ConcurrentDictionary<string, int> _pollsOf = new();

    private int _polls;

    /// <summary>The version of the trust root that a domain signs to be in force there.</summary>
    private readonly System.Collections.Concurrent.ConcurrentDictionary<string, long> _trustVersion = new();

    private readonly System.Collections.Concurrent.ConcurrentDictionary<string, Dictionary<string, ReportedKey>> _says = new();

    /// <summary>What a domain signs from here on, whatever is delivered.</summary>
    private void Says(string name, params (string Key, string Value, long? Index)[] keys) =>
        _says[name] = keys.ToDictionary(key => key.Key, key => new ReportedKey(JsonValue.Of(key.Value), JsonValue.Of(key.Value), ReportedKey.InForce, 5, key.Index, null, null));

    /// <summary>An honest report, or one of "one" that lies in one thing.</summary>
    private string Report(string name, JsonObject message)
    {
        _polls++;
        _pollsOf.AddOrUpdate(name, 1, (_, count) => count + 1);
        string? lie = name == "one" ? Lie : null;
        SigningKey key = _keys[lie == "key" ? "two" : name];
        Assert.True(Nonce.TryParse((string)message["args"]!["nonce"]!, out Nonce nonce));
        string system = lie == "system" ? new string('b', 32) : PipelineTrial.SystemIdText;
        long index = _domains[name].Index;
        Dictionary<string, ReportedKey> keys = _says.GetValueOrDefault(name) ?? new Dictionary<string, ReportedKey> { ["RADIO_ISOLATION"] = new(JsonValue.Of("off"), JsonValue.Of("off"), "in_force", 5, index < 0 ? null : index, null, null) };
        var report = new DomainReport(system, lie == "domain" ? "two" : name, lie == "class" ? "ui" : "gateway", _polls, 7, lie == "nonce" ? Nonce.Random() : nonce, keys, IsStale: false, lie == "older" ? null : _trustVersion.GetValueOrDefault(name));
        InForceStatement[] statements = index < 0 || Silent.Contains(name) ? [] : [InForceStatement.Sign(key, lie == "statement" ? "two" : name, PipelineTrial.SystemIdText, new EntryReference(index, _domains[name].LeafHash), ["RADIO_ISOLATION"], null, _bus.Time.UnixSeconds - (lie == "clock" ? 10_000 : 0))];
        // Those of another ledger: 16 from before, as many as fit; then the true one, when it asks for what comes after them.
        if (lie == "ledger" && (long)message["args"]!["confirmed"]! < 0)
            statements = [.. Enumerable.Range(0, 16).Select(_ => InForceStatement.Sign(key, name, PipelineTrial.SystemIdText, new EntryReference(0, _domains[name].LeafHash), ["RADIO_ISOLATION"], null, _bus.Time.UnixSeconds))];
        if (lie is "keys" or "future")
            statements = [.. statements.Select(statement => InForceStatement.Sign(
                key, name, PipelineTrial.SystemIdText, lie == "keys" ? statement.Entry : statement.Entry with { Index = 1_000 }, [lie == "keys" ? "TOR_ISOLATION" : "RADIO_ISOLATION"], null, _bus.Time.UnixSeconds))];
        if (lie == "many")
            statements = [.. Enumerable.Range(0, 17).Select(i => InForceStatement.Sign(key, name, PipelineTrial.SystemIdText, new EntryReference(i, _domains[name].LeafHash), ["RADIO_ISOLATION"], null, _bus.Time.UnixSeconds))];
        if (lie == "number")
            return $$"""{"status":"ok","report":{{JsonText.ToText(report.ToJson()).Replace("\"desired\":\"off\"", "\"desired\":1e400", StringComparison.Ordinal)}},"signature":"{{report.Sign(key)}}","in_force":[]}""";
        return lie == "form" ? """{"status":"ok","report":{},"signature":"","in_force":[]}"""
            : $$"""{"status":"ok","report":{{JsonText.ToText(report.ToJson())}},"signature":"{{report.Sign(key)}}","in_force":{{JsonText.ToText(JsonValue.Array(statements.Select(statement => statement.ToJson())))}}}""";
    }

    private static DaemonConfig Config(PipelineTrial bus)
    {
        File.WriteAllText(bus.Paths.DaemonConfigFile, """{"gateways":[{"name":"one","class":"gateway","socket":"/run/one.sock"},{"name":"two","class":"gateway","socket":"/run/two.sock"}]}""");
        File.SetUnixFileMode(bus.Paths.DaemonConfigFile, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        Assert.True(DaemonConfig.TryLoad(bus.Paths, PolicySchema.BuiltIn, out DaemonConfig? config, out string fault), fault);
        return config;
    }

    private void Enrol(string name) => Assert.Equal("ok", _bus.Ask(_bus.SignDomain(name, _keys[name], _bus.Time.UnixSeconds - 1))[0].GetProperty("status").GetString());

    /// <summary>Version 1, under which the trial's key goes on.</summary>
    private long RecordRoot()
    {
        Assert.Equal("ok", _bus.Ask(_bus.Root(RootDraft.Single("dom0", _bus.Key.Public) with { CreatedSeconds = _bus.Time.UnixSeconds - 1, ExpiresSeconds = _bus.Time.UnixSeconds + RootDraft.Year }, _bus.Key))[0].GetProperty("status").GetString());
        return _bus.Writer.Published.Policy.Trust.Entries[^1];
    }

    private long Set(string key, string value) => _bus.Ask(_bus.Change($"{{\"{key}\":\"{value}\"}}"))[0].GetProperty("index").GetInt64();

    private static byte[] InForce(long index, int wait) =>
        System.Text.Encoding.UTF8.GetBytes(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{{\"msg\":{{\"command\":\"get_in_force\",\"args\":{{\"index\":{index},\"wait\":{wait}}}}}}}"));

    /// <summary>The report in the status.</summary>
    private JsonValue Shown(string name) =>
        JsonValue.Object(_view.Status("")).TryGet("gateways", out JsonValue? rows) && rows.TryGet(name, out JsonValue? row) && row.TryGet("report", out JsonValue? report) ? report : JsonValue.Object();

    private ReportRow? Row(string name) => _courier.Row(name).Report;

    private IEnumerable<InForceEntry> Entries() => Enumerable.Range(0, (int)_bus.Ledger.Size).Select(index => _bus.Ledger.ReadEntry(index)).OfType<InForceEntry>();

    private static string Command(JsonObject message) => (string)message["command"]!;

    private async Task WhileMovingTimeAsync(Func<bool> isSo)
    {
        while (!isSo())
        {
            _bus.Time.Advance(1);
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }
    }
}
