using System.Text;
using System.Text.Json;
using Qwamos.ControlBus.Audit;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Hosting.Pipeline;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Policy;
using Qwamos.ControlBus.Tests.Ledger;
using Qwamos.ControlBus.Tests.Policy;
using Qwamos.ControlBus.Tests.Trust;
using Qwamos.ControlBus.Trust;
using Qwamos.ControlBus.Verification;
using Xunit;

namespace Qwamos.ControlBus.Tests.Pipeline;

/// <summary>Domains that missed changes.</summary>
public sealed partial class DomainDeliveryTests
{
    [Fact]
    public async Task CatchUp_TakesTheLastChange_AndWhatItsBaseHas_EachAsAChangeOfItsOwnSetsIt_AndAStartAgrees()
    {
        _dom0.BaseClass = "gateway";
        long radio = _dom0.Set("RADIO_ISOLATION", "off");
        _dom0.Set("TOR_ISOLATION", "off");
        _dom0.Now += 3;
        long tor = _dom0.Set("TOR_ISOLATION", "mandatory");
        JsonValue before = Values();
        long last = _dom0.Set("VPN_KILL_SWITCH", "on");
        See();
        Assert.Equal(0, _domain.Ledger.Size);
        Assert.Equal("accepted", Deliver(CatchUp(1, last, before, tor, radio)));
        Assert.Equal(["off", "mandatory", "on"], new[] { "RADIO_ISOLATION", "TOR_ISOLATION", "VPN_KILL_SWITCH" }.Select(key => Policy[key].Value.ToLine()));
        IEnumerable<AdoptedValue> taken = new[] { 0, 1 }.Select(i => Assert.IsType<CatchUpEntry>(_domain.Ledger.ReadEntry(i)).Value);
        Assert.Equal([("RADIO_ISOLATION", Start, radio), ("TOR_ISOLATION", Start + 3, tor)], taken.Select(value => (value.Key, value.TimestampSeconds, value.Origin.Index)));
        Assert.Equal(tor, _domain.Writer.Published.Policy.OriginOf(Policy["TOR_ISOLATION"])?.Index);
        Assert.Equal("accepted", Deliver(Offer(2, NextAndSeen())));
        PolicyState state = _domain.Writer.Published.Policy;
        await _domain.RestartAsync();
        Assert.Equal(state.ToJson(), _domain.Loaded.State.ToJson());
    }

    [Fact]
    public void ChangeFromAnotherPolicy_AsksForThatPolicy_AndIsRefusedForGoodOnlyWhereItCannotBeShown()
    {
        _dom0.BaseClass = "gateway";
        long radio = _dom0.Set("RADIO_ISOLATION", "off");
        long tor = _dom0.Set("TOR_ISOLATION", "off");
        JsonValue before = Values();
        long vpn = _dom0.Set("VPN_KILL_SWITCH", "on");
        See();
        for (int i = 0; i < 3; i++)
        {
            JsonElement answer = Ask(Offer(1, tor));
            Assert.Equal(("base_mismatch", "error", true), (Outcome(answer), answer.GetProperty("status").GetString(), answer.GetProperty("catch_up").GetBoolean()));
        }
        Assert.Equal(0, _domain.Ledger.Size);
        JsonElement final = Ask(Offer(1, tor) with { IsBeforeUnknown = true });
        Assert.Equal(("base_mismatch", "ok"), (Outcome(final), final.GetProperty("status").GetString()));
        Assert.Equal(2, _domain.Ledger.Size);
        // One that is not asked for is no harm, and what was refused is taken over beside the next.
        Assert.Equal("accepted", Deliver(CatchUp(2, vpn, before, radio, tor)));
        Assert.Equal(["off", "off", "on"], new[] { "RADIO_ISOLATION", "TOR_ISOLATION", "VPN_KILL_SWITCH" }.Select(key => Policy[key].Value.ToLine()));
        Assert.Equal("accepted", Deliver(Offer(3, NextAndSeen()) with { IsBeforeUnknown = true }));
    }

