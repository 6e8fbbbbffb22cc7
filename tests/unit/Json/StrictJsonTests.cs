using System.Globalization;
using System.Text;
using Qwamos.ControlBus.Json;
using Xunit;

namespace Qwamos.ControlBus.Tests.Json;

public sealed class StrictJsonTests
{
    [Theory]
    [InlineData("""{"a":1,"a":1}""")]
    [InlineData("""{"a":1,"\u0061":2}""")]
    [InlineData("""{"\u0061":1,"\u0061":2}""")]
    [InlineData("""{"é":1,"\u00e9":2}""")]
    [InlineData("""{"é":1,"\u00E9":2}""")]
    [InlineData("""{"😀":1,"\ud83d\ude00":2}""")]
    [InlineData("""{"/":1,"\/":2}""")]
    [InlineData("""{"":1,"":2}""")]
    [InlineData("""{"x":[{"deep":{"a":1,"b":2,"a":3}}]}""")]
    [InlineData("""{"1":0,"2":0,"3":0,"4":0,"5":0,"6":0,"7":0,"8":0,"9":0,"10":0,"\u0031":0}""")]
    [InlineData("""{"1":0,"2":0,"3":0,"4":0,"5":0,"6":0,"7":0,"8":0,"9":0,"10":0,"10":0}""")]
    public void Attack17_a_member_that_stands_twice_is_refused(string json) => Refuses(json, "stands twice");

    [Theory]
    [InlineData("""{"a":1,"A":1}""")]
    [InlineData("""{"é":1,"e\u0301":2}""")]
    [InlineData("""[{"a":1},{"a":1}]""")]
    [InlineData("""{"a":{"a":{"a":1}}}""")]
    public void Names_that_only_look_alike_and_names_in_other_objects_are_taken(string json) => Takes(json);

    [Theory]
    [InlineData("""["\ud800"]""")]
    [InlineData("""["\uDBFF"]""")]
    [InlineData("""["\udc00"]""")]
    [InlineData("""["\ude00\ud83d"]""")]
    [InlineData("""["\ud83d\ud83d\ude00"]""")]
    [InlineData("""["\ud83dx\ude00"]""")]
    [InlineData("""["\ud83d😀"]""")]
    [InlineData("""["\ud83d\\ude00"]""")]
    [InlineData("""["\ud83d\n"]""")]
    [InlineData("""{"\ud800":1}""")]
    [InlineData("""{"a":{"\udfff":1}}""")]
    public void Attack18_lone_and_reversed_surrogates_are_refused_in_names_and_strings(string json) => Refuses(json, "surrogate");

    // RFC 7493 section 2.1 forbids these as well.
    [Theory]
    [InlineData("""["\uffff"]""")]
    [InlineData("""["\ufffe"]""")]
    [InlineData("""["\ufdd0"]""")]
    [InlineData("""["\uFDEF"]""")]
    [InlineData("""["\ud83f\udffe"]""")]
    [InlineData("""["\udbff\udfff"]""")]
    [InlineData("[\"\uffff\"]")]
    [InlineData("[\"\U0010ffff\"]")]
    [InlineData("{\"\ufdd0\":1}")]
    public void Attack18_noncharacters_are_refused(string json) => Refuses(json, "noncharacter");

    [Theory]
    [InlineData("""["\ud83d\ude00"]""", "😀")]
    [InlineData("""["\uD83D\uDE00x"]""", "😀x")]
    [InlineData("""["\ufdcf\ufdf0\ufffd\ue000"]""", "\ufdcf\ufdf0\ufffd\ue000")]
    [InlineData("""["\udbff\udffd"]""", "\U0010fffd")]
    [InlineData("""["\"\\\/\b\f\n\r\t\u0000"]""", "\"\\/\b\f\n\r\t\0")]
    [InlineData("""["a\u0062c"]""", "abc")]
    public void Escapes_are_decoded(string json, string expected) => Assert.Equal(expected, Takes(json).Items[0].AsString);

    [Fact]
    public void A_long_escaped_string_is_decoded_whole()
    {
        var text = string.Concat(Enumerable.Range(0, 5_000).Select(i => (i % 3) switch { 0 => "\n", 1 => "é", _ => "x" }));
        Assert.Equal(text, Takes("[\"" + text.Replace("\n", "\\n", StringComparison.Ordinal) + "\"]").Items[0].AsString);
    }

    [Theory]
    [InlineData("5B22C328225D", "not UTF-8 at byte 2")]
    [InlineData("5B2261FF225D", "not UTF-8 at byte 3")]
    [InlineData("5B22C080225D", "not UTF-8 at byte 2")] // overlong NUL
    [InlineData("5B22C1BF225D", "not UTF-8 at byte 2")] // overlong DEL
    [InlineData("5B22E08080225D", "not UTF-8 at byte 2")] // overlong, three bytes
    [InlineData("5B22EDA080225D", "not UTF-8 at byte 2")] // a surrogate as three bytes
    [InlineData("5B22EDA0BDEDB880225D", "not UTF-8 at byte 2")] // CESU-8
    [InlineData("5B22F4908080225D", "not UTF-8 at byte 2")] // beyond U+10FFFF
    [InlineData("5B22E282225D", "not UTF-8 at byte 2")] // cut off
    [InlineData("5B225D80", "not UTF-8 at byte 3")] // outside of any string
    [InlineData("EFBBBF5B5D", "byte order mark")]
    [InlineData("FFFE5B005D00", "not UTF-8 at byte 0")] // UTF-16
    public void Attack18_invalid_UTF8_and_byte_order_marks_are_refused(string hex, string why) => Refuses(Convert.FromHexString(hex), why);

