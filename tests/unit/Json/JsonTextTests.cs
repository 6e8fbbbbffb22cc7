using System.Text;
using Qwamos.ControlBus.Json;
using Xunit;

namespace Qwamos.ControlBus.Tests.Json;

public sealed class JsonTextTests
{
    [Theory]
    [InlineData(0x00)]
    [InlineData(0x0A)]
    [InlineData(0x1B)]
    [InlineData(0x7F)]
    [InlineData(0x85)]
    [InlineData(0x9B)]
    [InlineData(0x061C)]
    [InlineData(0x200B)]
    [InlineData(0x200E)]
    [InlineData(0x2028)]
    [InlineData(0x202E)]
    [InlineData(0x2066)]
    [InlineData(0xFEFF)]
    [InlineData(0xE0041)]
    public void Attack21_characters_that_act_on_a_terminal_never_stand_raw_in_an_answer(int codePoint)
    {
        var text = $"a{char.ConvertFromUtf32(codePoint)}b";
        var line = JsonText.Line(JsonValue.Object([(text, JsonValue.Of(text))]));
        Assert.All(line[..^1], unit => Assert.InRange(unit, (byte)0x20, (byte)0x7E));
        Assert.Equal((byte)'\n', line[^1]);
        Assert.True(StrictJson.TryParse(line, out var read, out var fault), fault);
        Assert.Equal(text, read.Members[0].Key);
        Assert.Equal(text, read.Members[0].Value.AsString);
    }

    [Theory]
    [InlineData("""{"b":1,"a":["x",true,false,null,-5,1.50,1e400],"":{}}""")]
    [InlineData("""["it's a <b> & a + of base64==","é€","\"\\"]""")]
    public void Text_and_order_of_members_stay_as_they_are(string json)
    {
        Assert.True(StrictJson.TryParse(Encoding.UTF8.GetBytes(json), out var value, out _));
        Assert.Equal(json, JsonText.ToText(value));
        Assert.Equal(json, value.ToString());
    }

    [Fact]
    public void Attack18_lone_surrogate_or_noncharacter_in_a_shown_text_becomes_a_replacement_character()
    {
        // Not as data of a theory: attributes hold UTF-8, which no lone surrogate survives.
        foreach (var (text, written) in (ReadOnlySpan<(string, string)>)
            [("a\uD83D", "a\uFFFD"), ("\uDE00a", "\uFFFDa"), ("\uDE00\uD83D", "\uFFFD\uFFFD"), ("\uFFFE\U0001FFFF", "\uFFFD\uFFFD"), ("\U0001F600", "\U0001F600")])
        {
            var line = JsonText.Line(JsonValue.Shown(text));
            Assert.True(StrictJson.TryParse(line, out var read, out var fault), fault);
            Assert.Equal(written, read.AsString);
            if (text != written)
                Assert.Throws<ArgumentException>(() => JsonValue.Of(text));
        }
    }

    [Fact]
    public void Indented_text_has_plain_newlines_and_none_at_its_end()
    {
        var value = JsonValue.Object([("a", JsonValue.Array(JsonValue.Of(1)))]);
        Assert.Equal("{\n  \"a\": [\n    1\n  ]\n}", JsonText.ToText(value, isIndented: true));
    }

    [Fact]
    public void A_writer_may_build_the_value_itself() =>
        Assert.Equal("{\"ok\":true}\n"u8, JsonText.Line(writer =>
        {
            writer.WriteStartObject();
            writer.WriteBoolean("ok", true);
            writer.WriteEndObject();
        }));
}
