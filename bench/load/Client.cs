using System.Diagnostics;

namespace Qwamos.Load;

/// <summary>One connection of the load, and what it waits for.</summary>
internal sealed class Client(Conversation conversation, byte[] path, int window)
{
    private const int ReceiveBytes = 65_536;

    private readonly byte[] _received = new byte[ReceiveBytes];
    private readonly byte[] _sending = new byte[(window + 1) * Conversation.MaxRequestBytes];
    private readonly long[] _since = new long[window];
    private int _fd = -1;
    private int _receivedBytes;
    private int _sendingBytes;
    private int _oldest;

    public int Unanswered { get; private set; }

    public bool IsFull => Unanswered == window;

    /// <summary>Connects; <paramref name="epoll"/> tells of it by <paramref name="number"/> unless it is negative.</summary>
    public void Connect(int epoll, int number)
    {
        _fd = Libc.Connect(path);
        if (epoll >= 0)
            Libc.Watch(epoll, _fd, number);
        conversation.Opening.CopyTo(_sending);
        _sendingBytes = conversation.Opening.Length;
    }

    public void Close()
    {
        Libc.Close(_fd);
        _receivedBytes = 0;
    }

    /// <summary>Puts request number <paramref name="index"/> with those to be sent; its latency counts from <paramref name="since"/>.</summary>
    public void Add(int index, long since)
    {
        _sendingBytes += conversation.Write(index, _sending.AsSpan(_sendingBytes));
        _since[(_oldest + Unanswered++) % window] = since;
    }

    /// <summary>Sends what was added, in one write.</summary>
    public void Flush()
    {
        if (_sendingBytes > 0)
            Libc.Send(_fd, _sending.AsSpan(0, _sendingBytes));
        _sendingBytes = 0;
    }

    /// <summary>Receives once, and tells <paramref name="record"/> of each answer; false at the end of the stream.</summary>
    public bool Receive(bool wait, LoadRecord record)
    {
        int read = Libc.Receive(_fd, _received.AsSpan(_receivedBytes), wait);
        if (read < 0)
            return true;
        long now = Stopwatch.GetTimestamp();
        _receivedBytes += read;
        int taken = 0;
        while (taken < _receivedBytes)
        {
            Span<byte> rest = _received.AsSpan(taken, _receivedBytes - taken);
            int length = conversation.Take(rest, out Outcome outcome);
            if (length == 0 && read == 0)
                // The old design ends its answer by closing.
                (length, outcome) = (rest.Length, BusConversation.Judge(rest));
            if (length == 0)
                break;
            if (outcome != Outcome.None)
                Answered(outcome, rest[..length], now, record);
            taken += length;
        }
        _received.AsSpan(taken, _receivedBytes - taken).CopyTo(_received);
        _receivedBytes -= taken;
        return read > 0;
    }

    private void Answered(Outcome outcome, ReadOnlySpan<byte> answer, long now, LoadRecord record)
    {
        if (Unanswered == 0)
            throw new InvalidDataException("an answer that nobody asked for: " + System.Text.Encoding.UTF8.GetString(answer));
        record.Add(outcome, answer, now - _since[_oldest]);
        _oldest = (_oldest + 1) % window;
        Unanswered--;
    }
}