    [Theory]
    [InlineData("{}x", "after the value, at byte 2")]
    [InlineData("{}{}", "after the value, at byte 2")]
    [InlineData("{}\n\n ]", "after the value, at byte 5")]
    [InlineData("{}\0", "after the value, at byte 2")]
    [InlineData("{}//", "after the value")]
    [InlineData("1 2", "after the value")]
    [InlineData("""{"a":1,}""", "not JSON at byte 7")]
    [InlineData("[1,]", "not JSON at byte 3")]
    [InlineData("[1 2]", "not JSON")]
    [InlineData("[,1]", "not JSON")]
    [InlineData("/* a */{}", "not JSON at byte 0")]
    [InlineData("{/* a */}", "not JSON at byte 1")]
    [InlineData("// a\n{}", "not JSON")]
    [InlineData("# a\n{}", "not JSON")]
    [InlineData("{'a':1}", "not JSON")]
    [InlineData("{a:1}", "not JSON")]
    [InlineData("[NaN]", "not JSON")]
    [InlineData("[Infinity]", "not JSON")]
    [InlineData("[-Infinity]", "not JSON")]
    [InlineData("[+1]", "not JSON")]
    [InlineData("[01]", "not JSON")]
    [InlineData("[-01]", "not JSON")]
    [InlineData("[.5]", "not JSON")]
    [InlineData("[1.]", "not JSON")]
    [InlineData("[1e]", "not JSON")]
    [InlineData("[0x1]", "not JSON")]
    [InlineData("[1_000]", "not JSON")]
    [InlineData("[-]", "not JSON")]
    [InlineData("[True]", "not JSON")]
    [InlineData("[tru]", "not JSON")]
    [InlineData("[nul]", "not JSON")]
    [InlineData("[\"a\nb\"]", "not JSON")]
    [InlineData("[\"a\tb\"]", "not JSON")]
    [InlineData("[\"a\0b\"]", "not JSON")]
    [InlineData("[\"a\u001fb\"]", "not JSON")]
    [InlineData("""["\x41"]""", "not JSON")]
    [InlineData("""["\'"]""", "not JSON")]
    [InlineData("""["\u12"]""", "not JSON")]
    [InlineData("""["\u12G4"]""", "not JSON")]
    [InlineData("""["\U0041"]""", "not JSON")]
    [InlineData("[}", "not JSON at byte 1")]
    [InlineData("{]", "not JSON at byte 1")]
    [InlineData("""{"a"}""", "not JSON")]
    [InlineData("""{"a" 1}""", "not JSON")]
    [InlineData("""{1:1}""", "not JSON")]
    [InlineData("{\u00a0}", "not JSON")]
    [InlineData("{\v}", "not JSON")]
    [InlineData("\f{}", "not JSON")]
    [InlineData("", "ends too early, at byte 0")]
    [InlineData("  \n", "ends too early, at byte 3")]
    [InlineData("""{"a":""", "ends too early, at byte 5")]
    [InlineData("""{"a":"b""", "ends too early")]
    [InlineData("[", "ends too early")]
    public void Attack18_trailing_bytes_comments_trailing_commas_and_everything_else_that_is_no_JSON_is_refused(string json, string why) =>
        Refuses(json, why);

    [Theory]
    [InlineData(16, true)]
    [InlineData(17, false)]
    [InlineData(20_000, false)]
    public void Attack20_nesting_of_16_is_taken_and_of_17_refused(int depth, bool isTaken)
    {
        var arrays = new string('[', depth) + new string(']', depth);
        var objects = string.Concat(Enumerable.Repeat("{\"a\":", depth - 1)) + "{}" + new string('}', depth - 1);
        foreach (var json in (string[])[arrays, objects, arrays.Replace("[]", "[1,2]", StringComparison.Ordinal)])
        {
            if (json.Length > Limits.MaxRequestBytes) Refuses(json, "longer than");
            else if (isTaken) Takes(json);
            else Refuses(json, "nested deeper than 16");
        }
    }

    [Fact]
    public void Attack20_61440_bytes_are_taken_and_one_more_refused()
    {
        var json = "[\"" + new string('x', Limits.MaxRequestBytes - 4) + "\"]";
        Takes(json);
        Refuses(json + " ", "longer than 61440 bytes");
    }

    [Fact]
    public void Attack20_a_number_of_60000_digits_is_a_token_and_no_integer()
    {
        var digits = "1" + new string('0', 60_000);
        var number = Takes($"[{digits}]").Items[0];
        Assert.False(number.TryGetInteger(out _));
        Assert.Equal(digits, number.NumberToken);
        Assert.Equal(double.PositiveInfinity, number.AsDouble);
    }

