using System.IO.Pipelines;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Hosting.Listening;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Policy;
using Qwamos.ControlBus.Tests.Ledger;
using Qwamos.ControlBus.Tests.Listening;
using Qwamos.Gateway.Enforcing;
using Qwamos.Gateway.Receiving;
using Qwamos.Gateway.Reporting;
using Xunit;

namespace Qwamos.ControlBus.Tests.Reporting;

/// <summary>What a domain says of its keys: signed, in its states, and when somebody waits for it.</summary>
public sealed class ReportsTests : IDisposable
{
    private readonly LedgerFolder _folder = new();
    private readonly SigningKey _key = SigningKey.Generate();
    private readonly ManualTime _time = new(History.StartSeconds);
    private readonly Dictionary<string, ObservedKey> _observed = new(StringComparer.Ordinal);
    private readonly Reports _reports;
    private readonly FairScheduler _scheduler = new(1, 16);
    private readonly AnswerQueue _connection;
    private PolicyState _state = PolicyState.Empty;
    private bool _isStale;

    public ReportsTests()
    {
        Assert.True(SystemPaths.TryCreate(_folder.Dir, out SystemPaths? paths, out _));
        Assert.True(GatewayConfig.TryLoad(paths, PolicySchema.BuiltIn, out GatewayConfig? config, out string fault), fault);
        var settings = new ReceiverSettings(paths, History.SignerKey, PolicySchema.BuiltIn, config, new string('a', 32));
        _reports = new Reports(settings, _key, () => _state, () => _observed, () => _isStale, _time);
        _connection = new AnswerQueue(PipeWriter.Create(Stream.Null), _time, () => { });
    }

    public void Dispose()
    {
        _key.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task Report_NamesTheQuestion_AndIsSignedByTheDomainsKeyAlone()
    {
        Take(5, 1, ("RADIO_ISOLATION", "off"));
        Observe("RADIO_ISOLATION", "off", 1, EnforcementOutcome.Done);
        Nonce nonce = Nonce.Random();
        (DomainReport report, string signature, _) = await AskAsync(nonce: nonce);
        Assert.Equal(("gateway", "gateway", new string('a', 32), nonce, _time.UnixSeconds), (report.Domain, report.Class, report.SystemId, report.Nonce, report.TimeSeconds));
        Assert.Equal(new ReportedKey(JsonValue.Of("off"), JsonValue.Of("off"), "in_force", 77, 5, null, null), Assert.Single(report.Keys).Value);
        Assert.True(report.IsSignedBy(_key.Public, signature));
        using SigningKey other = SigningKey.Generate();
        Assert.False(report.IsSignedBy(other.Public, signature));
        Assert.False((report with { Domain = "gw2" }).IsSignedBy(_key.Public, signature));
        Assert.Equal(0, report.TrustVersion);
        Assert.False((report with { TrustVersion = 1 }).IsSignedBy(_key.Public, signature));
        Assert.False((report with { TrustVersion = null }).IsSignedBy(_key.Public, signature));
        Assert.False((report with { Nonce = Nonce.Random() }).IsSignedBy(_key.Public, signature));
    }

    [Fact]
    public async Task Attack12_ClockThatIsBehind_IsHeldUpByTheTimeFloor()
    {
        _state = _state with { FloorSeconds = _time.UnixSeconds + 86_400 };
        Assert.Equal(_time.UnixSeconds + 86_400 - 300, (await AskAsync()).Report.TimeSeconds);
    }

    [Fact]
    public async Task Attack14_ReportSaysThatNoCheckpointCame()
    {
        Assert.False((await AskAsync()).Report.IsStale);
        _isStale = true;
        (DomainReport report, string signature, _) = await AskAsync();
        Assert.True(report.IsStale && report.IsSignedBy(_key.Public, signature));
        Assert.False((report with { IsStale = false }).IsSignedBy(_key.Public, signature));
    }

    [Fact]
    public async Task EachState_HasItsWord_AndWhyNot()
    {
        Take(5, 1, ("RADIO_ISOLATION", "off"), ("TOR_ISOLATION", "off"), ("VPN_KILL_SWITCH", "on"), ("RADIO_HARDENING.level", "strict"));
        Observe("RADIO_ISOLATION", "off", 1, EnforcementOutcome.NoEnforcer);
        Observe("TOR_ISOLATION", "off", 1, EnforcementOutcome.Failed("nft is missing", isClosed: true));
        Observe("VPN_KILL_SWITCH", "off", 0, EnforcementOutcome.Done);
        Observe("RADIO_HARDENING.level", "strict", 1, EnforcementOutcome.Drifted("chain output is missing"), drifted: 70);
        Observe("RADIO_IDLE_TIMEOUT_MIN", "10", -1, EnforcementOutcome.ClosedUntilSet);
        _state = _state with { Staged = _state.Staged.SetItem("CRYPTO_BACKEND", new Applied(PolicyValue.Of("hybrid"), 9)) };
        (DomainReport report, _, _) = await AskAsync();
        Assert.Equal(
            ["CRYPTO_BACKEND staged it waits for the next start", "RADIO_HARDENING.level drifted chain output is missing", "RADIO_IDLE_TIMEOUT_MIN closed closed until one of its enforcer's keys is set",
                "RADIO_ISOLATION no_enforcer nothing here acts on it", "TOR_ISOLATION failed nft is missing", "VPN_KILL_SWITCH waiting it waits for its enforcer"],
            report.Keys.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => $"{pair.Key} {pair.Value.State} {pair.Value.Why}"));
        Assert.Equal(JsonValue.Of("closed"), report.Keys["TOR_ISOLATION"].Observed);
        Assert.Equal(70, report.Keys["RADIO_HARDENING.level"].DriftedSeconds);
        Assert.True(DomainReport.TryRead(report.ToJson(), out _, out string? fault), fault);
    }

