using System.Text;
using CsCheck;
using Qwamos.ControlBus.Hosting.Linking;
using Xunit;

namespace Qwamos.ControlBus.Tests.Linking;

/// <summary>Frames on a byte stream that is cut anywhere and holds anything between them.</summary>
public sealed class LinkFrameTests
{
    private static readonly LinkFrameKind[] Kinds = [LinkFrameKind.Hello, LinkFrameKind.Welcome, LinkFrameKind.Data, LinkFrameKind.End];

    private const string Session = "0123456789abcdef";

    [Fact]
    public void A_frame_has_the_bytes_of_the_specification()
    {
        byte[] frame = new LinkFrame(LinkFrameKind.Data, Session, "{}\n"u8.ToArray()).Write();
        Assert.Equal([0xFF, .. "D0123456789abcdef0003{}\n"u8], frame);
    }

    [Fact]
    public void Attack20_a_payload_with_the_marker_or_beyond_the_limit_is_never_written()
    {
        Assert.Throws<IOException>(() => new LinkFrame(LinkFrameKind.Data, Session, new byte[] { 1, 0xFF }).Write());
        Assert.Throws<ArgumentOutOfRangeException>(() => new LinkFrame(LinkFrameKind.Data, Session, new byte[LinkFrame.MaxPayloadBytes + 1]).Write());
        Assert.Equal(LinkFrame.HeaderBytes + LinkFrame.MaxPayloadBytes, new LinkFrame(LinkFrameKind.Data, Session, new byte[LinkFrame.MaxPayloadBytes]).Write().Length);
    }

    [Theory]
    [InlineData("X0123456789abcdef0000")]
    [InlineData("d0123456789abcdef0000")]
    [InlineData("D0123456789ABCDEF0000")]
    [InlineData("D0123456789abcdeg0000")]
    [InlineData("D0123456789abcdef1001")]
    [InlineData("D0123456789abcdefffff")]
    [InlineData("D0123456789abcdef 001")]
    [InlineData("D0123456789abcdef-001")]
    public void Attack20_a_header_that_no_frame_has_is_passed_over(string header)
    {
        byte[] good = new LinkFrame(LinkFrameKind.Hello, Session, LinkFrame.Version).Write();
        var reader = new LinkFrameReader();
        Assert.Equal([(LinkFrameKind.Hello, Session, "qwamos-link/1")], Read(reader, [0xFF, .. Encoding.ASCII.GetBytes(header), .. "rest"u8, .. good]));
        Assert.Equal(1 + header.Length + 4, reader.SkippedBytes);
    }

    [Fact]
    public void Whatever_is_cut_off_or_stands_between_them_whole_frames_are_read()
    {
        Gen<(byte[] Bytes, (LinkFrameKind, string, string)? Frame)> whole = Gen.Select(
            Gen.Int[0, 3].Select(kind => Kinds[kind]), Gen.Char["0123456789abcdef"].Array[16], Gen.Char[' ', '~'].Array[0, 40],
            (kind, session, text) => (new LinkFrame(kind, new string(session), Encoding.ASCII.GetBytes(text)).Write(), ((LinkFrameKind, string, string)?)(kind, new string(session), new string(text))));
        // One that lacks its last byte at least, and what is no frame.
        Gen<(byte[] Bytes, (LinkFrameKind, string, string)? Frame)> cut = Gen.Select(whole, Gen.Double[0, 0.99], (frame, part) => (frame.Bytes[..(int)(frame.Bytes.Length * part)], ((LinkFrameKind, string, string)?)null));
        Gen<(byte[] Bytes, (LinkFrameKind, string, string)? Frame)> garbage = Gen.Byte[0, 254].Array[1, 60].Select(bytes => ((byte[])[0xFF, (byte)'?', .. bytes], ((LinkFrameKind, string, string)?)null));
        Gen.Select(Gen.OneOf(whole, cut, garbage).Array[0, 30], Gen.Int[1, 50]).Sample((parts, piece) =>
        {
            // What was cut off is completed by nothing that follows: the next part begins with the marker.
            byte[] stream = [.. parts.SelectMany(part => part.Bytes), 0xFF];
            var reader = new LinkFrameReader();
            List<(LinkFrameKind, string, string)> read = [.. stream.Chunk(piece).SelectMany(bytes => Read(reader, bytes))];
            Assert.Equal(parts.Where(part => part.Frame is not null).Select(part => part.Frame!.Value), read);
            Assert.Equal(stream.Length - 1, reader.SkippedBytes + read.Sum(frame => LinkFrame.HeaderBytes + frame.Item3.Length));
        });
    }

    private static List<(LinkFrameKind, string, string)> Read(LinkFrameReader reader, byte[] bytes)
    {
        List<(LinkFrameKind, string, string)> frames = [];
        for (ReadOnlySpan<byte> rest = bytes; !rest.IsEmpty;)
        {
            rest = rest[reader.Feed(rest, out LinkFrame? frame)..];
            if (frame is { } whole)
                frames.Add((whole.Kind, whole.Session, Encoding.ASCII.GetString(whole.Payload.Span)));
        }

        return frames;
    }
}