    [Fact]
    public void CatchUp_ValueThatTheTableHereDoesNotKnow_HoldsNothingElseUp()
    {
        PolicySchema older = Changes.LoadSchema(Changes.SchemaOf(
            Changes.Key("TOR_ISOLATION", "\"type\":\"string\",\"enum\":[\"off\"],\"default\":\"off\""), Changes.Key("VPN_KILL_SWITCH", "\"type\":\"string\",\"enum\":[\"on\",\"off\"],\"default\":\"off\"")));
        JsonValue before = JsonValue.Object([("RADIO_ISOLATION", JsonValue.Of("off")), ("TOR_ISOLATION", JsonValue.Of("mandatory")), ("VPN_KILL_SWITCH", JsonValue.Of("off"))]);
        Message Set(string args, string? hash = null) => Changes.Message(args, @base: hash is null ? null : new Dictionary<string, string> { ["gateway"] = hash });
        (Message, EntryReference)[] changes = [.. new[] { """{"RADIO_ISOLATION":"off"}""", """{"TOR_ISOLATION":"mandatory"}""", """{"VPN_KILL_SWITCH":"off"}""" }.Select((args, i) => (Set(args), new EntryReference(i, "")))];
        string hash = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(CanonicalJson.Write(before)));
        Refusal? refusal = Qwamos.ControlBus.Policy.CatchUp.Refusal(older, PolicyState.Empty, Set("""{"RADIO_IDLE_TIMEOUT_MIN":1}""", hash), DomainScope.Receiver("gateway", "gateway"), before, changes, out List<AdoptedValue> values);
        Assert.Null(refusal);
        Assert.Equal(["VPN_KILL_SWITCH"], values.Select(value => value.Key));
    }

    [Theory]
    [InlineData(true, true)]
    [InlineData(false, false)]
    public void Deliver_SaysThatThePolicyBeforeIsUnknown_OrShowsIt_NotBoth(bool value, bool isRead)
    {
        long radio = _dom0.Set("RADIO_ISOLATION", "off");
        JsonValue With(DeliveryOffer offer) => JsonValue.Object([.. offer.ToJson().Members.Select(member => (member.Key, member.Value)), ("before_unknown", JsonValue.Of(value))]);
        Assert.Equal(isRead, DeliveryOffer.TryRead(With(Offer(1, radio)), out DeliveryOffer? offer, out _));
        Assert.Equal(isRead, offer?.IsBeforeUnknown == true);
        Assert.False(DeliveryOffer.TryRead(With(CatchUp(1, radio, Values())), out _, out _));
    }

    [Fact]
    public void Attack15_CatchUpWithAValueThatNoChangeSets_OrThatIsNotItsBase_IsNotTaken()
    {
        _dom0.BaseClass = "gateway";
        long radio = _dom0.Set("RADIO_ISOLATION", "off");
        long again = _dom0.Set("RADIO_ISOLATION", "on");
        JsonValue before = Values();
        long last = _dom0.Set("VPN_KILL_SWITCH", "on");
        See();
        JsonValue other = JsonValue.Object([("RADIO_ISOLATION", JsonValue.Of("off"))]);
        Assert.All(
            (DeliveryOffer[])[
                CatchUp(1, last, before),
                CatchUp(1, last, before, radio),
                CatchUp(1, last, other, radio),
                CatchUp(1, last, JsonValue.Object(Array.Empty<(string, JsonValue)>())),
            ],
            offer => Assert.Equal("unproven", Deliver(offer)));
        Assert.Equal("bad_request", Deliver(CatchUp(1, again, JsonValue.Object([("RADIO_ISOLATION", JsonValue.Of("off"))]), last)));
        DeliveryOffer moved = CatchUp(1, last, before, again);
        moved = moved with { CatchUp = moved.CatchUp! with { Changes = [moved.CatchUp.Changes[0] with { Index = radio }] } };
        Assert.Equal("unproven", Deliver(moved));
        Assert.Equal(0, _domain.Ledger.Size);
        Assert.Equal("accepted", Deliver(CatchUp(1, last, before, again)));
    }

    [Fact]
    public void Attack22_BaseThatTheBusMadeUp_CarriesNoValueThatNoOperatorSigned()
    {
        // What a compromised qwamosd shows as the policy is what an operator signs the hash of.
        JsonValue lie = JsonValue.Object([("TOR_ISOLATION", JsonValue.Of("off"))]);
        using var stranger = SigningKey.Generate();
        long forged = _dom0.SetAs(stranger, null, ("TOR_ISOLATION", JsonValue.Of("off")));
        long last = _store.AppendBatch([Accepted(Draft("VPN_KILL_SWITCH", "on") with { Base = new Dictionary<string, string> { ["gateway"] = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(CanonicalJson.Write(lie))) } })]);
        See();
        Assert.Equal("unproven", Deliver(CatchUp(1, last, lie)));
        Assert.Equal("unproven", Deliver(CatchUp(1, last, lie, forged)));
        Assert.Equal(0, _domain.Ledger.Size);
    }

    [Fact]
    public void Attack13_CatchUpDoesNotPutBackWhatWasSaidHereLater()
    {
        _dom0.BaseClass = "gateway";
        long tor = _dom0.Set("TOR_ISOLATION", "off");
        JsonValue before = Values();
        _dom0.Now += 10;
        long last = _dom0.Set("VPN_KILL_SWITCH", "on");
        _domain.Time.SetClock(Start + 5);
        Assert.Equal("accepted", Outcome(_domain.Ask(_domain.Change("""{"TOR_ISOLATION":"mandatory"}"""))[0]));
        See();
        Assert.Equal("accepted", Deliver(CatchUp(1, last, before, tor)));
        Assert.Equal(("mandatory", "on"), (Policy["TOR_ISOLATION"].Value.ToLine(), Policy["VPN_KILL_SWITCH"].Value.ToLine()));
    }

    [Fact]
    public void CatchUp_NeedsSomebodyWhoVouchesForTheLedger()
    {
        _dom0.BaseClass = "gateway";
        long tor = _dom0.Set("TOR_ISOLATION", "off");
        JsonValue before = Values();
        long last = _dom0.Set("VPN_KILL_SWITCH", "on");
        See(isVouched: false);
        Assert.Equal("unproven", Deliver(CatchUp(1, last, before, tor)));
        // Nothing is lost meanwhile: it waits for the operator's word.
        JsonElement held = Ask(Offer(1, last) with { IsBeforeUnknown = true });
        Assert.Equal(("unproven", 0), (Outcome(held), _domain.Ledger.Size));
        Assert.Contains("qwamosctl audit key --sign", held.GetProperty("reason").GetString(), StringComparison.Ordinal);
        See();
        Assert.Equal("accepted", Deliver(CatchUp(1, last, before, tor)));
    }

    [Fact]
    public void CatchUp_OfWhatOthersWereSent_ExplainsTheBase_AndChangesNothingHere()
    {
        _dom0.BaseClass = "gateway";
        long radio = _dom0.Set("RADIO_ISOLATION", "off");
        JsonValue others = JsonValue.Object([("RADIO_ISOLATION", JsonValue.Of("on"))]);
        long forOthers = _store.AppendBatch([Accepted(Draft("RADIO_ISOLATION", "on") with { Audience = ["another"] })]);
        string hash = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(CanonicalJson.Write(others)));
        long last = _store.AppendBatch([Accepted(Draft("VPN_KILL_SWITCH", "on") with { Base = new Dictionary<string, string> { ["gateway"] = hash } })]);
        See();
        Assert.Equal("accepted", Deliver(Offer(1, radio)));
        Assert.Equal("unproven", Deliver(CatchUp(2, last, others)));
        Assert.Equal("accepted", Deliver(CatchUp(2, last, others, forOthers)));
        Assert.Equal(("off", "on"), (Policy["RADIO_ISOLATION"].Value.ToLine(), Policy["VPN_KILL_SWITCH"].Value.ToLine()));
    }

    [Fact]
    public void CatchUp_BesideAChangeThatIsSupersededHere_IsTakenOverAllTheSame()
    {
        _dom0.BaseClass = "gateway";
        long tor = _dom0.Set("TOR_ISOLATION", "mandatory");
        JsonValue before = Values();
        _domain.Time.SetClock(Start + 5);
        _dom0.Now += 2;
        long last = _dom0.Set("VPN_KILL_SWITCH", "on");
        Assert.Equal("accepted", Outcome(_domain.Ask(_domain.Change("""{"VPN_KILL_SWITCH":"off"}"""))[0]));
        See();
        Assert.Equal("superseded", Deliver(CatchUp(1, last, before, tor)));
        Assert.Equal(("mandatory", "off"), (Policy["TOR_ISOLATION"].Value.ToLine(), Policy["VPN_KILL_SWITCH"].Value.ToLine()));
    }

    [Fact]
    public void Attack13_ValueThatIsHereAlready_IsAsNewAsItsChange_AndWhatWaitedForTheNextStartIsGone()
    {
        _dom0.BaseClass = "gateway";
        _dom0.Mode = "staged";
        long staged = _dom0.Set("RADIO_ISOLATION", "off");
        _dom0.Mode = "auto";
        _dom0.Now += 10;
        long radio = _dom0.Set("RADIO_ISOLATION", "on");
        JsonValue before = Values();
        _dom0.Now += 10;
        long last = _dom0.Set("VPN_KILL_SWITCH", "on");
        // Withheld by who writes the ledger, and recorded late: Dom0's own rules would have refused it.
        long late = _store.AppendBatch([Accepted(Draft("RADIO_ISOLATION", "off") with { Timestamp = Start + 5 }, Start + 20)]);
        _domain.Time.SetClock(Start + 20);
        See();
        Assert.Equal("accepted", Deliver(Offer(1, staged)));
        Assert.Contains("RADIO_ISOLATION", _domain.Writer.Published.Policy.Staged.Keys);
        Assert.Equal("accepted", Deliver(CatchUp(2, last, before, radio)));
        Assert.Empty(_domain.Writer.Published.Policy.Staged);
        Assert.Equal("superseded", Deliver(Offer(3, late)));
        Assert.Equal("on", Policy["RADIO_ISOLATION"].Value.ToLine());
    }

    [Fact]
    public void Attack13_OfTwoChangesOfOneSecond_CatchUpDoesNotBringBackTheEarlier()
    {
        long first = _dom0.Set("TOR_ISOLATION", "mandatory");
        long second = _dom0.Set("TOR_ISOLATION", "off");
        JsonValue lie = JsonValue.Object([("TOR_ISOLATION", JsonValue.Of("mandatory"))]);
        string hash = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(CanonicalJson.Write(lie)));
        long last = _store.AppendBatch([Accepted(Draft("VPN_KILL_SWITCH", "on") with { Base = new Dictionary<string, string> { ["gateway"] = hash } })]);
        See();
        Assert.Equal(["accepted", "accepted"], Deliver(Offer(1, first), Offer(2, second)));
        Assert.Equal("accepted", Deliver(CatchUp(3, last, lie, first)));
        Assert.Equal("off", Policy["TOR_ISOLATION"].Value.ToLine());
    }
}
