using System.Globalization;
using System.Text;
using Qwamos.ControlBus.Json;
using Xunit;

namespace Qwamos.ControlBus.Tests.Json;

public sealed class CanonicalJsonTests
{
    // RFC 8785 appendix B, all finite samples; the last three rows are of section 3.2.2.3's ECMAScript rules.
    [Theory]
    [InlineData("0000000000000000", "0")]
    [InlineData("8000000000000000", "0")]
    [InlineData("0000000000000001", "5e-324")]
    [InlineData("8000000000000001", "-5e-324")]
    [InlineData("7fefffffffffffff", "1.7976931348623157e+308")]
    [InlineData("ffefffffffffffff", "-1.7976931348623157e+308")]
    [InlineData("4340000000000000", "9007199254740992")]
    [InlineData("c340000000000000", "-9007199254740992")]
    [InlineData("4430000000000000", "295147905179352830000")]
    [InlineData("44b52d02c7e14af5", "9.999999999999997e+22")]
    [InlineData("44b52d02c7e14af6", "1e+23")]
    [InlineData("44b52d02c7e14af7", "1.0000000000000001e+23")]
    [InlineData("444b1ae4d6e2ef4e", "999999999999999700000")]
    [InlineData("444b1ae4d6e2ef4f", "999999999999999900000")]
    [InlineData("444b1ae4d6e2ef50", "1e+21")]
    [InlineData("3eb0c6f7a0b5ed8c", "9.999999999999997e-7")]
    [InlineData("3eb0c6f7a0b5ed8d", "0.000001")]
    [InlineData("41b3de4355555553", "333333333.3333332")]
    [InlineData("41b3de4355555554", "333333333.33333325")]
    [InlineData("41b3de4355555555", "333333333.3333333")]
    [InlineData("41b3de4355555556", "333333333.3333334")]
    [InlineData("41b3de4355555557", "333333333.33333343")]
    [InlineData("becbf647612f3696", "-0.0000033333333333333333")]
    [InlineData("43143ff3c1cb0959", "1424953923781206.2")]
    [InlineData("3ff8000000000000", "1.5")]
    [InlineData("4024000000000000", "10")]
    [InlineData("3f50624dd2f1a9fc", "0.001")]
    public void Numbers_of_RFC_8785_appendix_B_are_written_as_there(string ieee754, string expected)
    {
        var number = BitConverter.UInt64BitsToDouble(ulong.Parse(ieee754, NumberStyles.HexNumber, CultureInfo.InvariantCulture));
        var text = new byte[EcmaNumber.MaxBytes];
        Assert.Equal(expected, Encoding.ASCII.GetString(text, 0, EcmaNumber.Format(number, text)));
    }

    [Theory]
    [InlineData("7fffffffffffffff")]
    [InlineData("7ff0000000000000")]
    [InlineData("fff0000000000000")]
    public void Numbers_that_are_not_finite_have_no_canonical_form(string ieee754)
    {
        var number = BitConverter.UInt64BitsToDouble(ulong.Parse(ieee754, NumberStyles.HexNumber, CultureInfo.InvariantCulture));
        Assert.Throws<ArgumentException>(() => EcmaNumber.Format(number, new byte[EcmaNumber.MaxBytes]));
    }

    [Fact]
    public void A_number_beyond_a_double_is_read_as_its_token_and_has_no_canonical_form()
    {
        var value = Parse("[1e400]");
        Assert.Equal("1e400", value.Items[0].NumberToken);
        Assert.False(value.Items[0].IsInteger);
        Assert.Throws<ArgumentException>(() => CanonicalJson.Write(value));
    }

    // RFC 8785 section 3.2.2, the sample input, and section 3.2.4, its UTF-8 bytes.
    [Fact]
    public void The_sample_of_RFC_8785_section_3_2_2_gives_the_bytes_of_section_3_2_4()
    {
        const string Input = """
            {
              "numbers": [333333333.33333329, 1E30, 4.50,
                          2e-3, 0.000000000000000000000000001],
              "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
              "literals": [null, true, false]
            }
            """;
        const string Expected = """
            7b 22 6c 69 74 65 72 61 6c 73 22 3a 5b 6e 75 6c 6c 2c 74 72
            75 65 2c 66 61 6c 73 65 5d 2c 22 6e 75 6d 62 65 72 73 22 3a
            5b 33 33 33 33 33 33 33 33 33 2e 33 33 33 33 33 33 33 2c 31
            65 2b 33 30 2c 34 2e 35 2c 30 2e 30 30 32 2c 31 65 2d 32 37
            5d 2c 22 73 74 72 69 6e 67 22 3a 22 e2 82 ac 24 5c 75 30 30
            30 66 5c 6e 41 27 42 5c 22 5c 5c 5c 5c 5c 22 2f 22 7d
            """;
        var expected = Convert.FromHexString(string.Concat(Expected.Where(char.IsAsciiHexDigit)));
        Assert.Equal(expected, CanonicalJson.Write(Parse(Input)));
    }

