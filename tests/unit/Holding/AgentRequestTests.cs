using System.Text;
using Qwamos.Client.Holding;
using Xunit;

namespace Qwamos.ControlBus.Tests.Holding;

public sealed class AgentRequestTests
{
    [Theory]
    [InlineData("""{"op":"status"}""")]
    [InlineData("""{"op":"lock"}""")]
    [InlineData("""{"op":"sign","key_id":"k","data":"aGVsbG8="}""")]
    [InlineData("""{"data":"","key_id":"k","op":"sign"}""")]
    public void Requests_of_the_form_are_read(string line) => Assert.True(AgentRequest.TryRead(Encoding.UTF8.GetBytes(line), out _, out _));

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("""{"op":"unlock"}""")]
    [InlineData("""{"op":1}""")]
    [InlineData("""{"op":"status","x":1}""")]
    [InlineData("""{"op":"status","op":"lock"}""")]
    [InlineData("""{"op":"sign"}""")]
    [InlineData("""{"op":"sign","key_id":"k","data":"aGVsbG8"}""")]
    [InlineData("""{"op":"sign","key_id":"k","data":"aGVsbG9="}""")]
    [InlineData("""{"op":"sign","key_id":"k","data":" aGVsbG8="}""")]
    [InlineData("""{"op":"sign","key_id":"k","data":"aGVsbG8=","x":1}""")]
    [InlineData("""{"op":"sign","key_id":["k"],"data":"aGVsbG8="}""")]
    [InlineData("""{"op":"status"} {"op":"lock"}""")]
    public void Others_are_refused_with_a_sentence(string line)
    {
        Assert.False(AgentRequest.TryRead(Encoding.UTF8.GetBytes(line), out var request, out var fault));
        Assert.Null(request);
        Assert.NotEqual("", fault);
    }

    [Fact]
    public void Data_is_the_bytes()
    {
        Assert.True(AgentRequest.TryRead("""{"op":"sign","key_id":"k","data":"aGVsbG8="}"""u8, out var request, out _));
        Assert.Equal("hello"u8.ToArray(), request.Data);
    }
}
