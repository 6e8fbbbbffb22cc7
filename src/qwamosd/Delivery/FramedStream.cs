using Qwamos.ControlBus.Hosting.Linking;

namespace Qwamos.Daemon.Delivery;

/// <summary>
/// A session over a link that is a byte stream without connection boundaries, from Dom0's side (docs/formats/links.md): a fresh number for each, so that what is left of
/// an earlier one, half a message perhaps, is passed over. What is passed over is bounded.
/// </summary>
internal sealed class FramedStream : Stream
{
    /// <summary>More than the VM can have written for earlier sessions and its kernel and emulator kept.</summary>
    public const long MaxSkippedBytes = 1 << 20;

    private readonly Stream _inner;
    private readonly string _session = LinkFrame.FreshSession();
    private readonly LinkFrameReader _frames = new();
    private readonly byte[] _buffer = new byte[LinkFrame.HeaderBytes + LinkFrame.MaxPayloadBytes];
    private ReadOnlyMemory<byte> _unread;
    private ReadOnlyMemory<byte> _payload;
    private long _others;
    private bool _hasBegun;
    private bool _isOver;

    private FramedStream(Stream inner) => _inner = inner;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    /// <summary>Begins a session, and returns when the other side has begun it. The stream owns the link from then on.</summary>
    /// <exception cref="IOException">The link failed, or what comes is no answer to this.</exception>
    public static async Task<FramedStream> BeginAsync(Stream link, CancellationToken limit)
    {
        var stream = new FramedStream(link);
        await link.WriteAsync(new LinkFrame(LinkFrameKind.Hello, stream._session, LinkFrame.Version).Write(), limit).ConfigureAwait(false);
        while (await stream.NextAsync(limit).ConfigureAwait(false) is { } frame)
        {
            if (frame.Kind == LinkFrameKind.Welcome)
            {
                stream._hasBegun = true;
                return stream;
            }

            if (frame.Kind == LinkFrameKind.End)
                break;
        }

        throw new IOException("the link was closed before its session began");
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        while (_payload.IsEmpty && !_isOver)
        {
            LinkFrame? frame = await NextAsync(cancellationToken).ConfigureAwait(false);
            _isOver = frame is null or { Kind: LinkFrameKind.End };
            if (frame is { Kind: LinkFrameKind.Data } data)
                _payload = data.Payload;
        }

        int length = Math.Min(_payload.Length, buffer.Length);
        _payload[..length].CopyTo(buffer);
        _payload = _payload[length..];
        return length;
    }

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        for (; !buffer.IsEmpty; buffer = buffer[Math.Min(buffer.Length, LinkFrame.MaxPayloadBytes)..])
        {
            ReadOnlyMemory<byte> part = buffer[..Math.Min(buffer.Length, LinkFrame.MaxPayloadBytes)];
            await _inner.WriteAsync(new LinkFrame(LinkFrameKind.Data, _session, part).Write(), cancellationToken).ConfigureAwait(false);
        }
    }

    public override void Flush()
    {
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _inner.Dispose();
        base.Dispose(disposing);
    }

    /// <summary>The next frame of this session; null when the link was closed.</summary>
    private async ValueTask<LinkFrame?> NextAsync(CancellationToken limit)
    {
        while (true)
        {
            while (!_unread.IsEmpty)
            {
                _unread = _unread[_frames.Feed(_unread.Span, out LinkFrame? frame)..];
                if (frame is not { } whole)
                    continue;
                if (whole is { Kind: LinkFrameKind.Data, Payload.IsEmpty: true })
                    throw new IOException("a frame of data came over the link that has none");
                bool isOwn = whole.Session == _session || (_hasBegun && whole is { Kind: LinkFrameKind.End, Session: LinkFrame.EverySession });
                // What gives the reader nothing is bounded, of this session, too: else it keeps a processor busy.
                if (!isOwn || !_hasBegun || whole.Kind != LinkFrameKind.Data)
                    _others += LinkFrame.HeaderBytes + whole.Payload.Length;
                if (isOwn)
                    return Bounded(whole);
            }

            _ = Bounded(null);
            int read = await _inner.ReadAsync(_buffer, limit).ConfigureAwait(false);
            if (read == 0)
                return null;
            _unread = _buffer.AsMemory(0, read);
        }
    }

    private LinkFrame? Bounded(LinkFrame? frame) => _frames.SkippedBytes + _others <= MaxSkippedBytes
        ? frame
        : throw new IOException($"more than {MaxSkippedBytes} bytes came over the link that are of no session of Dom0's, or say nothing in it");
}