    [Fact]
    public async Task SettledChanges_AreSaidOnce_FromTheOldestOn()
    {
        Take(5, 1, ("RADIO_ISOLATION", "off"), ("TOR_ISOLATION", "off"));
        Take(8, 3, ("TOR_ISOLATION", "mandatory"));
        Take(9, 5, ("VPN_KILL_SWITCH", "on"));
        Observe("RADIO_ISOLATION", "off", 1, EnforcementOutcome.Done);
        Observe("TOR_ISOLATION", "mandatory", 3, EnforcementOutcome.Waiting);
        Observe("VPN_KILL_SWITCH", "on", 5, EnforcementOutcome.Done);
        // What waits keeps those after it back: Dom0 takes them in order.
        InForceStatement first = Assert.Single((await AskAsync()).Statements);
        Assert.Equal((5, "RADIO_ISOLATION", null), (first.Entry.Index, string.Join(',', first.Keys), first.WhyNot));
        Assert.True(first.IsSignedBy(_key.Public));
        Observe("TOR_ISOLATION", "mandatory", 3, EnforcementOutcome.Failed("no Tor"));
        IReadOnlyList<InForceStatement> all = (await AskAsync(confirmed: 5)).Statements;
        Assert.Equal([(8L, "TOR_ISOLATION: failed: no Tor"), (9L, null)], all.Select(statement => (statement.Entry.Index, statement.WhyNot)));
        Assert.Empty((await AskAsync(confirmed: 9)).Statements);
    }

    [Fact]
    public async Task StagedAndUndeliveredValues_AreNoChangeInForce()
    {
        Take(5, 1, ("RADIO_ISOLATION", "off"));
        _state = _state with { Staged = _state.Staged.SetItem("CRYPTO_BACKEND", new Applied(PolicyValue.Of("hybrid"), 1)) };
        Observe("RADIO_ISOLATION", "off", 1, EnforcementOutcome.Done);
        Assert.Empty((await AskAsync()).Statements);
        // Sent to the domain directly, it is no entry of Dom0's ledger.
        _state = PolicyState.Empty with { Policy = PolicyState.Empty.Policy.SetItem("RADIO_ISOLATION", new Applied(PolicyValue.Of("off"), 1)) };
        Assert.Empty((await AskAsync()).Statements);
    }

