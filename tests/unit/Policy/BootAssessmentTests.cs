using System.Text;
using Qwamos.ControlBus.Policy;
using Xunit;

namespace Qwamos.ControlBus.Tests.Policy;

public sealed class BootAssessmentTests
{
    private const string Key = "KERNEL_HARDENING";
    private static readonly Applied Strict = new(PolicyValue.Of("strict"), 7);
    private static readonly Applied Default = new(PolicyValue.Of("default"), 3);
    private static readonly BootAssessment OnTrial = BootAssessment.Empty.Try(Key, Strict, BootResult.InForce, Default, "b1", 2).Observed(Key, 7, BootResult.InForce, "b1", 2);
    private static readonly BootAssessment PutBack = OnTrial.Return(new PutBack(Key, Strict, Default, BootResult.InForce, "why"), "b3");

    [Fact]
    public void Form_is_that_of_the_document() => Assert.Equal(
        """{"format":1,"boot":"b3","tries":2,"tries_left":0,"values":{"KERNEL_HARDENING":{"value":"default","index":3,"result":"in force","state":"good","before":null}},"put_back":{"KERNEL_HARDENING":{"value":"strict","index":7,"good":{"value":"default","index":3},"result":"in force","why":"why"}},"put_back_in":"b3"}""" + "\n",
        Encoding.UTF8.GetString(PutBack.Write()));

    [Fact]
    public void It_is_read_as_it_was_written()
    {
        foreach (var assessment in (BootAssessment[])[BootAssessment.Empty, OnTrial, OnTrial.Complete("b1", (_, _) => true), PutBack])
        {
            Assert.True(BootAssessment.TryParse(assessment.Write(), out var read, out var fault), fault);
            Assert.Equal(assessment.Write(), read.Write());
        }
    }

    [Theory]
    [InlineData("\"format\":1", "\"format\":2")]
    [InlineData("\"tries\":2", "\"tries\":11")]
    [InlineData("\"tries_left\":0", "\"tries_left\":-1")]
    [InlineData("\"state\":\"good\"", "\"state\":\"Good\"")]
    [InlineData("\"before\":null", "\"before\":7")]
    [InlineData("\"before\":null", "\"before\":null,\"x\":1")]
    [InlineData("\"value\":\"strict\"", "\"value\":null")]
    [InlineData("\"put_back_in\":\"b3\"", "\"put_back_in\":3")]
    [InlineData("\"boot\":\"b3\",", "")]
    [InlineData("\"boot\":\"b3\",", "\"boot\":\"b3\",\"boot\":\"b3\",")]
    public void What_is_not_wholly_understood_is_a_fault(string text, string other)
    {
        var document = Encoding.UTF8.GetString(PutBack.Write());
        Assert.Contains(text, document, StringComparison.Ordinal);
        Assert.False(BootAssessment.TryParse(Encoding.UTF8.GetBytes(document.Replace(text, other, StringComparison.Ordinal)), out _, out var fault));
        Assert.NotEmpty(fault);
    }

    [Fact]
    public void A_value_that_is_not_in_place_is_not_proven() => Assert.True(OnTrial.Complete("b1", (_, _) => false).HasTrial);

    [Fact]
    public void Attack29_What_was_proven_and_not_noted_yet_is_not_tried_again()
    {
        var proven = OnTrial.Complete("b1", (_, _) => true);
        Assert.Same(proven, proven.Try(Key, Strict, BootResult.InForce, null, "b2", 2));
    }

    [Fact]
    public void Only_the_boot_that_was_counted_proves_something()
    {
        Assert.True(OnTrial.Complete("b2", (_, _) => true).HasTrial);
        Assert.False(OnTrial.Complete("b1", (_, _) => true).HasTrial);
    }

    [Fact]
    public void A_newer_value_on_trial_remembers_what_was_known_good_before_the_older_one()
    {
        var newer = OnTrial.Count("b2").Try(Key, new Applied(PolicyValue.Of("paranoid"), 9), BootResult.InForce, null, "b2", 2);
        Assert.Equal(Default, newer.Values[Key].Before);
        Assert.Equal(1, newer.TriesLeft);
    }

    [Fact]
    public void The_fold_takes_the_last_known_good_back_and_nothing_newer_away()
    {
        var away = new PutBack(Key, Strict, Default, BootResult.InForce, "why");
        var note = BootNote.PutBackTo(1, 0, [away]);
        var state = Moved(Default, Strict);
        Assert.True(state.Holds(away));
        Assert.Equal(Default, state.Import(note).Policy[Key]);
        Assert.False(state.Import(note).Holds(away));
        Assert.Empty(state.Import(BootNote.PutBackTo(1, 0, [away with { Good = null }])).Policy);
        Assert.Empty((PolicyState.Empty with { Staged = state.Policy }).Import(note).Staged);

        var newer = Moved(Default, Strict, new Applied(Strict.Value, 8));
        Assert.False(newer.Holds(away));
        Assert.Equal(newer.Policy, newer.Import(note).Policy);
    }

    [Fact]
    public void Attack22_A_note_that_no_boot_left_authors_no_value()
    {
        // Who writes the ledger can write any note into it.
        foreach (var forged in (Applied[])[new(PolicyValue.Of("paranoid"), 3), new(PolicyValue.Of("default"), 2), new(PolicyValue.Of("default"), 7)])
            Assert.Empty(Moved(Default, Strict).Import(BootNote.PutBackTo(1, 0, [new PutBack(Key, Strict, forged, BootResult.InForce, "why")])).Policy);
        // Another key than the one that had it.
        var other = PolicyState.Empty with { Policy = PolicyState.Empty.Policy.SetItem("BOOT_VERIFICATION", new Applied(PolicyValue.Of("warn"), 7)), Earlier = Moved(Default, Strict).Earlier };
        Assert.Empty(other.Import(BootNote.PutBackTo(1, 0, [new PutBack("BOOT_VERIFICATION", new Applied(PolicyValue.Of("warn"), 7), Default, BootResult.InForce, "why")])).Policy);
    }

    [Fact]
    public void Values_that_can_be_put_back_are_bounded_and_survive_a_snapshot()
    {
        var state = Moved([.. Enumerable.Range(0, Limits.MaxEarlierValues + 3).Select(index => new Applied(PolicyValue.Of(index % 2 == 0 ? "strict" : "default"), index))]);
        Assert.Equal(Enumerable.Range(2, Limits.MaxEarlierValues).Reverse(), state.Earlier[Key].Select(set => (int)set.Index));
        Assert.True(PolicyStateDocument.TryRead(state.ToJson(), out var read, out var fault), fault);
        Assert.Equal(state.Earlier[Key].AsEnumerable(), read.Earlier[Key]);
        var document = state.ToJson().ToString();
        Assert.False(PolicyStateDocument.TryRead(Changes.Parse(document.Replace("\"earlier\":{\"KERNEL_HARDENING\":[", "\"earlier\":{\"KERNEL_HARDENING\":[1,", StringComparison.Ordinal)), out _, out _));
    }

    /// <summary>The state after boots applied these, one after the other.</summary>
    private static PolicyState Moved(params Applied[] values) => values.Aggregate(PolicyState.Empty, (state, set) =>
        (state with { Staged = state.Staged.SetItem(Key, set) }).Import(BootNote.Applied(1, 0, [new BootResult(Key, set.Index, BootResult.InForce, "")])));
}
