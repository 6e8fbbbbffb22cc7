using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Policy;
using Xunit;
using static Qwamos.ControlBus.Tests.Policy.Changes;

namespace Qwamos.ControlBus.Tests.Policy;

/// <summary><c>fire</c>: alone, while armed, never staged, and never a state (DESIGN section 5, ATTACKS 36).</summary>
public sealed class EventTests
{
    private const string Fire = """{"GHOST.trigger":"fire"}""";
    private static PolicyState Armed => PolicyState.Empty.After("""{"GHOST.trigger":"armed"}""");

    [Fact]
    public void Fire_while_armed_is_applied_and_leaves_disarmed()
    {
        var (outcome, state) = Accepted(Armed, Message(Fire), index: 9);
        Assert.Equal(["GHOST.trigger"], outcome.Applied);
        Assert.Equal(new Applied(PolicyValue.Of("disarmed"), 9), state.Policy["GHOST.trigger"]);
        Assert.Equal(T, state.LastTimestamps["GHOST.trigger"]);
    }

    [Fact]
    public void Fire_is_accepted_once_for_each_arming()
        => Assert.Equal(ErrorCode.InvalidPolicy, Refused(Armed.After(Fire), Message(Fire)).Code);

    [Fact]
    public void Fire_is_refused_when_nothing_was_ever_set()
        => Assert.Equal(ErrorCode.InvalidPolicy, Refused(PolicyState.Empty, Message(Fire)).Code);

    [Fact]
    public void Fire_is_refused_while_disarmed()
        => Assert.Equal(ErrorCode.InvalidPolicy, Refused(Armed.After("""{"GHOST.trigger":"disarmed"}"""), Message(Fire)).Code);

    [Fact]
    public void Fire_is_refused_while_armed_is_only_staged()
        => Assert.Equal(
            ErrorCode.InvalidPolicy, Refused(PolicyState.Empty.After("""{"GHOST.trigger":"armed"}""", mode: "staged"), Message(Fire)).Code);

    [Fact]
    public void Attack36_fire_is_refused_beside_another_key_of_its_class()
    {
        var refusal = Refused(Armed, Message("""{"GHOST.trigger":"fire","DURESS.enabled":true}"""));
        Assert.Equal(ErrorCode.InvalidPolicy, refusal.Code);
        Assert.Equal("GHOST.trigger", Assert.Single(refusal.Faults!).Key);
    }

    [Fact]
    public void Attack36_fire_is_never_staged()
        => Assert.Equal(ErrorCode.InvalidPolicy, Refused(Armed, Message(Fire, mode: "staged")).Code);

    [Fact]
    public void Fire_drops_what_was_staged_for_the_key()
    {
        var state = Armed.After("""{"GHOST.trigger":"disarmed"}""", mode: "staged");
        Assert.Empty(Accepted(state, Message(Fire)).State.Staged);
    }

    [Fact]
    public void Fire_is_refused_together_with_all_other_faults()
    {
        var refusal = Refused(PolicyState.Empty, Message("""{"GHOST.trigger":"fire","DURESS.gesture":"x","NOPE":1}"""));
        Assert.Equal(["DURESS.gesture", "NOPE", "GHOST.trigger"], refusal.Faults!.Select(fault => fault.Key));
    }

    [Fact]
    public void Attack40_refusal_of_fire_says_no_more_than_that_of_any_other_value()
        => Assert.Equal(
            Refused(PolicyState.Empty, Message("""{"GHOST.trigger":"x"}""")).Faults,
            Refused(PolicyState.Empty, Message(Fire)).Faults);

    [Fact]
    public void Receiver_of_another_class_does_not_judge_what_is_armed_elsewhere()
    {
        var schema = LoadSchema(SchemaOf(
            Key("E", "\"type\":\"string\",\"enum\":[\"disarmed\",\"armed\",\"fire\"],\"default\":\"disarmed\"", @class: "ui", flags: "event")));
        var (outcome, state) = Accepted(PolicyState.Empty, Message("""{"E":"fire"}"""), DomainScope.Receiver("gateway", "gateway"), schema: schema);
        Assert.Empty(outcome.Applied);
        Assert.Empty(state.Policy);
        Assert.Equal(
            ErrorCode.InvalidPolicy,
            Refused(PolicyState.Empty, Message("""{"E":"fire"}"""), DomainScope.Receiver("ui", "ui"), schema).Code);
    }
}
