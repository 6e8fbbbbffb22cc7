using System.Buffers.Binary;
using System.Buffers.Text;
using System.Text;

namespace Qwamos.Load;

/// <summary>
/// etcd's own protocol: gRPC over HTTP/2 (RFC 9113) without TLS, one `Put` at a time a connection. The headers are the same each time and use
/// no table (RFC 7541, 6.2.2), so a request is a copy with another stream and value.
/// </summary>
internal sealed class EtcdConversation : Conversation
{
    private const int FrameHeadBytes = 9;
    private const byte Data = 0, Headers = 1, Reset = 3, Settings = 4, Ping = 6, GoAway = 7;
    private const byte EndStream = 1, Ack = 1, EndHeaders = 4;
    private const int MaxControlBytes = 256;

    private readonly byte[] _opening;
    private readonly byte[] _request;
    private readonly int _dataAt;
    private readonly int _valueAt;
    private readonly byte[] _control = new byte[MaxControlBytes];
    private int _controlBytes;
    private int _stream = -1;
    private bool _hasData;

    public EtcdConversation(int valueBytes)
    {
        byte[] headers = [
            0x83, 0x86, .. Literal([0x04], "/etcdserverpb.KV/Put"), .. Literal([0x01], "localhost"),
            .. Literal([0x0F, 0x10], "application/grpc"), 0x00, .. Text("te"), .. Text("trailers")];
        byte[] key = Encoding.ASCII.GetBytes("RADIO_IDLE_TIMEOUT_MIN");
        // PutRequest: key = 1, value = 2.
        byte[] beforeValue = [0x0A, (byte)key.Length, .. key, 0x12, (byte)(valueBytes & 0x7F | 0x80), (byte)(valueBytes >> 7)];
        byte[] message = [0, .. BigEndian(beforeValue.Length + valueBytes), .. beforeValue, .. Encoding.ASCII.GetBytes(new string('x', valueBytes))];
        byte[] headersFrame = Frame(Headers, EndHeaders, headers);
        _request = [.. headersFrame, .. Frame(Data, EndStream, message)];
        _dataAt = headersFrame.Length;
        _valueAt = _request.Length - valueBytes;
        // No header table and no push; then room for everything that the server will ever answer on this connection.
        _opening = [
            .. "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8, .. Frame(Settings, 0, [0, 1, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0]), .. Frame(8, 0, BigEndian(int.MaxValue - 65_535))];
    }

    public override ReadOnlySpan<byte> Opening => _opening;

    public override int Write(int index, Span<byte> to)
    {
        _control.AsSpan(0, _controlBytes).CopyTo(to);
        to = to[_controlBytes..];
        _request.CopyTo(to);
        _stream += 2;
        _hasData = false;
        BinaryPrimitives.WriteInt32BigEndian(to[5..], _stream);
        BinaryPrimitives.WriteInt32BigEndian(to[(_dataAt + 5)..], _stream);
        Utf8Formatter.TryFormat(index, to[_valueAt..], out _);
        int length = _controlBytes + _request.Length;
        _controlBytes = 0;
        return length;
    }

    public override int Take(ReadOnlySpan<byte> received, out Outcome outcome)
    {
        outcome = Outcome.None;
        if (received.Length < FrameHeadBytes)
            return 0;
        int length = FrameHeadBytes + (received[0] << 16 | received[1] << 8 | received[2]);
        if (received.Length < length)
            return 0;
        byte kind = received[3], flags = received[4];
        if (kind == Data)
            _hasData = true;
        else if (kind == Headers && (flags & EndStream) != 0)
            // A call that failed has trailers only.
            outcome = _hasData ? Outcome.Accepted : Outcome.Refused;
        else if (kind is Reset or GoAway)
            outcome = Outcome.Refused;
        else if (kind is Settings or Ping && (flags & Ack) == 0)
            Acknowledge(kind, received[FrameHeadBytes..length]);
        return length;
    }

    // It leaves with the next request.
    private void Acknowledge(byte kind, ReadOnlySpan<byte> payload)
    {
        byte[] frame = Frame(kind, Ack, kind == Ping ? payload : []);
        frame.CopyTo(_control.AsSpan(_controlBytes));
        _controlBytes += frame.Length;
    }

    private static byte[] Literal(ReadOnlySpan<byte> name, string value) => [.. name, .. Text(value)];

    private static byte[] Text(string text) => [(byte)text.Length, .. Encoding.ASCII.GetBytes(text)];

    private static byte[] Frame(byte kind, byte flags, ReadOnlySpan<byte> payload) =>
        [.. BigEndian(payload.Length)[1..], kind, flags, 0, 0, 0, 0, .. payload];

    private static byte[] BigEndian(int value)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(bytes, value);
        return bytes;
    }
}
