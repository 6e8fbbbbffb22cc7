using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Qwamos.ControlBus.Hosting.Linking;

/// <summary>
/// One frame of a link that is a byte stream without connection boundaries (docs/formats/links.md): the marker 0xFF, a letter, the session in 16 hex digits, the payload's
/// length in 4, the payload. No UTF-8 text holds 0xFF, so that the marker begins a frame wherever it stands, in the midst of one that was cut off, too.
/// </summary>
/// <param name="Session">16 lower-case hex digits.</param>
/// <param name="Payload">At most <see cref="MaxPayloadBytes"/>, none of them the marker.</param>
public readonly record struct LinkFrame(LinkFrameKind Kind, string Session, ReadOnlyMemory<byte> Payload)
{
    public const byte Marker = 0xFF;
    public const int SessionChars = 16;
    public const int MaxPayloadBytes = 4_096;

    /// <summary>The marker, the letter, the session and the length.</summary>
    public const int HeaderBytes = 2 + SessionChars + LengthChars;

    /// <summary>What <see cref="LinkFrameKind.Hello"/> carries: another version is not answered.</summary>
    public static readonly byte[] Version = "qwamos-link/1"u8.ToArray();

    /// <summary>In <see cref="LinkFrameKind.End"/>: every session is over, for the VM's daemon has just begun.</summary>
    public const string EverySession = "0000000000000000";

    private const int LengthChars = 4;

    public static string FreshSession() => Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(SessionChars / 2));

    /// <summary>The frame's bytes.</summary>
    /// <exception cref="IOException">The payload holds the marker: it is no text of this protocol.</exception>
    public byte[] Write()
    {
        if (Payload.Length > MaxPayloadBytes)
            throw new ArgumentOutOfRangeException(nameof(Payload), "a payload of a frame is too long");
        if (Payload.Span.Contains(Marker))
            throw new IOException("what is sent over the link is no UTF-8 text");
        byte[] frame = new byte[HeaderBytes + Payload.Length];
        frame[0] = Marker;
        frame[1] = (byte)Kind;
        Encoding.ASCII.GetBytes(Session + Payload.Length.ToString("x4", CultureInfo.InvariantCulture), frame.AsSpan(2));
        Payload.Span.CopyTo(frame.AsSpan(HeaderBytes));
        return frame;
    }

    /// <summary>Reads a header; false for one that no frame has.</summary>
    internal static bool TryReadHeader(ReadOnlySpan<byte> header, out LinkFrameKind kind, out string session, out int length)
    {
        kind = (LinkFrameKind)header[1];
        session = Encoding.ASCII.GetString(header.Slice(2, SessionChars));
        string digits = Encoding.ASCII.GetString(header.Slice(2 + SessionChars, LengthChars));
        length = 0;
        return kind is LinkFrameKind.Hello or LinkFrameKind.Welcome or LinkFrameKind.Data or LinkFrameKind.End
            && (session + digits).All(char.IsAsciiHexDigitLower)
            && int.TryParse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out length) && length <= MaxPayloadBytes;
    }
}
