using Microsoft.Extensions.Logging;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Policy;
using Qwamos.ControlBus.Tests.Pipeline;
using Qwamos.Daemon.Delivery;
using Xunit;
using JsonValue = Qwamos.ControlBus.Json.JsonValue;

namespace Qwamos.ControlBus.Tests.Delivery;

/// <summary>What a domain's own report has not, of what it is said to have taken.</summary>
public sealed partial class ReportFollowerTests
{
    [Fact]
    public async Task Attack13_RelayThatTakesAChangeInADomainsPlace_IsFoundByTheDomainsOwnReport_AndTheNextChangeBringsItAgain()
    {
        Enrol("one");
        long first = Set("RADIO_ISOLATION", "off");
        Says("one", ("RADIO_ISOLATION", "off", first));
        await WhileMovingTimeAsync(() => _courier.Row("one") is { Taken: { } taken, IsBehind: false, Report.Fault: null } && taken == first);
        // What the scripted domain takes from here on, the one that signs has never seen.
        long swallowed = Set("RADIO_ISOLATION", "on");
        await WhileMovingTimeAsync(() => Row("one") is { Lacks.Count: 1 });
        Assert.Equal(new LackedKey(swallowed, JsonValue.Of("on")), Row("one")!.Lacks["RADIO_ISOLATION"]);
        Assert.Equal((swallowed, true, false), (_courier.Row("one").Taken!.Value, _courier.Row("one").IsBehind, _courier.Row("one").HasNext));
        await WhileMovingTimeAsync(() => Shown("one").TryGet("lacks", out _));
        long next = _bus.Ask(_bus.Change("""{"TOR_ISOLATION":"off"}""", draft => draft with { Base = new Dictionary<string, string> { ["gateway"] = _bus.Writer.Published.Policy.BaseHash(PolicySchema.BuiltIn, "gateway") } }))[0].GetProperty("index").GetInt64();
        await WhileMovingTimeAsync(() => _courier.Row("one").Taken == next);
        Assert.Equal([swallowed], _domains["one"].Taken[^1]["catch_up"]!["changes"]!.AsArray().Select(change => (long)change!["index"]!));
        Says("one", ("RADIO_ISOLATION", "on", swallowed), ("TOR_ISOLATION", "off", next));
        await WhileMovingTimeAsync(() => Row("one") is { Lacks.Count: 0 } && !_courier.Row("one").IsBehind);
    }

    [Fact]
    public async Task Attack07_TrustRootThatARelayTakesInADomainsPlace_IsLackedByTheDomainsOwnReport_WhateverItIsBrought_AndBroughtLate()
    {
        Enrol("one");
        Says("one");
        long root = RecordRoot();
        await WhileMovingTimeAsync(() => Row("one") is { LacksRoot: not null });
        Assert.Equal((new LackedRoot(1, root), 0L), (Row("one")!.LacksRoot!.Value, Row("one")!.TrustVersion!.Value));
        Assert.Equal((true, false), (_courier.Row("one").IsBehind, _courier.Row("one").HasNext));
        await WhileMovingTimeAsync(() => Shown("one").TryGet("lacks_root", out _));
        _domains["one"].TrustVersion = 0;
        // Numbers that do not fit, and a change taken with all that was policy, take nothing back.
        _domains["one"].Sequence = 9;
        _domains["one"].Restart();
        await WhileMovingTimeAsync(() => _courier.Row("one").HasGap);
        long next = _bus.Ask(_bus.Change("""{"TOR_ISOLATION":"off"}""", draft => draft with { System = PipelineTrial.SystemIdText, Base = new Dictionary<string, string> { ["gateway"] = _bus.Writer.Published.Policy.BaseHash(PolicySchema.BuiltIn, "gateway") } }))[0].GetProperty("index").GetInt64();
        Says("one", ("TOR_ISOLATION", "off", next));
        await WhileMovingTimeAsync(() => _courier.Row("one").Taken == next && Row("one") is { Lacks.Count: 0 });
        Assert.True(_courier.Row("one") is { HasGap: true, IsBehind: true, Report.LacksRoot: not null });
        // It is brought again, beside its number, until the domain itself says that it has it.
        await WhileMovingTimeAsync(() => _domains["one"].TakenIndexes.Count(index => index == root) > 1);
        Assert.Equal(next, _domains["one"].Index);
        _trustVersion["one"] = 1;
        await WhileMovingTimeAsync(() => _courier.Row("one") is { HasGap: false, IsBehind: false, Report.LacksRoot: null });
    }

