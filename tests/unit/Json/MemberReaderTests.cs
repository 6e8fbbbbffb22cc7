using System.Text;
using Qwamos.ControlBus.Json;
using Xunit;

namespace Qwamos.ControlBus.Tests.Json;

public sealed class MemberReaderTests
{
    [Theory]
    [InlineData("""{"name":"a","class":"b"}""", "")]
    [InlineData("""{"nmae":"a","class":"b"}""", "it has an unknown member \"nmae\" (known: class, name, port)")]
    [InlineData("""{"name":"a","clas":"b"}""", "it has an unknown member \"clas\" (known: class, name, port)")]
    [InlineData("""{"name":"a","class":"b","colour":"red"}""", "it has an unknown member \"colour\" (known: class, name, port)")]
    [InlineData("""{"name":"a"}""", "it: class must be a string")]
    [InlineData("""{"name":1,"class":"b","colour":"red"}""", "it: name must be a string")]
    [InlineData("""{"name":"a","class":"b","port":0,"colour":"red"}""", "it: port must be an integer from 1 to 9")]
    [InlineData("""{"name":"a","class":"b","a\u001bb":"red"}""", "it has an unknown member \"a\\u{1B}b\" (known: class, name, port)")]
    [InlineData("[]", "it is not an object")]
    public void An_unknown_member_is_named_with_the_known_ones_before_one_that_is_missing(string text, string expected)
    {
        Assert.True(StrictJson.TryParse(Encoding.UTF8.GetBytes(text), out var document, out var why), why);
        var reader = new MemberReader(document, "it");
        (string name, string @class, long port) = (reader.Text("name", 8), reader.Text("class", 8), reader.Integer("port", 1, 9, absent: 1));
        Assert.Equal(expected.Length == 0, reader.Finish(out string fault));
        Assert.Equal(expected, fault);
        Assert.True(expected.Length > 0 || (name, @class, port) == ("a", "b", 1));
    }
}
