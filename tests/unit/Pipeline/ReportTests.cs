using System.Text.Json;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Ledger;
using Xunit;

namespace Qwamos.ControlBus.Tests.Pipeline;

/// <summary>What domains say to be in force, as qwamosd takes it: by the enrolled key alone, once, and about what is for them.</summary>
public sealed class ReportTests : IAsyncLifetime
{
    private readonly SigningKey _one = SigningKey.Generate();
    private readonly SigningKey _two = SigningKey.Generate();
    private PipelineTrial _bus = null!;

    public async ValueTask InitializeAsync()
    {
        _bus = await PipelineTrial.StartAsync();
        // Entries 0 and 1 enrol; 2 to 4 are changes, of which 3 is not for gw1.
        _bus.WhyUnproven = statement => statement.Entry.Index is 2 or 4 || (statement.Entry.Index == 3 && statement.Domain != "gw1") ? null : "no change of its";
        _bus.Ask(_bus.SignDomain("gw1", _one, _bus.Time.UnixSeconds), _bus.SignDomain("gw2", _two, _bus.Time.UnixSeconds), _bus.Change("""{"RADIO_ISOLATION":"off"}"""), _bus.Change("""{"RADIO_ISOLATION":"on"}"""), _bus.Change("""{"RADIO_ISOLATION":"off"}"""));
    }

    public async ValueTask DisposeAsync()
    {
        await _bus.DisposeAsync();
        _one.Dispose();
        _two.Dispose();
    }

    [Fact]
    public async Task WhatADomainSays_IsRecordedOnce_InTheOrderOfTheChanges()
    {
        InForceStatement first = Say(_one, "gw1", 2), failed = Say(_one, "gw1", 4, "RADIO_ISOLATION: failed: no radio");
        Assert.Equal(["5", "superseded", "6", "superseded", "superseded"], Ask(first, first, failed, first, Say(_one, "gw1", 4)));
        Assert.Equal(first, Assert.IsType<InForceEntry>(_bus.Ledger.ReadEntry(5)).Statement);
        Assert.Equal("RADIO_ISOLATION: failed: no radio", Assert.IsType<InForceEntry>(_bus.Ledger.ReadEntry(6)).Statement.WhyNot);
        await _bus.RestartAsync();
        Assert.Equal(4, _bus.Loaded.State.Domains["gw1"].ReportedIndex);
        Assert.Equal(["superseded", "7"], Ask(first, Say(_two, "gw2", 3)));
        Assert.Equal(8, new LedgerChecker(_bus.Ledger) { Signers = [_bus.Key.Public] }.Check().Tree.Size);
    }

    [Fact]
    public void Attack12_WordThatIsRecorded_IsThat_WhateverTheClockThereSays()
    {
        Assert.Equal(["5"], Ask(Say(_one, "gw1", 2)));
        _bus.Time.SetClock(_bus.Time.UnixSeconds - 10_000);
        Assert.Equal(["superseded", "stale"], Ask(Say(_one, "gw1", 2), Say(_one, "gw1", 4)));
    }

    [Fact]
    public void Attack11_OneDomainSpeaksForNoOther_AndNotOfWhatIsForOthers()
    {
        using SigningKey stranger = SigningKey.Generate();
        Assert.Equal(
            ["bad_signature", "bad_signature", "unknown_key", "unproven", "unproven", "unproven", "wrong_system"],
            Ask(
                Say(_two, "gw1", 2), Say(stranger, "gw1", 2), Say(stranger, "gw3", 2), Say(_one, "gw1", 3), Say(_one, "gw1", 0), Say(_one, "gw1", 500),
                InForceStatement.Sign(_one, "gw1", new string('b', 32), new EntryReference(2, new string('e', 64)), ["RADIO_ISOLATION"], null, _bus.Time.UnixSeconds)));
        Assert.Equal(5, _bus.Ledger.Size);
    }

    [Fact]
    public void Attack07_NothingOfARevokedDomainIsBelieved()
    {
        _bus.Ask(_bus.SignDomain("gw1", _one, _bus.Time.UnixSeconds + 1, isRevoked: true));
        Assert.Equal(["unknown_key", "6"], Ask(Say(_one, "gw1", 2), Say(_two, "gw2", 2)));
    }

    [Fact]
    public void Attack07_InOneBatchWithTheRevocation_TheOrderDecides()
    {
        JsonElement[] answers = _bus.Ask(PipelineTrial.Report(Say(_one, "gw1", 2)), _bus.SignDomain("gw1", _one, _bus.Time.UnixSeconds + 1, isRevoked: true), PipelineTrial.Report(Say(_one, "gw1", 4)));
        Assert.Equal(["5", "6", "unknown_key"], answers.Select(Outcome));
    }

    [Fact]
    public async Task Attack11_ADomainMadeAnew_SpeaksForItself_WhateverTheFormerOneSaid()
    {
        Assert.Equal(["5"], Ask(Say(_one, "gw1", 4)));
        using SigningKey successor = SigningKey.Generate();
        _bus.Ask(_bus.SignDomain("gw1", successor, _bus.Time.UnixSeconds + 1));
        Assert.Equal(-1, _bus.Writer.Published.Policy.Domains["gw1"].ReportedIndex);
        Assert.Equal(["bad_signature", "7", "superseded"], Ask(Say(_one, "gw1", 4), Say(successor, "gw1", 4, "no"), Say(successor, "gw1", 2)));
        Assert.Equal(8, new LedgerChecker(_bus.Ledger) { Signers = [_bus.Key.Public] }.Check().Tree.Size);
        await _bus.RestartAsync();
        Assert.Equal(4, _bus.Loaded.State.Domains["gw1"].ReportedIndex);
    }

    [Fact]
    public void Attack23_ADomainRecordsNoMoreThanThereAreChangesForIt()
    {
        for (int i = 0; i < 50; i++)
            Ask(Say(_one, "gw1", 2 + (i % 3), i % 2 == 0 ? null : "no"));
        Assert.Equal(7, _bus.Ledger.Size);
    }

    [Fact]
    public void Attack09_WordAboutAnotherLedgersEntry_IsFoundByTheCheck_WhoeverRecordedIt()
    {
        InForceStatement foreign = InForceStatement.Sign(_one, "gw1", PipelineTrial.SystemIdText, new EntryReference(2, new string('e', 64)), ["RADIO_ISOLATION"], null, _bus.Time.UnixSeconds);
        _bus.Ask(PipelineTrial.Report(foreign));
        Assert.Equal(6, _bus.Ledger.Size);
        LedgerIntegrityException found = Assert.Throws<LedgerIntegrityException>(() => new LedgerChecker(_bus.Ledger) { Signers = [_bus.Key.Public] }.Check());
        Assert.Equal(5, found.Index);
    }

    private InForceStatement Say(SigningKey key, string domain, long index, string? whyNot = null) =>
        InForceStatement.Sign(key, domain, PipelineTrial.SystemIdText, new EntryReference(index, _bus.Ledger.Read(index) is { } row ? Convert.ToHexStringLower(row.LeafHash) : new string('e', 64)), ["RADIO_ISOLATION"], whyNot, _bus.Time.UnixSeconds);

    private IEnumerable<string> Ask(params InForceStatement[] statements) => _bus.Ask([.. statements.Select(PipelineTrial.Report)]).Select(Outcome);

    private static string Outcome(JsonElement answer) => answer.TryGetProperty("code", out JsonElement code) ? code.GetString()! : answer.GetProperty("index").GetRawText();
}