    [Fact]
    public void Attack20_100000_members_are_read_in_memory_linear_in_their_number()
    {
        var json = Encoding.UTF8.GetBytes("{" + string.Join(',', Enumerable.Range(0, 100_000).Select(i => $"\"k{i}\":{i}")) + "}");
        Assert.False(StrictJson.TryParse(json, out _, out var fault));
        Assert.Equal("longer than 61440 bytes", fault);
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.True(StrictJson.TryParse(json, out var value, out fault, maxBytes: int.MaxValue), fault);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 100L * json.Length);
        Assert.Equal(100_000, value.Members.Length);
        Assert.True(value.TryGet("k99999", out var last) && last.TryGetInteger(out var number) && number == 99_999);
    }

    [Fact]
    public void Attack20_100000_members_that_end_in_a_duplicate_are_refused()
    {
        var json = "{" + string.Join(',', Enumerable.Range(0, 100_000).Select(i => $"\"k{i}\":{i}")) + ",\"k\\u0037\":1}";
        Assert.False(StrictJson.TryParse(Encoding.UTF8.GetBytes(json), out _, out var fault, maxBytes: int.MaxValue));
        Assert.StartsWith("a member stands twice", fault, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("0", 0)]
    [InlineData("-1", -1)]
    [InlineData("1699876543", 1699876543)]
    [InlineData("9007199254740991", 9007199254740991)]
    [InlineData("-9007199254740991", -9007199254740991)]
    public void Integer_tokens_within_2_53_are_integers(string token, long expected)
    {
        var value = Takes($"[{token}]").Items[0];
        Assert.True(value.TryGetInteger(out var number));
        Assert.Equal(expected, number);
        Assert.Equal(token, value.NumberToken);
    }

    [Theory]
    [InlineData("-0")]
    [InlineData("1.0")]
    [InlineData("1e0")]
    [InlineData("1E2")]
    [InlineData("-0.0")]
    [InlineData("0e0")]
    [InlineData("9007199254740992")]
    [InlineData("-9007199254740992")]
    [InlineData("9223372036854775808")]
    [InlineData("99999999999999999999")]
    [InlineData("1e400")]
    public void Every_other_number_token_is_no_integer_and_is_kept(string token)
    {
        var value = Takes($"[{token}]").Items[0];
        Assert.False(value.IsInteger);
        Assert.Equal(token, value.NumberToken);
    }

    [Theory]
    [InlineData("""{"a":1, "envelope" : {"msg":"}"} ,"z":2}""", "envelope", """{"msg":"}"}""")]
    [InlineData("""{"a":1,"env\u0065lope":[1,[2]]}""", "envelope", "[1,[2]]")]
    [InlineData("""{"x":{"envelope":1},"envelope":"s"}""", "envelope", "\"s\"")]
    [InlineData("""{"envelope":-1.5e3}""", "envelope", "-1.5e3")]
    public void The_exact_bytes_of_a_member_are_found(string json, string name, string expected)
    {
        var utf8 = Encoding.UTF8.GetBytes(json);
        Assert.True(StrictJson.TryFindMember(utf8, name, out var range));
        Assert.Equal(expected, Encoding.UTF8.GetString(utf8[range]));
    }

    [Theory]
    [InlineData("""{"x":{"envelope":1}}""")]
    [InlineData("[\"envelope\",1]")]
    [InlineData("{}")]
    [InlineData("{\"a\"")]
    [InlineData("")]
    public void A_member_that_is_not_there_is_not_found(string json) =>
        Assert.False(StrictJson.TryFindMember(Encoding.UTF8.GetBytes(json), "envelope", out _));

    [Fact]
    public void A_fault_repeats_nothing_of_the_input()
    {
        Assert.False(StrictJson.TryParse("{\"secret\":\u001b[31m}"u8, out _, out var fault));
        Assert.Equal("not JSON at byte 10", fault);
    }

    [Fact]
    public void Members_stand_in_document_order()
    {
        var value = Takes("""{"b":1,"a":2,"c":{"z":[]}}""");
        Assert.Equal(["b", "a", "c"], value.Members.Select(member => member.Key));
        Assert.True(value.TryGet("c", out var c) && c.TryGet("z", out var z) && z.Items.IsEmpty);
        Assert.False(value.TryGet("d", out _));
        Assert.False(value.Members[0].Value.TryGet("a", out _));
    }

    private static JsonValue Takes(string json)
    {
        Assert.True(StrictJson.TryParse(Encoding.UTF8.GetBytes(json), out var value, out var fault), fault);
        Assert.Null(fault);
        return value;
    }

    private static void Refuses(string json, string why) => Refuses(Encoding.UTF8.GetBytes(json), why);

    private static void Refuses(byte[] json, string why)
    {
        Assert.False(StrictJson.TryParse(json, out var value, out var fault));
        Assert.Null(value);
        Assert.Contains(why, fault, StringComparison.Ordinal);
    }
}
