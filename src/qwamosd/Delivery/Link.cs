using System.Net.Sockets;
using System.Text;
using Qwamos.ControlBus;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Hosting.Running;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Policy;

namespace Qwamos.Daemon.Delivery;

/// <summary>
/// A connection to a domain or to qwamosd: requests go out, answers come back in their order. Who is at the other end may be hostile: its bytes are bounded in
/// size and time, and parsed strictly; nothing it says can do more than fill its own row of the status. One caller at a time.
/// </summary>
internal sealed class Link : IDisposable
{
    /// <summary>Time for a connection to be made, and for each answer.</summary>
    public const int AnswerTimeoutSeconds = 10;

    /// <summary>More than qwamos-link takes to open its other end.</summary>
    private const int DialTimeoutSeconds = Limits.RequestTimeoutSeconds + 2;

    /// <summary>One link a domain is kept: most answers are short.</summary>
    private const int UsualAnswerBytes = 1_024;

    private readonly Socket _socket;
    private readonly string _path;
    private readonly TimeProvider _time;
    private Stream _stream = Stream.Null;
    private byte[] _buffer = new byte[UsualAnswerBytes];
    private int _buffered;
    private Action<AnswerReader>? _owed;
    private readonly CancellationTokenSource _closed = new();

    /// <summary>The fingerprint of the key that the other end of TLS showed; null for a link of another kind.</summary>
    public string? TlsKey { get; private init; }

    private Link(Socket socket, string path, TimeProvider time)
    {
        _socket = socket;
        _path = path;
        _time = time;
    }

    /// <summary>Opens the link to a domain.</summary>
    /// <param name="domain">Where to.</param>
    /// <param name="enrolled">Says which key the other end of TLS must show.</param>
    /// <param name="time">The clock.</param>
    /// <param name="stop">Ends the courier.</param>
    /// <exception cref="LinkException">Nobody is there, or not who must be.</exception>
    public static async Task<Link> OpenAsync(GatewayEntry domain, EnrolledDomain enrolled, TimeProvider time, CancellationToken stop)
    {
        if (domain.Link.IsTls && enrolled.TlsKey is null)
            throw new LinkException($"{(enrolled.Key is null ? enrolled.WhyNot : "no operator has vouched for the key of its end of TLS")}: {domain.EnrolCommand}");
        Link link = await OpenAsync(domain.DialPath, time, stop, domain.Link.IsTls ? enrolled.TlsKey : null).ConfigureAwait(false);
        try
        {
            if (domain.Link.Kind == LinkKind.Virtio)
                await link.LimitedAsync(AnswerTimeoutSeconds, async limit => link._stream = await FramedStream.BeginAsync(link._stream, limit).ConfigureAwait(false), stop).ConfigureAwait(false);
            else if (link.TlsKey is { } key)
                await link.LimitedAsync(DialTimeoutSeconds, limit => link.DialAsync(key, limit), stop).ConfigureAwait(false);
            return link;
        }
        catch
        {
            link.Dispose();
            throw;
        }
    }

