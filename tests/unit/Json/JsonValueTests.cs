using System.Text;
using Qwamos.ControlBus.Json;
using Xunit;

namespace Qwamos.ControlBus.Tests.Json;

public sealed class JsonValueTests
{
    [Theory]
    [InlineData("""{"a":1,"b":[true,null]}""", """{"b":[true,null],"a":1}""", true)]
    [InlineData("1", "1.0", true)]
    [InlineData("0", "-0", true)]
    [InlineData("100", "1e2", true)]
    [InlineData("1", "2", false)]
    [InlineData("1", "true", false)]
    [InlineData("1", "\"1\"", false)]
    [InlineData("[1,2]", "[2,1]", false)]
    [InlineData("""{"a":1}""", """{"a":1,"b":1}""", false)]
    [InlineData("""{"a":1}""", """{"b":1}""", false)]
    [InlineData("null", "false", false)]
    [InlineData("\"a\"", "\"A\"", false)]
    public void Values_are_equal_when_they_mean_the_same(string left, string right, bool expected)
    {
        var (a, b) = (Parse(left), Parse(right));
        Assert.Equal(expected, a.Equals(b));
        Assert.Equal(expected, b.Equals(a));
        if (expected) Assert.Equal(a.GetHashCode(), b.GetHashCode());
    }

    [Fact]
    public void What_could_not_be_read_cannot_be_made()
    {
        Assert.Throws<ArgumentException>(() => JsonValue.Of("\ud800"));
        Assert.Throws<ArgumentException>(() => JsonValue.Of("\uffff"));
        Assert.Throws<ArgumentException>(() => JsonValue.Object([("a", JsonValue.Null), ("a", JsonValue.Null)]));
        Assert.Throws<ArgumentException>(() => JsonValue.Object([("\udc00", JsonValue.Null)]));
        Assert.Throws<ArgumentOutOfRangeException>(() => JsonValue.Of(Limits.MaxSafeInteger + 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => JsonValue.Of(long.MinValue));
    }

    [Fact]
    public void Asking_for_another_kind_is_misuse_and_trying_is_not()
    {
        var text = JsonValue.Of("x");
        Assert.Throws<InvalidOperationException>(() => text.AsBoolean);
        Assert.Throws<InvalidOperationException>(() => text.AsDouble);
        Assert.Throws<InvalidOperationException>(() => text.Items);
        Assert.Throws<InvalidOperationException>(() => text.Members);
        Assert.Throws<InvalidOperationException>(() => JsonValue.Null.AsString);
        Assert.False(text.TryGetInteger(out _));
        Assert.False(text.TryGet("x", out _));
        Assert.False(JsonValue.True.TryGetString(out _));
        Assert.True(text.TryGetString(out var found) && found == "x");
    }

    private static JsonValue Parse(string json)
    {
        Assert.True(StrictJson.TryParse(Encoding.UTF8.GetBytes(json), out var value, out var fault), fault);
        return value;
    }
}
