using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Policy;
using Xunit;
using static Qwamos.ControlBus.Tests.Policy.Changes;

namespace Qwamos.ControlBus.Tests.Policy;

public sealed class PolicyStateTests
{
    private static PolicyState Full => PolicyState.Empty
        .After("""{"RADIO_ISOLATION":"off","RADIO_IDLE_TIMEOUT_MIN":5,"KERNEL_HARDENING":"strict"}""")
        .After("""{"DURESS.enabled":true}""", T + 5, index: 8)
        .Import(BootNote.TimeFloor(3, T, T + 4));

    [Fact]
    public void Snapshot_gives_the_same_state_again()
    {
        Assert.True(PolicyStateDocument.TryRead(Full.ToJson(), out var read, out var fault), fault);
        Assert.Equal(Full.Policy, read.Policy);
        Assert.Equal(Full.Staged, read.Staged);
        Assert.Equal(Full.LastTimestamps, read.LastTimestamps);
        Assert.Equal((Full.FloorSeconds, Full.LastNote), (read.FloorSeconds, read.LastNote));
        Assert.Equal(JsonText.Bytes(Full.ToJson()), JsonText.Bytes(read.ToJson()));
    }

    [Theory]
    [InlineData("\"format\":7", "\"format\":6")]
    [InlineData("\"floor\":", "\"flor\":")]
    [InlineData("\"index\":7", "\"index\":-1")]
    [InlineData("\"index\":7", "\"index\":7,\"more\":1")]
    [InlineData("\"value\":5", "\"value\":5.5")]
    [InlineData("\"value\":5", "\"value\":null")]
    [InlineData("\"last_note\":3", "\"last_note\":\"3\"")]
    [InlineData("\"last_note\":3", "\"last_note\":3,\"x\":0")]
    [InlineData("\"timestamps\":{", "\"timestamps\":{\"A\":true,")]
    public void Snapshot_that_is_not_wholly_understood_is_refused(string text, string other)
    {
        var document = Full.ToJson().ToString().Replace(text, other, StringComparison.Ordinal);
        Assert.NotEqual(document, Full.ToJson().ToString());
        Assert.False(PolicyStateDocument.TryRead(Parse(document), out _, out var fault));
        Assert.NotEmpty(fault);
    }

    [Fact]
    public void Time_floor_lowers_the_floor_and_every_later_timestamp_and_raises_none()
    {
        var state = PolicyState.Empty.After("""{"RADIO_ISOLATION":"off"}""", 100).After("""{"TOR_ISOLATION":"off"}""", 4_102_444_800);
        var lowered = state.LowerFloor(200, T);
        Assert.Equal(200, lowered.FloorSeconds);
        Assert.Equal(100, lowered.LastTimestamps["RADIO_ISOLATION"]);
        Assert.Equal(200, lowered.LastTimestamps["TOR_ISOLATION"]);
        Assert.Equal(200, lowered.LowerFloor(300, T).FloorSeconds);
    }

    [Theory]
    // Begun by a clock in 2100: by the later of the clock and the time that root names.
    [InlineData(4_102_444_800, T, T, T)]
    [InlineData(4_102_444_800, T + 60, T, T + 60)]
    [InlineData(4_102_444_800, 0, T, T)]
    // Begun in its time: nothing that was drawn up before comes back, whatever root names.
    [InlineData(T - 100, T, T, T - 100)]
    [InlineData(T - 100, 0, T, T - 100)]
    // Root's clock still stands in 2100: it is not known what is true.
    [InlineData(4_102_444_800, T, 4_102_444_900, 4_102_444_800)]
    public void Time_floor_lowers_when_the_trust_began_anew_to_no_time_before_the_clock(long begun, long floor, long clock, long expected)
    {
        var state = PolicyState.Empty.Import(BootNote.AnchorReplaced(1, begun, new string('1', 64), new string('2', 64)));
        Assert.Equal(expected, state.Import(BootNote.TimeFloor(2, clock, floor)).Trust.BegunSeconds);
    }

    [Fact]
    public void Attack12_one_change_from_2100_does_not_end_the_system_once_root_lowers_the_floor()
    {
        var state = PolicyState.Empty.After("""{"RADIO_ISOLATION":"off"}""", 4_102_444_800).Import(BootNote.TimeFloor(1, T, T));
        Accepted(state, Message("""{"RADIO_ISOLATION":"on"}""", T));
    }

    [Fact]
    public void Older_accepted_message_leaves_the_floor_where_it_is()
        => Assert.Equal(
            T + 9, PolicyState.Empty.After("""{"RADIO_ISOLATION":"off"}""", T + 9).After("""{"TOR_ISOLATION":"off"}""", T).FloorSeconds);

    [Fact]
    public void State_is_not_changed_by_a_decision_about_it()
    {
        var state = Full;
        var before = state.ToJson().ToString();
        state.After("""{"RADIO_ISOLATION":"on","KERNEL_HARDENING":"default"}""", T + 10);
        Assert.Equal(before, state.ToJson().ToString());
    }

    [Fact]
    public void Decision_that_names_a_key_the_change_does_not_set_cannot_be_folded()
        => Assert.Throws<InvalidDataException>(
            () => PolicyState.Empty.Accept(Parse("""{"RADIO_ISOLATION":"off"}"""), new ChangeOutcome(["TOR_ISOLATION"], [], []), T, 1));

    [Fact]
    public void Attack40_confidential_and_unknown_values_are_hidden()
    {
        Assert.Equal("(hidden)", HiddenValues.ToLine(Schema, "DURESS.enabled", PolicyValue.Of(true)));
        Assert.Equal("(hidden)", HiddenValues.ToJson(Schema, "KEY_OF_AN_EARLIER_SCHEMA", PolicyValue.Of("secret")).AsString);
        Assert.Equal("off", HiddenValues.ToLine(Schema, "TOR_ISOLATION", PolicyValue.Of("off")));
        Assert.Equal("5", HiddenValues.ToJson(Schema, "RADIO_IDLE_TIMEOUT_MIN", PolicyValue.Of(5)).ToString());
    }
}