    [Fact]
    public async Task WhoKnowsTheReport_WaitsForAnother_OrForTheNextRequest()
    {
        (DomainReport known, _, _) = await AskAsync();
        BusRequest request = Request();
        Task<IEnumerable<(string, JsonValue)>> waiting = Wait(request, known.Number);
        Assert.False(waiting.IsCompleted);
        _reports.HasChanged();
        Assert.Equal(known.Number + 1, Read(await waiting).Report.Number);

        waiting = Wait(request = Request(), known.Number + 1);
        Assert.False(waiting.IsCompleted);
        _ = Request();
        Assert.Equal(known.Number + 1, Read(await waiting).Report.Number);

        waiting = Wait(Request(), known.Number + 1, seconds: 1_000_000);
        Assert.False(waiting.IsCompleted);
        _time.Advance(Limits.MaxGrowthWaitSeconds);
        Assert.Equal(known.Number + 1, Read(await waiting).Report.Number);

        waiting = Wait(Request(), known.Number + 1);
        _reports.Release();
        await waiting;
    }

    [Fact]
    public void Attack08_ReportAndInForceStatement_AreNotEachOther()
    {
        InForceStatement statement = InForceStatement.Sign(_key, "gw1", new string('a', 32), new EntryReference(5, new string('e', 64)), ["TOR_ISOLATION"], null, 7);
        byte[] signed = CanonicalJson.Write(JsonValue.Object(statement.ToJson().Members.Where(member => member.Key != "signature").Select(member => (member.Key, member.Value))));
        foreach (SigningPurpose purpose in Enum.GetValues<SigningPurpose>().Where(purpose => purpose != SigningPurpose.None))
        {
            InForceStatement posed = statement with { Signature = Convert.ToBase64String(_key.Sign(SigningPurposes.SignedBytes(purpose, signed))) };
            Assert.Equal(purpose == SigningPurpose.InForce, posed.IsSignedBy(_key.Public));
        }
        Assert.False((statement with { Signature = Convert.ToBase64String(_key.Sign(signed)) }).IsSignedBy(_key.Public));
        foreach (InForceStatement changed in (InForceStatement[])[statement with { Domain = "gw2" }, statement with { Entry = statement.Entry with { Index = 6 } }, statement with { Entry = statement.Entry with { LeafHash = new string('d', 64) } }, statement with { WhyNot = "no" }, statement with { Keys = ["TOR"] }, statement with { SystemId = new string('b', 32) }])
            Assert.False(changed.IsSignedBy(_key.Public));
        Assert.True(InForceStatement.TryRead(statement.ToJson(), out InForceStatement? read, out string? fault), fault);
        Assert.Equal(statement, read);
    }

    [Theory]
    [InlineData("\"index\":5", "\"index\":-1")]
    [InlineData("\"leaf_hash\":\"e", "\"leaf_hash\":\"E")]
    [InlineData("[\"TOR_ISOLATION\"]", "[]")]
    [InlineData("[\"TOR_ISOLATION\"]", "[\"TOR_ISOLATION\",\"TOR_ISOLATION\"]")]
    [InlineData("[\"TOR_ISOLATION\"]", "[\"TOR_ISOLATION\",\"A\"]")]
    [InlineData("\"in_force\"", "\"done\"")]
    [InlineData("\"in_force\"", "\"failed\"")]
    [InlineData("\"in_force\"", "\"in_force\",\"why\":\"x\"")]
    [InlineData("\"signature\":\"", "\"signature\":\" ")]
    public void Statement_OfAnotherForm_IsNone(string part, string instead)
    {
        string text = InForceStatement.Sign(_key, "gw1", new string('a', 32), new EntryReference(5, new string('e', 64)), ["TOR_ISOLATION"], null, 7).ToJson().ToString();
        Assert.Contains(part, text, StringComparison.Ordinal);
        Assert.False(InForceStatement.TryRead(Client.ClientTrial.Parse(text.Replace(part, instead, StringComparison.Ordinal)), out _, out _));
    }