    /// <exception cref="LinkException">Nobody is there.</exception>
    public static async Task<Link> OpenAsync(string socketPath, TimeProvider time, CancellationToken stop, string? tlsKey = null)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        var link = new Link(socket, socketPath, time) { TlsKey = tlsKey };
        try
        {
            await link.LimitedAsync(AnswerTimeoutSeconds, limit => socket.ConnectAsync(new UnixDomainSocketEndPoint(socketPath), limit).AsTask(), stop).ConfigureAwait(false);
            link._stream = new NetworkStream(socket);
            return link;
        }
        catch
        {
            link.Dispose();
            throw;
        }
    }

    /// <summary>One request and its answer.</summary>
    /// <param name="request">Without a newline.</param>
    /// <param name="stop">Ends the courier.</param>
    /// <param name="patienceSeconds">How much longer than usual the answer may take.</param>
    /// <exception cref="LinkException">The link failed, or what came back is no answer.</exception>
    public async Task<AnswerReader> AskAsync(ReadOnlyMemory<byte> request, CancellationToken stop, int patienceSeconds = 0) =>
        (await AskAsync([request], stop, patienceSeconds).ConfigureAwait(false))[0];

    /// <summary>Several requests, sent together, and their answers.</summary>
    /// <inheritdoc cref="AskAsync(ReadOnlyMemory{byte}, CancellationToken, int)"/>
    public async Task<AnswerReader[]> AskAsync(IReadOnlyList<ReadOnlyMemory<byte>> requests, CancellationToken stop, int patienceSeconds = 0)
    {
        var answers = new AnswerReader[requests.Count];
        // Beside each other: the other side need not read what follows while it sends its answers.
        Task sending = LimitedAsync(AnswerTimeoutSeconds * requests.Count, limit => SendAsync(requests, limit), stop);
        try
        {
            // What was asked before is answered before: at once, for something follows it.
            await TakeOwedAsync(0, stop).ConfigureAwait(false);
            for (int i = 0; i < answers.Length; i++)
                await LimitedAsync(AnswerTimeoutSeconds + patienceSeconds, async limit => answers[i] = Parse(await ReceiveAsync(limit).ConfigureAwait(false)), stop).ConfigureAwait(false);
            await sending.ConfigureAwait(false);
            return answers;
        }
        catch
        {
            // Nothing more is sent on it, and its own end is nobody's concern any more.
            _socket.Dispose();
            await sending.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            throw;
        }
    }

    /// <summary>Whether a request of <see cref="BeginAsync"/> is not answered yet.</summary>
    public bool IsOwed => _owed is not null;

    /// <summary>Sends a request whose answer may take long: it comes with <see cref="TakeOwedAsync"/>, or before those of the next requests.</summary>
    /// <exception cref="LinkException">The link failed.</exception>
    public async Task BeginAsync(ReadOnlyMemory<byte> request, Action<AnswerReader> take, CancellationToken stop)
    {
        await LimitedAsync(AnswerTimeoutSeconds, limit => SendAsync([request], limit), stop).ConfigureAwait(false);
        _owed = take;
    }

    /// <summary>Waits for the answer that is owed, if any; ended by <paramref name="stop"/> it stays owed.</summary>
    /// <exception cref="LinkException">The link failed, or what came back is no answer.</exception>
    public async Task TakeOwedAsync(int patienceSeconds, CancellationToken stop)
    {
        if (_owed is not { } take)
            return;
        AnswerReader? answer = null;
        await LimitedAsync(AnswerTimeoutSeconds + patienceSeconds, async limit => answer = Parse(await ReceiveAsync(limit).ConfigureAwait(false)), stop).ConfigureAwait(false);
        _owed = null;
        take(answer!);
    }

    /// <summary>Ends a link over TLS, whatever is under way on it, as soon as the key of its other end is believed no more (ATTACKS 7).</summary>
    public async Task WatchAsync(EnrolledDomains enrolled, string name)
    {
        CancellationToken closed = _closed.Token;
        while (!closed.IsCancellationRequested)
        {
            Task changed = enrolled.Changed;
            if (TlsKey != enrolled.Find(name).TlsKey)
                Dispose();
            else
                await changed.WaitAsync(closed).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>False when the other end has closed it, or sent what nobody asked for: then it is of no more use.</summary>
    public bool IsQuiet => IsOwed || _buffered == 0 && _socket is { Connected: true } && !_socket.Poll(0, SelectMode.SelectRead);

    public void Dispose()
    {
        _closed.Cancel();
        _socket.Dispose();
    }

    /// <summary>Tells qwamos-link whom to believe; it says that it is connected, or why not (docs/formats/links.md).</summary>
    private async Task DialAsync(string key, CancellationToken limit)
    {
        await _stream.WriteAsync(Encoding.ASCII.GetBytes(key + "\n"), limit).ConfigureAwait(false);
        ReadOnlyMemory<byte> line = await ReceiveAsync(limit).ConfigureAwait(false);
        if (!line.Span.SequenceEqual("ok"u8))
            throw new LinkException(line.IsEmpty ? "qwamos-link closed the connection" : SafeText.ForTerminal(CodePoints.Take(Encoding.UTF8.GetString(line.Span), DomainRow.MaxErrorCodePoints)));
    }

    private async Task SendAsync(IReadOnlyList<ReadOnlyMemory<byte>> requests, CancellationToken limit)
    {
        foreach (ReadOnlyMemory<byte> request in requests)
        {
            byte[] line = [.. request.Span, (byte)'\n'];
            await _stream.WriteAsync(line, limit).ConfigureAwait(false);
        }
    }

    /// <summary>Up to a line feed or the end of the stream: a gateway of the old design closes without a line feed.</summary>
    private async Task<ReadOnlyMemory<byte>> ReceiveAsync(CancellationToken limit)
    {
        int looked = 0;
        while (true)
        {
            int newline = _buffer.AsSpan(looked, _buffered - looked).IndexOf((byte)'\n');
            if (newline >= 0)
                return Take(looked + newline, 1);
            looked = _buffered;
            if (_buffered == Limits.MaxAnswerBytes)
                throw new LinkException($"its answer passes {Limits.MaxAnswerBytes} bytes");
            if (_buffered == _buffer.Length)
                Array.Resize(ref _buffer, Math.Min(4 * _buffer.Length, Limits.MaxAnswerBytes));
            int read = await _stream.ReadAsync(_buffer.AsMemory(_buffered), limit).ConfigureAwait(false);
            if (read == 0)
                return Take(_buffered, 0);
            _buffered += read;
        }
    }

    private byte[] Take(int length, int separator)
    {
        byte[] line = _buffer[..length];
        int taken = length + separator;
        _buffer.AsSpan(taken, _buffered - taken).CopyTo(_buffer);
        _buffered -= taken;
        if (_buffered == 0 && _buffer.Length > UsualAnswerBytes)
            _buffer = new byte[UsualAnswerBytes];
        return line;
    }

    private static AnswerReader Parse(ReadOnlyMemory<byte> line)
    {
        if (line.IsEmpty)
            throw new LinkException("it closed the connection without an answer");
        return AnswerReader.TryRead(line.Span, out AnswerReader? answer, out string? fault)
            ? answer
            : throw new LinkException("its answer cannot be read: " + fault);
    }

    private async Task LimitedAsync(int seconds, Func<CancellationToken, Task> act, CancellationToken stop)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(seconds), _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, stop);
        try
        {
            await act(either.Token).ConfigureAwait(false);
        }
        catch (Exception e) when ((e as SocketException ?? e.InnerException as SocketException) is { } fault)
        {
            throw new LinkException(SocketFaults.Describe(_path, fault));
        }
        catch (IOException e)
        {
            throw new LinkException(e.Message);
        }
        catch (ObjectDisposedException)
        {
            throw new LinkException("the link was given up");
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            throw new LinkException($"no answer within {seconds} s");
        }
    }
}
