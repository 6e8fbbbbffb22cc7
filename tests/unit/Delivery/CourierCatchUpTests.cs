using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
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

/// <summary>Domains that missed changes.</summary>
public sealed partial class DomainCourierTests
{
    [Fact]
    public async Task CatchUp_OfADomainThatWasLongAway_IsTheLastChange_WithTheNewestChangeOfEachKey()
    {
        Domain("alive");
        Start("alive", "dead");
        long radio = Set("RADIO_ISOLATION", "off", WithBase);
        long all = Set("CRYPTO_BACKEND", "hybrid", WithBase);
        for (int i = 0; i < 30; i++)
            Set("RADIO_IDLE_TIMEOUT_MIN", i, WithBase);
        long idle = Set("RADIO_IDLE_TIMEOUT_MIN", 77, WithBase);
        string before = _bus.Writer.Published.Policy.BaseHash(PolicySchema.BuiltIn, "gateway");
        long last = Set("TOR_ISOLATION", "mandatory", WithBase);
        await TakenAsync("alive", last);
        ScriptedDomain late = Domain("dead");
        await WhileMovingTimeAsync(() => Row("dead").Taken == last);
        Assert.Equal([all, last], late.TakenIndexes);
        JsonObject missed = late.Taken[1]["catch_up"]!.AsObject();
        Assert.Equal(before, Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(Encoding.UTF8.GetBytes(missed["before"]!.ToJsonString()))));
        Assert.Equal([radio, idle], missed["changes"]!.AsArray().Select(change => (long)change!["index"]!));
        Assert.Equal([radio], late.Taken[0]["catch_up"]!["changes"]!.AsArray().Select(change => (long)change!["index"]!));
        Assert.False(Row("dead").IsBehind);
    }

    [Fact]
    public async Task CatchUp_AfterARestart_BeginsWithWhatWasKept_AndWithNothingWhereThatIsOfAnotherLedger()
    {
        ScriptedDomain domain = Domain("one");
        Start("one");
        long radio = Set("RADIO_ISOLATION", "off", WithBase);
        foreach (byte[][] changes in Enumerable.Range(0, 520).Select(i => _bus.Change($"{{\"RADIO_IDLE_TIMEOUT_MIN\":{i}}}")).Chunk(40))
        {
            Assert.All(_bus.Ask(changes), answer => Assert.Equal("ok", answer.GetProperty("status").GetString()));
            // The trial's bus remembers few nonces.
            _bus.Time.SetClock(_bus.Time.UnixSeconds + 700);
        }

        long first = Set("TOR_ISOLATION", "off", WithBase);
        await TakenAsync("one", first);
        // As it was kept; of another ledger; and kept when there was no such domain, of which it would know nothing.
        foreach (string other in (string[])["", "\"leaf_hash\":\"", "\"domains\":[\""])
        {
            await StopAsync();
            string kept = File.ReadAllText(_bus.Paths.CourierPolicyFile);
            if (other.Length > 0)
                File.WriteAllText(_bus.Paths.CourierPolicyFile, kept.Replace(other, $"{other}00", StringComparison.Ordinal).Replace("off", "on", StringComparison.Ordinal));
            (domain.Sequence, domain.Index, domain.Size) = (0, -1, 0);
            domain.Restart();
            long last = Set("TOR_ISOLATION", "mandatory", WithBase);
            Start("one");
            await TakenAsync("one", last);
            Assert.Equal(("off", radio), ((string)domain.Taken[^1]["catch_up"]!["before"]!["RADIO_ISOLATION"]!, (long)domain.Taken[^1]["catch_up"]!["changes"]![0]!["index"]!));
        }
    }

    [Fact]
    public async Task CatchUp_ThatADomainCannotUse_IsGivenUp_AndEachChangeComesByItself()
    {
        Start("one");
        var sent = new List<long>();
        for (int i = 0; i < 20; i++)
            sent.Add(Set("RADIO_IDLE_TIMEOUT_MIN", i, WithBase));
        await WhileMovingTimeAsync(() => Row("one").LastError is not null);
        ScriptedDomain domain = Domain("one");
        domain.Instead = message => message["args"] is JsonObject args && args.ContainsKey("catch_up") ? """{"status":"error","code":"bad_request","reason":"args of deliver: not exactly these"}""" : null;
        await WhileMovingTimeAsync(() => Row("one").Taken == sent[^1]);
        Assert.Equal(sent, domain.TakenIndexes);
    }

    [Fact]
    public async Task DomainWithAnotherPolicy_IsShownTheOneThatAChangeWasMadeFrom_WhenItAsks()
    {
        ScriptedDomain domain = Domain("one");
        Start("one");
        long radio = Set("RADIO_ISOLATION", "off", WithBase);
        await TakenAsync("one", radio);
        int asked = 0;
        domain.Instead = message => Asks(message) && ++asked > 0 ? Another : null;
        // More than a courier would step aside for, were each of them to be asked about.
        long[] sent = [.. Enumerable.Range(1, 6).Select(i => Set("RADIO_IDLE_TIMEOUT_MIN", i, WithBase))];
        await TakenAsync("one", sent[^1]);
        Assert.Equal([radio, .. sent], domain.TakenIndexes);
        Assert.All(domain.Taken.Skip(1), args => Assert.Equal(radio, (long)args["catch_up"]!["changes"]![0]!["index"]!));
        Assert.InRange(asked, 1, 6);
        Assert.Empty(Row("one").Missed);
        // What has no base is not asked about, and goes as it is.
        long plain = Set("TOR_ISOLATION", "off");
        await TakenAsync("one", plain);
        Assert.Equal((false, false), (domain.Taken[^1].ContainsKey("catch_up"), domain.Taken[^1].ContainsKey("before_unknown")));
    }

    [Fact]
    public async Task DomainWithAnotherPolicy_IsToldWhereThatCannotBeShown_SoThatItRefusesForGood()
    {
        ScriptedDomain domain = Domain("one");
        domain.Instead = message => message["args"] is JsonObject args && args.ContainsKey("catch_up") ? """{"status":"error","code":"unproven","reason":"no change sets it"}"""
            : Asks(message) ? Another
            : Command(message) == "deliver" && message["args"]!.AsObject().ContainsKey("before_unknown") ? Refuse(domain, message, "base_mismatch")
            : null;
        Start("one");
        long change = Set("RADIO_ISOLATION", "off", WithBase);
        await WhileMovingTimeAsync(() => Row("one").Missed.ContainsKey("RADIO_ISOLATION"));
        Assert.Equal((1, change), (domain.Sequence, domain.Index));
        domain.Instead = _ => null;
        long next = Set("TOR_ISOLATION", "off", WithBase);
        await TakenAsync("one", next);
        Assert.True(domain.Taken[^1].ContainsKey("catch_up"));
    }

    [Fact]
    public async Task DomainThatBelievesNothingYet_LosesNoChange_AndIsShownAllOnceItDoes()
    {
        ScriptedDomain domain = Domain("one");
        domain.Instead = message => Asks(message) ? Another : Command(message) == "deliver" ? """{"status":"error","code":"unproven","reason":"nobody has vouched for the ledger's key"}""" : null;
        Start("one");
        long change = Set("RADIO_ISOLATION", "off", WithBase);
        await WhileMovingTimeAsync(() => Row("one").LastError?.Contains("nobody has vouched", StringComparison.Ordinal) == true);
        Assert.Equal(0, domain.Sequence);
        domain.Instead = message => Asks(message) ? Another : null;
        await WhileMovingTimeAsync(() => Row("one").Taken == change);
        Assert.True(domain.Taken[0].ContainsKey("catch_up"));
    }

    [Fact]
    public async Task WhatADomainsOwnSchemaRefused_IsMissedUntilTheKeyIsSetAnew()
    {
        ScriptedDomain domain = Domain("one");
        domain.Instead = message => Command(message) == "deliver" && domain.Sequence == 0 ? Refuse(domain, message, "invalid_policy") : null;
        Start("one");
        long refused = Set("RADIO_ISOLATION", "off", WithBase);
        await WhileMovingTimeAsync(() => Row("one").Missed.ContainsKey("RADIO_ISOLATION"));
        long next = Set("TOR_ISOLATION", "off", WithBase);
        await WhileMovingTimeAsync(() => Row("one").Taken == next);
        Assert.True(domain.Taken[0].ContainsKey("catch_up"));
        Assert.Equal(refused, Row("one").Missed["RADIO_ISOLATION"]);
        Assert.True(Row("one").IsBehind);
        long again = Set("RADIO_ISOLATION", "on", WithBase);
        await TakenAsync("one", again);
        Assert.Empty(Row("one").Missed);
    }

    [Fact]
    public async Task Attack20_DomainThatAlwaysAsks_IsNotAskedForEver()
    {
        ScriptedDomain domain = Domain("one");
        int offered = 0;
        domain.Instead = message => Command(message) == "deliver" && ++offered > 0 ? Another : null;
        Domain("two");
        Start("one", "two");
        long change = Set("RADIO_ISOLATION", "off", WithBase);
        await TakenAsync("two", change);
        await WhileMovingTimeAsync(() => offered >= 4);
        long quiet = offered;
        long next = Set("TOR_ISOLATION", "off", WithBase);
        await TakenAsync("two", next);
        Assert.InRange(quiet, 4, 40);
        // It is greeted anew each time, and its row is well for that moment.
        await WhileMovingTimeAsync(() => Row("one").LastError?.Contains("it says again and again", StringComparison.Ordinal) == true);
        domain.Instead = _ => null;
        long last = Set("VPN_KILL_SWITCH", "on", WithBase);
        await TakenAsync("one", last);
    }

    private const string Another = """{"status":"error","code":"base_mismatch","reason":"another policy","catch_up":true}""";

    private static bool Asks(JsonObject message) =>
        Command(message) == "deliver" && message["args"] is JsonObject args && !args.ContainsKey("catch_up") && !args.ContainsKey("before_unknown")
        && Encoding.UTF8.GetString(Convert.FromBase64String((string)args["leaf"]!)).Contains("\"base\":", StringComparison.Ordinal);

    [Fact]
    public async Task DomainThatRefusedAChange_IsToldWithTheNextOneWhatItMissed()
    {
        ScriptedDomain domain = Domain("one");
        domain.Instead = message => Command(message) == "deliver" && domain.Sequence == 0 ? Refuse(domain, message, "base_mismatch") : null;
        Start("one");
        long refused = Set("RADIO_ISOLATION", "off", WithBase);
        await WhileMovingTimeAsync(() => Row("one").Missed.ContainsKey("RADIO_ISOLATION"));
        long next = Set("TOR_ISOLATION", "off", WithBase);
        await TakenAsync("one", next);
        Assert.Equal([refused], domain.Taken[0]["catch_up"]!["changes"]!.AsArray().Select(change => (long)change!["index"]!));
        Assert.Empty(Row("one").Missed);
        Assert.False(Row("one").IsBehind);
    }

    [Theory]
    [InlineData(1, 0)]
    [InlineData(3, 0)]
    [InlineData(2, 1)]
    public async Task Attack13_DomainThatStandsWhereItWasNotBrought_IsShown_AndIsBroughtAllBesideTheNext(int sequence, int further)
    {
        ScriptedDomain domain = Domain("one");
        Start("one");
        long radio = Set("RADIO_ISOLATION", "off", WithBase);
        long tor = Set("TOR_ISOLATION", "off", WithBase);
        await TakenAsync("one", tor);
        Set("CLIPBOARD_ISOLATION", "strict");
        // One of the two was kept from it, and the other had its number; or a third with the number of the second.
        (domain.Sequence, domain.Index) = (sequence, tor + further);
        domain.Restart();
        await WhileMovingTimeAsync(() => Row("one").HasGap);
        Assert.True(Row("one").IsBehind);
        Assert.Contains("a delivery may be missing there", JsonText.ToText(Row("one").ToStatus()), StringComparison.Ordinal);
        await StopAsync();
        Start("one");
        await WhileMovingTimeAsync(() => Row("one").HasGap);
        long next = Set("VPN_KILL_SWITCH", "on", WithBase);
        await WhileMovingTimeAsync(() => Row("one").Taken == next);
        Assert.Equal([radio, tor], domain.Taken[^1]["catch_up"]!["changes"]!.AsArray().Select(change => (long)change!["index"]!));
        Assert.False(Row("one").IsBehind);
    }

    [Theory]
    [InlineData("CRYPTO_BACKEND", "hybrid")]
    [InlineData("trust root", "")]
    public async Task Attack13_WhatIsBroughtBesideAChange_EndsNoGap_WhereSomethingMayBeMissingThatIsNotAmongIt(string key, string value)
    {
        ScriptedDomain domain = Domain("one");
        Start("one");
        if (value.Length > 0)
            Set(key, value, WithBase);
        else
            _bus.Ask(_bus.Root(RootDraft.Single("dom0", _bus.Key.Public) with { CreatedSeconds = _bus.Time.UnixSeconds, ExpiresSeconds = _bus.Time.UnixSeconds + RootDraft.Year }, _bus.Key));
        long radio = Set("RADIO_ISOLATION", "off", Signed);
        await TakenAsync("one", radio);
        domain.Sequence = 1;
        domain.Restart();
        await WhileMovingTimeAsync(() => Row("one").HasGap);
        foreach (string tor in (string[])["off", "optional"])
        {
            long next = Set("TOR_ISOLATION", tor, Signed);
            await WhileMovingTimeAsync(() => Row("one").Taken == next);
            Assert.NotNull(domain.Taken[^1]["catch_up"]);
            Assert.True(Row("one") is { HasGap: true, IsBehind: true });
        }

        MessageDraft Signed(MessageDraft draft) => WithBase(draft) with { System = PipelineTrial.SystemIdText };
    }

    [Fact]
    public void WhatEachDomainWasToldLast_IsKeptWithWhatWasPolicy()
    {
        long all = Set("RADIO_ISOLATION", "off"), other = Set("RADIO_ISOLATION", "on", draft => draft with { Audience = ["two"] }), tor = Set("TOR_ISOLATION", "off");
        PastPolicy policy = Enumerable.Range(0, (int)_bus.Ledger.Size).Aggregate(PastPolicy.Empty, (before, index) => before.After(_bus.Ledger.ReadEntry(index)!, index));
        PastPolicy? kept = PastPolicy.Read(new MemberReader(JsonValue.Object(policy.ToMembers()), "policy.json"));
        Assert.Equal([("RADIO_ISOLATION", all), ("TOR_ISOLATION", tor)], kept!.ToldTo("one").Select(told => (told.Key, told.Value.Index)));
        Assert.Equal([("RADIO_ISOLATION", other), ("TOR_ISOLATION", tor)], kept.ToldTo("two").Select(told => (told.Key, told.Value.Index)));
        // A newer one for all is for those, too, that one before was for alone.
        long again = Set("RADIO_ISOLATION", "off");
        Assert.Equal([again, tor], kept.After(_bus.Ledger.ReadEntry(again)!, again).ToldTo("two").Select(told => told.Value.Index));
        // One that changes nothing leaves each domain that has the value with the change that set it there, and is that change for the others.
        long nothing = Set("RADIO_ISOLATION", "off", draft => draft with { Mode = "staged" });
        long forTwo = Set("TOR_ISOLATION", "off", draft => draft with { Mode = "staged", Audience = ["two"] });
        PastPolicy same = kept.After(_bus.Ledger.ReadEntry(nothing)!, nothing).After(_bus.Ledger.ReadEntry(forTwo)!, forTwo);
        Assert.Equal([all, tor], same.ToldTo("one").Select(told => told.Value.Index));
        Assert.Equal([nothing, tor], same.ToldTo("two").Select(told => told.Value.Index));
        // Of a domain that there is no more nothing is kept.
        Assert.DoesNotContain("two", JsonText.ToText(JsonValue.Object(kept.Only(new HashSet<string> { "one" }).ToMembers())), StringComparison.Ordinal);
        Assert.Equal(kept.ToldTo("one"), kept.Only(new HashSet<string> { "one" }).ToldTo("one"));
    }

    [Fact]
    public async Task ChangeForOneDomain_IsShownToTheOthersBesideTheNext_AsWhatTheirPolicyDiffersIn()
    {
        ScriptedDomain one = Domain("one"), two = Domain("two");
        Start("one", "two");
        long radio = Set("RADIO_ISOLATION", "off", WithBase);
        long forOne = Set("RADIO_ISOLATION", "on", draft => WithBase(draft) with { Audience = ["one"] });
        long next = Set("TOR_ISOLATION", "off", WithBase);
        await TakenAsync("one", next);
        await TakenAsync("two", next);
        Assert.Equal([radio, forOne, next], one.TakenIndexes);
        Assert.Equal([radio, next], two.TakenIndexes);
        Assert.All(one.Taken, args => Assert.False(args.ContainsKey("catch_up")));
        Assert.Equal([forOne], two.Taken[1]["catch_up"]!["changes"]!.AsArray().Select(change => (long)change!["index"]!));
        long again = Set("RADIO_ISOLATION", "off", WithBase);
        await TakenAsync("two", again);
        long last = Set("TOR_ISOLATION", "mandatory", WithBase);
        await TakenAsync("two", last);
        Assert.True(two.Taken[2].ContainsKey("catch_up"));
        Assert.False(two.Taken[3].ContainsKey("catch_up"));
    }

    [Fact]
    public async Task CatchUp_WhatWasSetForOthersAndIsStagedForAll_IsStillOthersOwn()
    {
        Start("one", "two");
        Domain("two");
        long forAll = Set("VPN_KILL_SWITCH", "on", WithBase);
        Set("VPN_KILL_SWITCH", "off", draft => WithBase(draft) with { Audience = ["two"] });
        long staged = Set("VPN_KILL_SWITCH", "on", draft => WithBase(draft) with { Mode = "staged" });
        for (int i = 0; i < 20; i++)
            Set("RADIO_IDLE_TIMEOUT_MIN", i, WithBase);
        ScriptedDomain late = Domain("one");
        long last = _bus.Ledger.Size - 1;
        await WhileMovingTimeAsync(() => Row("one").Taken == last);
        Assert.Equal([forAll, staged, last], late.TakenIndexes);
    }

    [Fact]
    public async Task CatchUp_ThatDoesNotFit_PassesNothingOver()
    {
        Start("one");
        string reason = new('r', 1_000);
        var sent = new List<long>();
        foreach (string key in (string[])["RADIO_ISOLATION", "TOR_ISOLATION"])
            sent.Add(Set(key, "off", draft => WithBase(draft) with { Reason = reason }));
        byte[] plain = _bus.Change("""{"VPN_KILL_SWITCH":"on"}""", WithBase);
        byte[] padded = [.. plain[..^1], .. Encoding.ASCII.GetBytes(new string(' ', Limits.MaxRequestBytes - plain.Length)), (byte)'}'];
        sent.Add(_bus.Ask(padded)[0].GetProperty("index").GetInt64());
        plain = _bus.Change("""{"RADIO_HARDENING.level":"strict"}""", WithBase);
        padded = [.. plain[..^1], .. Encoding.ASCII.GetBytes(new string(' ', Limits.MaxRequestBytes - plain.Length)), (byte)'}'];
        sent.Add(_bus.Ask(padded)[0].GetProperty("index").GetInt64());
        for (int i = 0; i < 20; i++)
            sent.Add(Set("RADIO_IDLE_TIMEOUT_MIN", i, WithBase));
        ScriptedDomain late = Domain("one");
        await WhileMovingTimeAsync(() => Row("one").Taken == sent[^1]);
        Assert.Equal(sent, late.TakenIndexes);
    }
}
