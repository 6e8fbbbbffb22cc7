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
    /// <summary>Some hundred microseconds of the cheapest requests there are.</summary>
    private const int StepsPerTurn = 32;
    private const int StepBytes = 4_096;

    /// <summary>Less than this the transport had the next bytes already, and never gave its thread back.</summary>
    private static readonly TimeSpan RealWait = TimeSpan.FromMicroseconds(50);

    private readonly ConnectionContext _transport;
    private readonly IRequestHandler _handler;
    private readonly TimeProvider _time;
    private readonly AnswerQueue _answers;
    private readonly PeerCredentials _peer;
    private readonly FairLane _lane;
    private readonly UidShares _shares;
    private long _unfinishedBytes;
    private RequestFramer _framer;
    private long _begunFirst;
    private long _begunSince;
    private long _idleSince;
    private long _lingerSince;
    private volatile bool _isStopping;

    public BusConnection(ConnectionContext transport, PeerCredentials peer, UidShares shares, IRequestHandler handler, TimeProvider time)
    {
        _transport = transport;
        _handler = handler;
        _time = time;
        _peer = peer;
        _shares = shares;
        _framer = new RequestFramer(handler.MaxFrameBytes);
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
            bool refused = await ReadToEndAsync();
            await _answers.WaitUntilEmptyAsync();
            if (refused)
                await LingerAsync();
        }
        catch (Exception e) when (e is IOException or ConnectionAbortedException)
        {
            // The peer is gone, or was cut off for not reading its answers.
        }
        finally
        {
            _ = TryHold(0);
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

    /// <summary>Ends what has taken too long; whether there is something whose time is short.</summary>
    public bool Sweep(long now)
    {
        if (_answers.BlockedFor(now).TotalSeconds >= Limits.RequestTimeoutSeconds)
            Abort();
        else if (IsPast(ref _begunSince, now, Limits.RequestTimeoutSeconds)
            || IsPast(ref _lingerSince, now, Limits.LingerTimeoutSeconds)
            || (IsPast(ref _idleSince, now, Limits.IdleTimeoutSeconds) && _answers.Unanswered == 0 && Volatile.Read(ref _begunSince) == 0))
            Stop();
        return _answers.BlockedFor(now) > TimeSpan.Zero || Volatile.Read(ref _begunSince) != 0 || Volatile.Read(ref _lingerSince) != 0;
    }

    /// <summary>The same, and who waits for more is told that there is none.</summary>
    private async Task<bool> ReadToEndAsync()
    {
        try
        {
            return await ReadRequestsAsync();
        }
        finally
        {
            _answers.End();
        }
    }

    /// <summary>Reads until the peer or this side ends it; true when the peer's last bytes were refused.</summary>
    private async Task<bool> ReadRequestsAsync()
    {
        int steps = 0;
        while (!IsOver())
        {
            long asked = _time.GetTimestamp();
            ReadResult read = await Input.ReadAsync();
            if (_time.GetElapsedTime(asked) >= RealWait)
                steps = 0;
            Volatile.Write(ref _begunSince, 0);
            FairScheduler.BeginTurn(_lane);
            ReadOnlySequence<byte> rest = read.Buffer;
            FrameStatus status = Frame(ref rest, out ReadOnlySequence<byte> frame);
            while (status == FrameStatus.Complete && !IsOver())
            {
                if (Take(frame))
                {
                    Input.AdvanceTo(rest.End);
                    return true;
                }
                if (_answers.Unanswered >= Limits.MaxUnansweredPerConnection)
                    await _answers.WaitForRoomAsync(Limits.MaxUnansweredPerConnection);
                steps = await PauseAsync(steps + 1 + (int)(frame.Length / StepBytes));
                status = Frame(ref rest, out frame);
            }
            Input.AdvanceTo(rest.Start, rest.End);
            if (status is FrameStatus.Bad or FrameStatus.TooLarge)
                return Refuse(status == FrameStatus.TooLarge ? FramingFault.TooLarge : FramingFault.NotJson, _framer.Fault!);
            if (read.IsCompleted)
                return _framer.HasBegun && Refuse(FramingFault.NotJson, "the stream ended inside a request");
            if (_framer.HasBegun)
                Volatile.Write(ref _begunSince, _begunFirst);
            if (!TryHold(rest.Length))
                return false;
            steps = await PauseAsync(steps + 1);
        }
        return false;
    }

    /// <summary>
    /// After a turn's steps (requests, reads, and their bytes) without a wait for the peer the connection goes on in the pool, behind the others there,
    /// and takes its transport with it, which reads no further than this side has looked. A peer that always has more to read would
    /// keep its thread, which reads other connections too, for ever (ATTACKS 23).
    /// </summary>
    private async ValueTask<int> PauseAsync(int steps)
    {
        if (steps < StepsPerTurn)
            return steps;
        await Task.Yield();
        FairScheduler.BeginTurn(_lane);
        return 0;
    }

    /// <summary>Cuts the next request off the bytes; what is left begins with a request that has not ended, or is empty.</summary>
    private FrameStatus Frame(ref ReadOnlySequence<byte> rest, out ReadOnlySequence<byte> frame)
    {
        bool hadBegun = _framer.HasBegun;
        int seen = _framer.FrameBytes;
        FrameStatus status = _framer.Feed(rest.Slice(seen), out long taken);
        if (_framer.HasBegun && !hadBegun)
            _begunFirst = Now();
        long end = seen + taken;
        long start = end - _framer.FrameBytes;
        frame = rest.Slice(start, end - start);
        rest = rest.Slice(status == FrameStatus.Complete ? end : start);
        if (status == FrameStatus.Complete)
            _framer.Reset();
        return status;
    }

    /// <summary>Hands one request on; true when nothing after it is taken.</summary>
    private bool Take(ReadOnlySequence<byte> frame)
    {
        Volatile.Write(ref _idleSince, Now());
        BusRequest request = _answers.Add(_peer, _lane);
        if (frame.IsSingleSegment)
        {
            _handler.Handle(request, frame.First);
            return request.ClosesConnection;
        }
        int length = (int)frame.Length;
        byte[] joined = ArrayPool<byte>.Shared.Rent(length);
        try
        {
            frame.CopyTo(joined);
            _handler.Handle(request, joined.AsMemory(0, length));
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(joined);
        }
        return request.ClosesConnection;
    }

    private bool Refuse(FramingFault fault, string reason)
    {
        _answers.Add(_peer, _lane).Answer(_handler.Refuse(fault, reason, _peer));
        return true;
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
        while (!IsOver() && drained < Limits.MaxLingerBytes)
        {
            ReadResult read = await Input.ReadAsync();
            drained += read.Buffer.Length;
            Input.AdvanceTo(read.Buffer.End);
            if (read.IsCompleted)
                return;
        }
    }

    /// <summary>Counts what this connection keeps of a request that has not ended; false when its user's connections keep too much.</summary>
    private bool TryHold(long bytes)
    {
        long change = bytes - _unfinishedBytes;
        _unfinishedBytes = bytes;
        return change == 0 || _shares.TryHold(_peer.Uid, change);
    }

    private bool IsOver() => _isStopping || _answers.IsBroken;

    private bool IsPast(ref long since, long now, int seconds)
    {
        long start = Volatile.Read(ref since);
        return start != 0 && _time.GetElapsedTime(start, now).TotalSeconds >= seconds;
    }

    private long Now() => Math.Max(1, _time.GetTimestamp());
}
