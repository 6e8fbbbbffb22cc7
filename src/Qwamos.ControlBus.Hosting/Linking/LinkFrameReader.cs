namespace Qwamos.ControlBus.Hosting.Linking;

/// <summary>
/// Cuts a stream into frames and passes over everything else: a frame that was cut off, what stood before the first, garbage. It holds one frame's bytes at most.
/// </summary>
public sealed class LinkFrameReader
{
    private readonly byte[] _frame = new byte[LinkFrame.HeaderBytes + LinkFrame.MaxPayloadBytes];
    private int _length;
    private int _expected;
    private LinkFrameKind _kind;
    private string _session = "";

    /// <summary>Bytes that belonged to no whole frame.</summary>
    public long SkippedBytes { get; private set; }

    /// <summary>Takes bytes until a frame is whole or there are no more; gives how many were taken.</summary>
    /// <param name="frame">The frame, with a payload of its own; null when more bytes are needed.</param>
    public int Feed(ReadOnlySpan<byte> bytes, out LinkFrame? frame)
    {
        frame = null;
        for (int taken = 0; taken < bytes.Length;)
        {
            if (TakeByte(bytes[taken++]))
            {
                frame = new LinkFrame(_kind, _session, _frame.AsSpan(LinkFrame.HeaderBytes, _length - LinkFrame.HeaderBytes).ToArray());
                _length = 0;
                return taken;
            }
        }

        return bytes.Length;
    }

    /// <summary>True when a frame is whole.</summary>
    private bool TakeByte(byte value)
    {
        if (value == LinkFrame.Marker)
        {
            // Whatever was before is over, however much of it came.
            SkippedBytes += _length;
            _length = 0;
        }
        else if (_length == 0)
        {
            SkippedBytes++;
            return false;
        }

        _frame[_length++] = value;
        if (_length == LinkFrame.HeaderBytes)
        {
            if (LinkFrame.TryReadHeader(_frame.AsSpan(0, _length), out _kind, out _session, out int payload))
            {
                _expected = LinkFrame.HeaderBytes + payload;
            }
            else
            {
                SkippedBytes += _length;
                _length = 0;
                return false;
            }
        }

        return _length >= LinkFrame.HeaderBytes && _length == _expected;
    }
}
