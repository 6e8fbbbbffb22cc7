using System.Buffers;
using System.Text;
using CsCheck;
using Qwamos.ControlBus.Json;
using Xunit;

namespace Qwamos.ControlBus.Tests.Json;

public sealed class RequestFramerTests
{
    private sealed record Outcome(FrameStatus Status, int FrameBytes, long LeadingBytes, int Taken, string? Fault);

    // Everything that steers a framer, often; and bytes that do not.
    private static readonly Gen<byte[]> Bytes = Gen.OneOf<byte>(
        Gen.OneOf("{}[]\"\\ \n:,a"u8.ToArray()), Gen.OneOf("{}\""u8.ToArray()), Gen.Byte).Array[0, 60];

    [Theory]
    [InlineData("{}", 2, 0)]
    [InlineData(" \t\r\n{}", 2, 4)]
    [InlineData("""{"a":"}"}{}""", 9, 0)]
    [InlineData("""{"a":"\"}"}x""", 11, 0)]
    [InlineData("""{"a":"\\"}"}""", 10, 0)]
    [InlineData("""{"a":[{},[]],"b":{}}]""", 20, 0)]
    [InlineData("{\"a\":\"é}\"}\n", 11, 0)]
    public void A_request_ends_where_its_object_ends(string input, int frameBytes, int leadingBytes)
    {
        var outcome = FeedAll(Encoding.UTF8.GetBytes(input));
        Assert.Equal(new Outcome(FrameStatus.Complete, frameBytes, leadingBytes, frameBytes + leadingBytes, null), outcome);
    }

    [Theory]
    [InlineData("", 0)]
    [InlineData(" \n\t\r", 0)]
    [InlineData("{", 1)]
    [InlineData("""{"a":"}""", 7)]
    [InlineData("{\"a\":\"\\\"", 8)]
    [InlineData("""{"a":{}""", 7)]
    public void A_request_that_has_not_ended_needs_more(string input, int frameBytes)
    {
        var outcome = FeedAll(Encoding.UTF8.GetBytes(input));
        Assert.Equal(FrameStatus.NeedMore, outcome.Status);
        Assert.Equal(frameBytes, outcome.FrameBytes);
        Assert.Equal(input.Length, outcome.Taken);
    }

    [Theory]
    [InlineData("[]")]
    [InlineData("x")]
    [InlineData("\"{}\"")]
    [InlineData("}")]
    [InlineData("\0{}")]
    [InlineData("\v{}")]
    [InlineData("\uFEFF{}")]
    [InlineData("  1")]
    [InlineData("{]")]
    [InlineData("{[}")]
    [InlineData("{\"a\":[{]")]
    public void What_cannot_become_a_request_is_bad_at_once(string input) =>
        Assert.Equal(FrameStatus.Bad, FeedAll(Encoding.UTF8.GetBytes(input)).Status);

    [Theory]
    [InlineData('{')]
    [InlineData('[')]
    public void Attack20_nesting_of_17_is_bad_at_its_bracket_and_16_is_not(char bracket)
    {
        var open = Encoding.ASCII.GetBytes("{" + new string(bracket, 16));
        Assert.Equal(FrameStatus.NeedMore, FeedAll(open[..16]).Status);
        var outcome = FeedAll(open);
        Assert.Equal(FrameStatus.Bad, outcome.Status);
        Assert.Equal("nested deeper than 16", outcome.Fault);
    }

    [Fact]
    public void Attack20_61440_bytes_are_a_request_and_the_61441st_is_too_large()
    {
        var longest = Encoding.ASCII.GetBytes(" \n{\"a\":\"" + new string('x', Limits.MaxRequestBytes - 8) + "\"}");
        Assert.Equal(new Outcome(FrameStatus.Complete, Limits.MaxRequestBytes, 2, Limits.MaxRequestBytes + 2, null), FeedAll(longest));
        var longer = Encoding.ASCII.GetBytes("{\"a\":\"" + new string('x', Limits.MaxRequestBytes - 7) + "\"}");
        Assert.Equal(FrameStatus.TooLarge, FeedAll(longer).Status);
        Assert.Equal(FrameStatus.NeedMore, FeedAll(longer[..Limits.MaxRequestBytes]).Status);
        Assert.Equal(FeedAll(longer), FeedInParts(longer, 1));
        Assert.Equal(FeedAll(longest), FeedInParts(longest, 1));
    }

