using System.Collections.Concurrent;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace Qwamos.ControlBus.Hosting.Listening;

/// <summary>
/// Accepts connections on a bound bus socket and serves them with Kestrel's socket transport, without a web host. One thread sweeps all connections.
/// </summary>
public sealed class BusListener : IAsyncDisposable
{
    private const int Backlog = 4_096;
    /// <summary>The transport reads no further while there are bytes that the connection has not looked at: so it goes where the connection goes.</summary>
    private const int ReadBufferBytes = 1;

    /// <summary>The smallest write buffer there is: a flush then ends when the kernel has taken the bytes, which the answers' order and timing rest on.</summary>
    private const int WriteBufferBytes = 1;

    private static readonly TimeSpan SweepInterval = TimeSpan.FromSeconds(1);

    /// <summary>Where every connection is only idle: shorter than the time that a begun request has.</summary>
    private static readonly TimeSpan IdleSweepInterval = TimeSpan.FromSeconds(5);

    private readonly BusSocket _socket;
    private readonly IRequestHandler _handler;
    private readonly TimeProvider _time;
    private readonly SemaphoreSlim _places;
    private readonly UidShares _shares;
    private readonly ConcurrentDictionary<BusConnection, Task> _connections = new();
    private readonly CancellationTokenSource _stopping = new();
    private readonly SocketTransportFactory _factory;
    private readonly SocketConnectionContextFactory _links;
    private IConnectionListener? _listener;
    private readonly ManualResetEvent _over = new(false);
    private readonly Thread _sweeper;
    private Task _accepting = Task.CompletedTask;

    /// <param name="maxConnections">Connections open at once; more wait in the kernel's backlog. Keep it below the limit of open files.</param>
    public BusListener(BusSocket socket, IRequestHandler handler, TimeProvider time, int maxConnections)
    {
        _socket = socket;
        _handler = handler;
        _time = time;
        _places = new SemaphoreSlim(maxConnections, maxConnections);
        _shares = new UidShares(maxConnections);
        // A timer would wake three threads of the runtime each time, in a daemon that has nothing to do.
        _sweeper = new Thread(SweepUntilOver) { IsBackground = true, Name = "sweeper" };
        var options = new SocketTransportOptions
        {
            Backlog = Backlog,
            MaxReadBufferSize = ReadBufferBytes,
            MaxWriteBufferSize = WriteBufferBytes,
            // A connection is read, and its requests are verified, on the thread that sees its bytes come; the writer sends its answers itself. Every
            // hand-over to another thread costs more than a parse. Nothing on this way waits for the disk or for a peer.
            UnsafePreferInlineScheduling = true,
            CreateBoundListenSocket = _ => socket.Take(),
        };
        _factory = new SocketTransportFactory(Options.Create(options), NullLoggerFactory.Instance);
        _links = new SocketConnectionContextFactory(
            new SocketConnectionFactoryOptions { MaxReadBufferSize = ReadBufferBytes, MaxWriteBufferSize = WriteBufferBytes, UnsafePreferInlineScheduling = true }, NullLogger.Instance);
    }

    /// <summary>What each uid holds.</summary>
    internal UidShares Shares => _shares;

    /// <summary>Connections open now.</summary>
    public int ConnectionCount => _connections.Count;

    /// <summary>Starts listening. The socket has its mode and owner already, so that nobody connects who may not.</summary>
    /// <exception cref="SocketException">The socket cannot listen.</exception>
    public async Task StartAsync()
    {
        _listener = await _factory.BindAsync(new UnixDomainSocketEndPoint(_socket.Path));
        _sweeper.Start();
        // One a processor: what a new connection brings is verified where it was accepted, and the next is accepted meanwhile.
        _accepting = Task.WhenAll(Enumerable.Range(0, Environment.ProcessorCount).Select(_ => AcceptAsync(_listener)));
    }

    /// <summary>A connection for what comes over a link: its bytes go in and out at the socket given. Where there is no place for it, that is closed.</summary>
    /// <exception cref="IOException">The process may open no more files.</exception>
    public Socket Connect()
    {
        (Socket near, Socket far) = SocketPair.Create();
        if (_stopping.IsCancellationRequested || !_places.Wait(0))
            far.Dispose();
        else
            _ = ServeAsync(_links.Create(far), PeerCredentials.OverLink).AsTask();
        return near;
    }

