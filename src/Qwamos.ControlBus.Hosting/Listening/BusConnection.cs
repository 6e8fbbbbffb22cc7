using System.Buffers;
using System.IO.Pipelines;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Qwamos.ControlBus.Json;

namespace Qwamos.ControlBus.Hosting.Listening;

/// <summary>
/// One connection: cuts its bytes into requests, holds at most 64 of them unanswered, and closes it when its time is up (DESIGN section 3).
/// </summary>
internal sealed class BusConnection
{
    private readonly ConnectionContext _transport;
    private readonly IRequestHandler _handler;
    private readonly TimeProvider _time;
    private readonly AnswerQueue _answers;
    private readonly PeerCredentials _peer;
    private readonly FairLane _lane;
    private readonly RequestFramer _framer = new();
    private long _begunSince;
    private long _idleSince;
    private long _lingerSince;
    private volatile bool _isStopping;

    public BusConnection(ConnectionContext transport, PeerCredentials peer, IRequestHandler handler, TimeProvider time)
    {
        _transport = transport;
        _handler = handler;
        _time = time;
        _peer = peer;
        _lane = new FairLane(peer.Uid);
        _answers = new AnswerQueue(transport.Transport.Output, time, transport.Abort);
        _idleSince = Now();
    }

    private PipeReader Input => _transport.Transport.Input;

    /// <summary>Serves the connection until either side ends it; never throws for what a peer does.</summary>
    public async Task RunAsync()
    {
        try
        {
            bool refused = await ReadRequestsAsync();
            await _answers.WaitUntilEmptyAsync();
            if (refused)
                await LingerAsync();
        }
        catch (IOException)
        {
            // The peer is gone, or was cut off for not reading its answers.
        }
        finally
        {
            await _transport.DisposeAsync();
        }
    }

    /// <summary>Takes no further request; those taken are still answered.</summary>
    public void Stop()
    {
        _isStopping = true;
        Input.CancelPendingRead();
    }

    /// <summary>Cuts the connection off at once.</summary>
    public void Abort() => _transport.Abort();

    /// <summary>Called about once a second: ends what has taken too long.</summary>
    public void Sweep(long now)
    {
        if (_answers.BlockedFor(now).TotalSeconds >= Limits.RequestTimeoutSeconds)
            Abort();
        else if (IsOver(ref _begunSince, now, Limits.RequestTimeoutSeconds)
            || IsOver(ref _lingerSince, now, Limits.LingerTimeoutSeconds)
            || (IsOver(ref _idleSince, now, Limits.IdleTimeoutSeconds) && _answers.Unanswered == 0))
            Stop();
    }

    /// <summary>Reads until the peer or this side ends; true when the peer's last bytes were refused.</summary>
    private async Task<bool> ReadRequestsAsync()
    {
        while (!_isStopping)
        {
            ReadResult read = await Input.ReadAsync();
            ReadOnlySequence<byte> rest = read.Buffer;
            while (!_isStopping)
            {
                FrameResult result = _framer.Feed(rest);
            }
        }
        return false;
    }

    /// <summary>
    /// Lets the peer finish sending what was refused, for a bounded time and amount, so that it reads the answer
    /// instead of an error for bytes nobody took.
    /// </summary>
    private async Task LingerAsync()
    {
        _transport.Features.Get<IConnectionSocketFeature>()?.Socket.Shutdown(SocketShutdown.Send);
        Volatile.Write(ref _lingerSince, Now());
        long drained = 0;
        while (!_isStopping && drained < Limits.MaxLingerBytes)
        {
            ReadResult read = await Input.ReadAsync();
            drained += read.Buffer.Length;
            Input.AdvanceTo(read.Buffer.End);
            if (read.IsCompleted)
                return;
        }
    }

    private bool IsOver(ref long since, long now, int seconds)
    {
        long start = Volatile.Read(ref since);
        return start != 0 && _time.GetElapsedTime(start, now).TotalSeconds >= seconds;
    }

    private long Now() => Math.Max(1, _time.GetTimestamp());
}