    [Fact]
    public async Task ReportOfAnOlderProgram_SaysNothingOfTrustRoots_AndEndsNoGapWhereThereAreSome()
    {
        Lie = "older";
        Enrol("one");
        Says("one");
        long root = RecordRoot();
        await WhileMovingTimeAsync(() => Row("one") is { Fault: null, TrustVersion: null } && _courier.Row("one").Index == root);
        Assert.Null(Row("one")!.LacksRoot);
        Assert.False(_courier.Row("one").IsBehind);
        _domains["one"].Sequence = 9;
        _domains["one"].Restart();
        await WhileMovingTimeAsync(() => _courier.Row("one").HasGap);
        int polls = _pollsOf["one"];
        await WhileMovingTimeAsync(() => _pollsOf["one"] > polls + 3);
        Assert.True(_courier.Row("one").HasGap);
    }

    [Fact]
    public async Task DomainThatNobodyEnrolled_AndThatSaysItHasAnOlderTrustRoot_IsBroughtTheMissingOnes_AndMayLackMore()
    {
        long root = RecordRoot();
        long change = _bus.Ask(_bus.Change("""{"TOR_ISOLATION":"off"}""", draft => draft with { System = PipelineTrial.SystemIdText }))[0].GetProperty("index").GetInt64();
        await WhileMovingTimeAsync(() => _courier.Row("one").Taken == change);
        Assert.False(_courier.Row("one").IsBehind);
        _domains["one"].TrustVersion = 0;
        _domains["one"].Restart();
        await WhileMovingTimeAsync(() => _domains["one"].TrustVersion == 1);
        await WhileMovingTimeAsync(() => _courier.Row("one") is { HasGap: true, IsBehind: true, TrustVersion: 1 });
        Assert.Equal([root, change, root], _domains["one"].TakenIndexes);
    }

    [Fact]
    public async Task DomainThatStandsWhereItWasNotBrought_AndWhoseReportLacksNothing_IsNotBehind()
    {
        Enrol("one");
        Set("CRYPTO_BACKEND", "hybrid");
        long radio = Set("RADIO_ISOLATION", "off");
        Says("one", ("RADIO_ISOLATION", "off", radio));
        await WhileMovingTimeAsync(() => _courier.Row("one").Taken == radio);
        _domains["one"].Sequence = 1;
        _domains["one"].Restart();
        await WhileMovingTimeAsync(() => _courier.Row("one") is { HasGap: true, Sequence: 1, Report.Lacks.Count: 1 });
        Says("one", ("RADIO_ISOLATION", "off", radio), ("CRYPTO_BACKEND", "hybrid", null));
        await WhileMovingTimeAsync(() => _courier.Row("one") is { HasGap: false, IsBehind: false });
    }

    [Fact]
    public async Task Attack14_ReportWithoutAKeyThatWasBrought_IsNoGoodOne()
    {
        Enrol("one");
        Says("one");
        long radio = Set("RADIO_ISOLATION", "on"), all = Set("CRYPTO_BACKEND", "hybrid");
        Set("CLIPBOARD_ISOLATION", "strict");
        await WhileMovingTimeAsync(() => Row("one") is { Lacks.Count: 2 });
        Assert.Equal([("CRYPTO_BACKEND", all), ("RADIO_ISOLATION", radio)], Row("one")!.Lacks.Select(lack => (lack.Key, lack.Value.Index)).Order());
    }