    /// <summary>
    /// Accepts nothing more, takes no further request, and waits until those taken are answered, at most for the time given. What is not
    /// answered by then can still be: <see cref="CutOffAsync"/> ends it, after whoever answers has stopped.
    /// </summary>
    public async Task StopAsync(TimeSpan grace)
    {
        await StopAcceptingAsync();
        foreach (BusConnection connection in _connections.Keys)
            connection.Stop();
        await WaitForEndAsync(grace);
    }

    /// <summary>Lets the last answers leave, at most for the time given, then closes what is still open.</summary>
    public async Task CutOffAsync(TimeSpan grace)
    {
        await WaitForEndAsync(grace);
        foreach (BusConnection connection in _connections.Keys)
            connection.Abort();
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync(TimeSpan.Zero);
        await CutOffAsync(TimeSpan.Zero);
        _over.Set();
        if (_sweeper.IsAlive)
            _sweeper.Join();
        _over.Dispose();
        _links.Dispose();
        _stopping.Dispose();
        _socket.Dispose();
    }

    /// <summary>Closes the listening socket; open connections go on.</summary>
    public async Task StopAcceptingAsync()
    {
        if (_listener is null || _stopping.IsCancellationRequested)
            return;
        await _stopping.CancelAsync();
        await _listener.UnbindAsync();
        await _accepting;
        await _listener.DisposeAsync();
    }

    private async Task WaitForEndAsync(TimeSpan grace)
    {
        try
        {
            await Task.WhenAll(_connections.Values).WaitAsync(grace, _time);
        }
        catch (TimeoutException)
        {
            // Some peer does not read, or the disk is slow.
        }
    }

    private async Task AcceptAsync(IConnectionListener listener)
    {
        try
        {
            for (int accepted = 1; ; accepted++)
            {
                await _places.WaitAsync(_stopping.Token);
                if (await listener.AcceptAsync(_stopping.Token) is not { } transport)
                    return;
                await ServeAsync(transport);
                // As a connection does: more and more of them must not keep the thread either.
                if (accepted % FairScheduler.PiecesPerTurn == 0)
                    await Task.Yield();
            }
        }
        catch (OperationCanceledException)
        {
            // Nothing more is accepted.
        }
    }

    private async ValueTask ServeAsync(ConnectionContext transport)
    {
        PeerCredentials peer;
        try
        {
            peer = PeerCredentials.Of(transport.Features.Get<IConnectionSocketFeature>()!.Socket);
        }
        catch (SocketException)
        {
            // Whoever it was is gone already, and nothing is done for a peer the kernel does not name.
            await DropAsync(transport);
            return;
        }
        await ServeAsync(transport, peer);
    }

    private async ValueTask ServeAsync(ConnectionContext transport, PeerCredentials peer)
    {
        if (!_shares.TryEnter(peer.Uid))
        {
            await DropAsync(transport);
            return;
        }
        var connection = new BusConnection(transport, peer, _shares, _handler, _time);
        // The entry stands before the connection runs, so that its end cannot come before it.
        var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _connections[connection] = started.Task;
        _ = RunAsync(connection, peer.Uid, started);
    }

    private async Task RunAsync(BusConnection connection, uint uid, TaskCompletionSource ended)
    {
        try
        {
            await connection.RunAsync();
        }
        finally
        {
            _connections.TryRemove(connection, out _);
            _shares.Leave(uid);
            ended.SetResult();
            _places.Release();
        }
    }

    private async ValueTask DropAsync(ConnectionContext transport)
    {
        await transport.DisposeAsync();
        _places.Release();
    }

    private void SweepUntilOver()
    {
        for (bool isSoon = false; !_over.WaitOne(isSoon ? SweepInterval : IdleSweepInterval);)
            isSoon = Sweep();
    }

    /// <summary>Ends each connection whose time is up; whether some have little left.</summary>
    internal bool Sweep()
    {
        long now = _time.GetTimestamp();
        bool isSoon = false;
        foreach (KeyValuePair<BusConnection, Task> connection in _connections)
            isSoon |= connection.Key.Sweep(now);
        return isSoon;
    }
}