    [Fact]
    public void White_space_between_requests_is_taken_without_end()
    {
        var framer = new RequestFramer();
        var blank = new byte[100_000];
        Array.Fill(blank, (byte)' ');
        for (var i = 0; i < 10; i++) Assert.Equal(FrameStatus.NeedMore, framer.Feed(blank, out _));
        Assert.False(framer.HasBegun);
        Assert.Equal(1_000_000, framer.LeadingBytes);
    }

    [Fact]
    public void Pipelined_requests_are_found_one_after_another()
    {
        var input = "{\"n\":1}{\"n\":2}\n {\"n\":3}"u8.ToArray();
        var framer = new RequestFramer();
        var found = new List<string>();
        for (var at = 0; at < input.Length;)
        {
            Assert.Equal(FrameStatus.Complete, framer.Feed(input.AsSpan(at), out var taken));
            at += taken;
            found.Add(Encoding.UTF8.GetString(input.AsSpan(at - framer.FrameBytes, framer.FrameBytes)));
            framer.Reset();
        }
        Assert.Equal(["{\"n\":1}", "{\"n\":2}", "{\"n\":3}"], found);
    }

    [Fact]
    public void Byte_at_a_time_equals_all_at_once() =>
        Gen.Select(Bytes, Gen.Int[1, 7]).Sample((bytes, size) =>
        {
            byte[] input = [(byte)'{', .. bytes];
            var whole = FeedAll(input);
            return whole == FeedInParts(input, 1) && whole == FeedInParts(input, size) && whole == FeedSequence(input, size);
        }, iter: 50_000);

    [Fact]
    public void Everything_the_parser_takes_as_an_object_is_one_whole_frame() =>
        JsonGen.Object.Sample(value =>
        {
            var json = JsonText.Bytes(value, isIndented: true);
            return FeedAll([.. json, .. "{}"u8]) == new Outcome(FrameStatus.Complete, json.Length, 0, json.Length, null);
        }, iter: 5_000);

    private static Outcome FeedAll(byte[] input) => FeedInParts(input, Math.Max(1, input.Length));

    private static Outcome FeedInParts(byte[] input, int size)
    {
        var framer = new RequestFramer();
        var status = FrameStatus.NeedMore;
        var at = 0;
        while (status == FrameStatus.NeedMore && at < input.Length)
        {
            status = framer.Feed(input.AsSpan(at, Math.Min(size, input.Length - at)), out var taken);
            at += taken;
        }
        return new Outcome(status, framer.FrameBytes, framer.LeadingBytes, at, framer.Fault);
    }

    private static Outcome FeedSequence(byte[] input, int size)
    {
        var framer = new RequestFramer();
        var status = framer.Feed(Segment.Split(input, size), out var taken);
        return new Outcome(status, framer.FrameBytes, framer.LeadingBytes, (int)taken, framer.Fault);
    }

    private sealed class Segment : ReadOnlySequenceSegment<byte>
    {
        internal static ReadOnlySequence<byte> Split(byte[] input, int size)
        {
            var first = new Segment { Memory = input.AsMemory(0, Math.Min(size, input.Length)) };
            var last = first;
            for (var at = size; at < input.Length; at += size)
            {
                var next = new Segment { Memory = input.AsMemory(at, Math.Min(size, input.Length - at)), RunningIndex = at };
                last.Next = next;
                last = next;
            }
            return new ReadOnlySequence<byte>(first, 0, last, last.Memory.Length);
        }
    }
}