    [Theory]
    [InlineData("\"in_force\"", "\"fine\"")]
    [InlineData("\"since\":77", "\"since\":-1")]
    [InlineData("\"desired\":\"off\"", "\"desired\":[]")]
    [InlineData("\"desired\":\"off\"", "\"desired\":\"0123456789012345678901234567890123456789012345678901234567890123456789\"")]
    [InlineData("\"state\"", "\"more\":1,\"state\"")]
    [InlineData("\"number\":", "\"number\":-")]
    public async Task Attack23_ReportOfAnotherForm_IsNone(string part, string instead)
    {
        Take(5, 1, ("RADIO_ISOLATION", "off"));
        Observe("RADIO_ISOLATION", "off", 1, EnforcementOutcome.Done);
        string text = (await AskAsync()).Report.ToJson().ToString();
        Assert.Contains(part, text, StringComparison.Ordinal);
        Assert.False(DomainReport.TryRead(Client.ClientTrial.Parse(text.Replace(part, instead, StringComparison.Ordinal)), out _, out _));
    }

    /// <summary>A change that was delivered: Dom0's entry, and the one here.</summary>
    private void Take(long there, long here, params (string Key, string Value)[] values)
    {
        foreach ((string key, string value) in values)
            _state = _state with { Policy = _state.Policy.SetItem(key, new Applied(PolicyValue.Of(value), here)) };
        _state = _state.Take(new DeliveryCursor(_state.Delivered.Sequence + 1, there, new string('0', 64), "key"), isAccepted: true, here + 1);
    }

    private void Observe(string name, string value, long index, EnforcementOutcome outcome, long? drifted = null)
    {
        Assert.True(PolicySchema.BuiltIn.TryGet(name, out PolicyKey? key));
        _observed[name] = new ObservedKey(new Enforcement(key, PolicyValue.Of(value), index), outcome, 77, drifted);
    }

    private BusRequest Request() => _connection.Add(default, new FairLane(1));

    private Task<IEnumerable<(string, JsonValue)>> Wait(BusRequest request, long after, long seconds = 10) => _reports.WaitAsync(Question(new ReportQuestion(after, seconds, -1, Nonce.Random())), request, _scheduler);

    private async Task<(DomainReport Report, string Signature, IReadOnlyList<InForceStatement> Statements)> AskAsync(long confirmed = -1, Nonce? nonce = null) =>
        Read(await _reports.WaitAsync(Question(new ReportQuestion(0, 0, confirmed, nonce ?? Nonce.Random())), Request(), _scheduler));

    private static Message Question(ReportQuestion question)
    {
        Assert.True(EnvelopeWriter.TryWriteUnsigned(new MessageDraft { Command = Commands.GetReport, Args = question.ToJson() }, out Envelope? envelope, out Refusal? refusal), refusal?.Reason);
        return envelope.Message;
    }

    private static (DomainReport Report, string Signature, IReadOnlyList<InForceStatement> Statements) Read(IEnumerable<(string Name, JsonValue Value)> members)
    {
        var byName = members.ToDictionary(member => member.Name, member => member.Value);
        Assert.True(DomainReport.TryRead(byName["report"], out DomainReport? report, out string? fault), fault);
        return (report, byName["signature"].AsString, [.. byName["in_force"].Items.Select(item => InForceStatement.TryRead(item, out InForceStatement? statement, out _) ? statement : throw new InvalidOperationException())]);
    }
}
