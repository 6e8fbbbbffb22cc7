using System.Buffers.Text;

namespace Qwamos.Load;

/// <summary>Redis (RESP 2): SET of one key to a value of the size given, which begins with the request's number.</summary>
internal sealed class RedisConversation : Conversation
{
    private readonly byte[] _request;
    private readonly int _valueAt;

    public RedisConversation(int valueBytes)
    {
        string head = $"*3\r\n$3\r\nSET\r\n$22\r\nRADIO_IDLE_TIMEOUT_MIN\r\n${valueBytes}\r\n";
        _valueAt = head.Length;
        _request = System.Text.Encoding.ASCII.GetBytes(head + new string('x', valueBytes) + "\r\n");
    }

    public override int Write(int index, Span<byte> to)
    {
        _request.CopyTo(to);
        Utf8Formatter.TryFormat(index, to[_valueAt..], out _);
        return _request.Length;
    }

    public override int Take(ReadOnlySpan<byte> received, out Outcome outcome)
    {
        int end = received.IndexOf((byte)'\n') + 1;
        outcome = end == 0 ? Outcome.None : received.StartsWith("+OK\r\n"u8) ? Outcome.Accepted : Outcome.Refused;
        return end;
    }
}