    // RFC 8785 section 3.2.3; names sort by UTF-16 code units, so U+1F600 (D83D ...) stands before U+FB33 (ATTACKS 19).
    [Fact]
    public void Attack19_members_are_ordered_by_UTF16_code_units_as_in_RFC_8785_section_3_2_3()
    {
        const string Input = """
            {
              "\u20ac": "Euro Sign",
              "\r": "Carriage Return",
              "\ufb33": "Hebrew Letter Dalet With Dagesh",
              "1": "One",
              "\ud83d\ude00": "Emoji: Grinning Face",
              "\u0080": "Control",
              "\u00f6": "Latin Small Letter O With Diaeresis"
            }
            """;
        var canonical = Parse(Encoding.UTF8.GetString(CanonicalJson.Write(Parse(Input))));
        Assert.Equal(
            ["Carriage Return", "One", "Control", "Latin Small Letter O With Diaeresis", "Euro Sign", "Emoji: Grinning Face", "Hebrew Letter Dalet With Dagesh"],
            canonical.Members.Select(member => member.Value.AsString));
    }

    [Theory]
    [InlineData("{}", "{}")]
    [InlineData(" [ ] ", "[]")]
    [InlineData("""{"b":{"z":1,"a":[{"y":2,"x":3}]},"a":null}""", """{"a":null,"b":{"a":[{"x":3,"y":2}],"z":1}}""")]
    [InlineData("""{"aa":1,"a":2,"":3}""", """{"":3,"a":2,"aa":1}""")]
    [InlineData("""["\u0000\u001f\u007f\u2028\b\t\n\f\r\/\"\\"]""", "[\"\\u0000\\u001f\u007f\u2028\\b\\t\\n\\f\\r/\\\"\\\\\"]")]
    [InlineData("[-0,-0.0,0e9,9007199254740993,1E0,-1.50]", "[0,0,0,9007199254740992,1,-1.5]")]
    public void Values_are_written_without_white_space_sorted_and_shortest(string input, string expected) =>
        Assert.Equal(expected, Encoding.UTF8.GetString(CanonicalJson.Write(Parse(input))));

    [Fact]
    public void A_long_string_and_many_members_are_written_whole()
    {
        var text = new string('é', 20_000) + "\n" + new string('x', 5_000);
        var value = JsonValue.Object(Enumerable.Range(0, 3_000).Select(i => ("k" + i.ToString(CultureInfo.InvariantCulture), JsonValue.Of(text[..(i % 7)]))).Append(("t", JsonValue.Of(text))));
        Assert.True(StrictJson.TryParse(CanonicalJson.Write(value), out var read, out var fault, maxBytes: 1 << 20), fault);
        Assert.Equal(value, read);
    }

    public static TheoryData<string> VectorNames => [.. Vectors.NamesIn("jcs/input")];

    [Theory]
    [MemberData(nameof(VectorNames))]
    public void The_published_JCS_vectors_are_met_byte_for_byte(string name)
    {
        var dir = Vectors.Find("jcs");
        var input = File.ReadAllBytes(Path.Combine(dir, "input", name));
        Assert.True(StrictJson.TryParse(input, out var value, out var fault), fault);
        var canonical = CanonicalJson.Write(value);
        Assert.Equal(File.ReadAllBytes(Path.Combine(dir, "output", name)), canonical);
        var hex = File.ReadAllText(Path.Combine(dir, "outhex", Path.ChangeExtension(name, ".txt")));
        Assert.Equal(Convert.FromHexString(string.Concat(hex.Where(char.IsAsciiHexDigit))), canonical);
    }

    private static JsonValue Parse(string json)
    {
        Assert.True(StrictJson.TryParse(Encoding.UTF8.GetBytes(json), out var value, out var fault), fault);
        return value;
    }
}