    [Fact]
    public async Task ReportThatHasWhatWasSetForTheDomain_LacksNothing_HoweverThatCameThere()
    {
        Enrol("one");
        Enrol("two");
        long first = Set("RADIO_ISOLATION", "on");
        long again = Set("CRYPTO_BACKEND", "hybrid");
        _bus.Ask(_bus.Change("""{"RADIO_ISOLATION":"off"}""", draft => draft with { Audience = ["two"] }));
        Set("CRYPTO_BACKEND", "hybrid");
        long direct = Set("TOR_ISOLATION", "mandatory");
        // Set again without effect, it keeps its entry; what was sent there directly before has none.
        Says("one", ("RADIO_ISOLATION", "on", first), ("CRYPTO_BACKEND", "hybrid", again), ("TOR_ISOLATION", "mandatory", null));
        Says("two", ("RADIO_ISOLATION", "on", first), ("CRYPTO_BACKEND", "hybrid", again), ("TOR_ISOLATION", "mandatory", direct));
        await WhileMovingTimeAsync(() => _courier.Row("one").Taken == direct && Row("two") is { Lacks.Count: 1 });
        Assert.Equal("RADIO_ISOLATION", Assert.Single(Row("two")!.Lacks).Key);
        int polls = _pollsOf["one"];
        await WhileMovingTimeAsync(() => _pollsOf["one"] > polls + 3);
        Assert.Empty(Row("one")!.Lacks);
        Assert.False(_courier.Row("one").IsBehind);
    }

    [Fact]
    public async Task Attack14_WhatADomainWasFoundToLack_OutlastsAnAnswerThatCannotBeRead_AndAStart_ButNotItsKey()
    {
        Enrol("one");
        Says("one");
        long radio = Set("RADIO_ISOLATION", "off");
        await WhileMovingTimeAsync(() => Row("one") is { Lacks.Count: 1 });
        Lie = "form";
        await WhileMovingTimeAsync(() => Row("one")!.Fault?.Contains("cannot be read", StringComparison.Ordinal) == true);
        Assert.True(_courier.Row("one").IsBehind && Row("one") is { Keys.Count: 0, Lacks.Count: 1 });
        await WhileMovingTimeAsync(() => Shown("one").TryGet("fault", out _) && Shown("one").TryGet("lacks", out _));
        await RestartCourierAsync();
        await WhileMovingTimeAsync(() => Row("one") is { Fault: not null, Lacks.Count: 1 });
        Lie = null;
        Says("one", ("RADIO_ISOLATION", "off", radio));
        await WhileMovingTimeAsync(() => Row("one") is { Fault: null, Lacks.Count: 0 } && !_courier.Row("one").IsBehind);
        Says("one");
        await WhileMovingTimeAsync(() => Row("one") is { Lacks.Count: 1 });
        _bus.Ask(_bus.SignDomain("one", _keys["one"], _bus.Time.UnixSeconds, isRevoked: true));
        await WhileMovingTimeAsync(() => Row("one") is { Fault: not null, Lacks.Count: 0 });
    }

    [Fact]
    public async Task Attack12_WordOfAClockThatIsBehind_IsRefused_AndTheReportBesideItIsBelieved()
    {
        Lie = "clock";
        Enrol("one");
        Set("RADIO_ISOLATION", "off");
        await WhileMovingTimeAsync(() => Row("one") is { Refused: not null });
        Assert.Contains("stale: it was signed", Row("one")!.Refused, StringComparison.Ordinal);
        int polls = _pollsOf["one"];
        await WhileMovingTimeAsync(() =>
        {
            Assert.True(Row("one") is { Fault: null, Refused: not null, Keys.Count: 1 });
            return _pollsOf["one"] > polls + 2;
        });
        Assert.Empty(Entries());
        Lie = null;
        await WhileMovingTimeAsync(() => Row("one") is { Fault: null, Refused: null } && Entries().Any());
    }

