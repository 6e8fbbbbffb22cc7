using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Policy;
using Xunit;
using static Qwamos.ControlBus.Tests.Policy.Changes;

namespace Qwamos.ControlBus.Tests.Policy;

/// <summary>A gateway's decisions: it acts on its own class and on <c>all</c> (DESIGN section 5, last point).</summary>
public sealed class ReceiverTests
{
    private static readonly DomainScope Gateway = DomainScope.Receiver("gateway", "gateway");

    [Fact]
    public void Receiver_acts_only_on_keys_of_its_class_or_all()
    {
        var (outcome, state) = Accepted(
            PolicyState.Empty,
            Message("""{"CLIPBOARD_ISOLATION":"off","RADIO_ISOLATION":"off","KERNEL_HARDENING":"strict","CRYPTO_BACKEND":"hybrid"}"""),
            Gateway);
        Assert.Equal(["RADIO_ISOLATION"], outcome.Applied);
        Assert.Equal(["CRYPTO_BACKEND"], outcome.Staged);
        Assert.Equal(["RADIO_ISOLATION"], state.Policy.Keys);
        Assert.Equal(["CRYPTO_BACKEND"], state.Staged.Keys);
        Assert.Equal(T, state.FloorSeconds);
    }

    [Fact]
    public void Receiver_validates_all_args()
    {
        var refusal = Refused(PolicyState.Empty, Message("""{"RADIO_ISOLATION":"off","CLIPBOARD_ISOLATION":"never"}"""), Gateway);
        Assert.Equal(ErrorCode.InvalidPolicy, refusal.Code);
        Assert.Equal("CLIPBOARD_ISOLATION", Assert.Single(refusal.Faults!).Key);
    }

    [Fact]
    public void Receiver_refuses_what_would_carry_a_confidential_key_to_it()
        => Assert.Equal(
            ErrorCode.MixedDomains, Refused(PolicyState.Empty, Message("""{"RADIO_ISOLATION":"off","DURESS.enabled":true}"""), Gateway).Code);

    [Fact]
    public void Receiver_checks_base_of_its_own_class_only()
    {
        var other = new string('0', 64);
        Accepted(PolicyState.Empty, Message("""{"RADIO_ISOLATION":"off"}""", @base: new() { ["ui"] = other, ["all"] = other }), Gateway);
        Assert.Equal(
            ErrorCode.BaseMismatch,
            Refused(PolicyState.Empty, Message("""{"RADIO_ISOLATION":"off"}""", @base: new() { ["gateway"] = other }), Gateway).Code);
    }

    [Fact]
    public void Receiver_checks_order_of_its_own_class_and_all_only()
    {
        var state = PolicyState.Empty.After("""{"CLIPBOARD_ISOLATION":"off","CRYPTO_BACKEND":"hybrid"}""", T + 9, scope: Gateway);
        Accepted(state, Message("""{"CLIPBOARD_ISOLATION":"on","RADIO_ISOLATION":"off"}""".Replace("\"on\"", "\"basic\"", StringComparison.Ordinal)), Gateway);
        Assert.Equal(
            ErrorCode.Superseded, Refused(state, Message("""{"RADIO_ISOLATION":"off","CRYPTO_BACKEND":"hybrid"}"""), Gateway).Code);
    }

    [Fact]
    public void Receiver_keeps_the_newest_timestamp_of_a_key_it_does_not_judge()
    {
        var state = PolicyState.Empty.After("""{"CLIPBOARD_ISOLATION":"off","RADIO_ISOLATION":"off"}""", T + 9, scope: Gateway)
            .After("""{"CLIPBOARD_ISOLATION":"off","TOR_ISOLATION":"off"}""", T, scope: Gateway);
        Assert.Equal(T + 9, state.LastTimestamps["CLIPBOARD_ISOLATION"]);
        Assert.Equal(T + 9, state.FloorSeconds);
    }

    [Fact]
    public void Authority_and_receiver_of_the_class_decide_alike()
    {
        var message = Message("""{"RADIO_ISOLATION":"off","RADIO_IDLE_TIMEOUT_MIN":0}""", mode: "staged");
        Assert.Equal(Accepted(PolicyState.Empty, message).Outcome.Staged, Accepted(PolicyState.Empty, message, Gateway).Outcome.Staged);
    }
}
