using Qwamos.ControlBus.Policy;
using Xunit;
using static Qwamos.ControlBus.Tests.Policy.Changes;

namespace Qwamos.ControlBus.Tests.Policy;

public sealed class PolicyValueTests
{
    [Theory]
    [InlineData("RADIO_IDLE_TIMEOUT_MIN", "5", "5")]
    [InlineData("RADIO_IDLE_TIMEOUT_MIN", "999", "999")]
    [InlineData("DURESS.enabled", "true", "true")]
    [InlineData("TOR_ISOLATION", "mandatory", "\"mandatory\"")]
    public void Typed_text_becomes_a_value_of_the_type_that_the_schema_gives(string name, string typed, string json)
    {
        Assert.True(PolicyValue.TryConvert(KeyOf(name), typed, out var value, out _));
        Assert.Equal(json, value.ToJson().ToString());
        Assert.Equal(typed, value.ToLine());
    }

    [Theory]
    [InlineData("RADIO_IDLE_TIMEOUT_MIN", "1000", "integer 0-999")]
    [InlineData("RADIO_IDLE_TIMEOUT_MIN", "-1", "integer 0-999")]
    [InlineData("RADIO_IDLE_TIMEOUT_MIN", "5.0", "integer 0-999")]
    [InlineData("RADIO_IDLE_TIMEOUT_MIN", "", "integer 0-999")]
    [InlineData("RADIO_IDLE_TIMEOUT_MIN", "99999999999999999999", "integer 0-999")]
    [InlineData("DURESS.enabled", "yes", "one of false, true")]
    [InlineData("DURESS.enabled", "tru", "did you mean true?")]
    [InlineData("TOR_ISOLATION", "mandatroy", "did you mean mandatory?")]
    [InlineData("TOR_ISOLATION", "", "one of optional, off, mandatory")]
    public void Text_that_is_no_value_of_the_key_is_refused_with_what_is_allowed(string name, string typed, string says)
    {
        Assert.False(PolicyValue.TryConvert(KeyOf(name), typed, out _, out var fault));
        Assert.StartsWith(name, fault, StringComparison.Ordinal);
        Assert.Contains(says, fault, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("1.5")]
    [InlineData("1e2")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("9007199254740993")]
    public void Json_that_is_no_policy_value_is_refused(string json) => Assert.False(PolicyValue.TryFrom(Parse(json), out _));

    [Fact]
    public void Values_of_different_types_are_never_equal()
    {
        Assert.NotEqual(PolicyValue.Of(1), PolicyValue.Of(true));
        Assert.NotEqual(PolicyValue.Of("1"), PolicyValue.Of(1));
        Assert.NotEqual(PolicyValue.Of(0), PolicyValue.Of(false));
        Assert.Throws<InvalidOperationException>(() => PolicyValue.Of(1).Text);
    }

    private static PolicyKey KeyOf(string name) => Schema.TryGet(name, out var key) ? key : throw new InvalidOperationException(name);
}