    [Fact]
    public async Task Attack23_DomainThatSaysAgainAndAgainThatItStandsElsewhere_IsLoggedOnceAMinute()
    {
        Enrol("one");
        long radio = Set("RADIO_ISOLATION", "off");
        await WhileMovingTimeAsync(() => _courier.Row("one") is { IsBehind: false } row && row.Taken == radio && Row("one") is { Fault: null });
        long begun = _bus.Time.UnixSeconds;
        for (int i = 0; i < 12; i++)
        {
            _domains["one"].Sequence++;
            _domains["one"].Restart();
            await WhileMovingTimeAsync(() => _courier.Row("one") is { HasGap: false } row && row.Sequence == _domains["one"].Sequence);
        }
        Assert.InRange(_lines.Count(line => line.Contains("one may be missing there", StringComparison.Ordinal)), 1, 1 + ((_bus.Time.UnixSeconds - begun) / 60));
    }

    [Fact]
    public void LongReport_LosesItsKeys_AndNotWhatItLacks()
    {
        ReportedKey key = new(JsonValue.Of(new string('\u0001', 64)), null, ReportedKey.Waiting, null, null, null, null);
        var keys = Enumerable.Range(0, 64).ToDictionary(i => $"KEY_{i:00}", _ => key);
        var lacks = Enumerable.Range(0, 64).ToDictionary(i => $"KEY_{i:00}", i => new LackedKey(i, JsonValue.Of(new string('\u0001', 64))));
        ReportRow row = ReportRow.Of(7, keys, false, new string('a', 64), new Lacking(lacks, new LackedRoot(2, 5), true), 1);
        Assert.Equal((0, 8, 2L), (row.Keys.Count, row.Lacks.Count, row.LacksRoot!.Value.Version));
        Assert.Contains("its report has more than 16384 bytes", row.Fault, StringComparison.Ordinal);
        Assert.InRange(JsonText.Bytes(row.ToJson()).Length, 0, ReportRow.MaxBytes);
    }

    [Fact]
    public void ChangeThatSetNothing_WaitsForTheWordsAboutThoseThatDid_WhichWereForTheDomain_AndForNoNewerValue()
    {
        Silent.UnionWith(_keys.Keys);
        Enrol("one");
        Enrol("two");
        long first = Set("RADIO_ISOLATION", "off");
        long others = _bus.Ask(_bus.Change("""{"TOR_ISOLATION":"off"}""", draft => draft with { Audience = ["two"] }))[0].GetProperty("index").GetInt64();
        long again = Again("RADIO_ISOLATION", "off"), forAll = Again("TOR_ISOLATION", "off");
        Tell("one", first, "RADIO_ISOLATION");
        Tell("two", first, "RADIO_ISOLATION");
        Tell("two", others, "TOR_ISOLATION");
        Assert.Equal((2, ""), Asked(again));
        // What was set for "two" alone tells nothing of "one".
        Assert.Equal((1, "one:waiting"), Asked(forAll));
        long newer = Set("RADIO_ISOLATION", "on");
        Tell("two", newer, "RADIO_ISOLATION");
        Assert.Equal((0, "one:superseded two:superseded"), Asked(again));

        long Again(string key, string value) => _bus.Ask(_bus.Change($"{{\"{key}\":\"{value}\"}}", draft => draft with { Mode = "staged" }))[0].GetProperty("index").GetInt64();

        void Tell(string name, long index, string key) => Assert.Equal("ok", _bus.Ask(PipelineTrial.Report(InForceStatement.Sign(
            _keys[name], name, PipelineTrial.SystemIdText, new EntryReference(index, Convert.ToHexStringLower(_bus.Ledger.Read(index)!.LeafHash)), [key], null, _bus.Time.UnixSeconds)))[0].GetProperty("status").GetString());

        (int, string) Asked(long index) => _bus.Ask(InForce(index, 0))[0] is var answer
            ? (answer.GetProperty("in_force").GetInt32(), string.Join(' ', answer.GetProperty("lacking").EnumerateArray().Select(item => $"{item.GetProperty("name")}:{item.GetProperty("state")}"))) : default;
    }

    private readonly System.Collections.Concurrent.ConcurrentQueue<string> _lines = new();

    /// <summary>Keeps what the courier logs.</summary>
    private sealed class Lines(System.Collections.Concurrent.ConcurrentQueue<string> lines) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) => lines.Enqueue(formatter(state, exception));
    }
}
