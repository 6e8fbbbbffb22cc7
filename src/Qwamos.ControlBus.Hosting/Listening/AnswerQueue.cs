using System.Buffers;
using System.IO.Pipelines;

namespace Qwamos.ControlBus.Hosting.Listening;

/// <summary>
/// The answers of one connection, sent in the order of its requests. The transport's output is set up so that a flush ends when the
/// kernel has taken the bytes: at most one flush is under way, and a peer that never reads holds one flush and no more.
/// </summary>
internal sealed class AnswerQueue(PipeWriter output, TimeProvider time, Action abort)
{
    private const int FlushBytes = 32_768;

    private readonly Lock _gate = new();
    private readonly Queue<BusRequest> _order = new(capacity: 1);
    private TaskCompletionSource? _roomWaiter;
    private TaskCompletionSource? _emptyWaiter;
    private TaskCompletionSource? _endWaiter;
    private BusRequest? _newest;
    private int _unanswered;
    private bool _isSending;
    private bool _isBroken;
    private bool _isEnded;
    private long _flushSince;

    /// <summary>Requests taken whose answers the kernel has not taken yet.</summary>
    public int Unanswered => Volatile.Read(ref _unanswered);

    /// <summary>How long the flush under way has been waiting for the peer to read; zero when none is.</summary>
    public TimeSpan BlockedFor(long now)
    {
        long since = Volatile.Read(ref _flushSince);
        return since == 0 ? TimeSpan.Zero : time.GetElapsedTime(since, now);
    }

    public BusRequest Add(PeerCredentials peer, FairLane lane)
    {
        var request = new BusRequest(this, peer, lane);
        BusRequest? before;
        lock (_gate)
        {
            _order.Enqueue(request);
            _unanswered++;
            (before, _newest) = (_newest, request);
        }
        before?.Follow();
        return request;
    }

    /// <summary>Some request of this connection has its answer: sends what is at the head of the order.</summary>
    public void Answered()
    {
        lock (_gate)
        {
            if (_isSending || !IsHeadReady())
                return;
            _isSending = true;
        }
        _ = SendAsync();
    }

    /// <summary>No answer reaches the peer any more.</summary>
    public bool IsBroken => Volatile.Read(ref _isBroken);

    /// <summary>Completes when nothing more comes: the peer has hung up, or has no more to ask.</summary>
    public Task Ended
    {
        get
        {
            lock (_gate)
                return _isEnded ? Task.CompletedTask : (_endWaiter ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
        }
    }

    /// <summary>Nothing more comes.</summary>
    public void End()
    {
        TaskCompletionSource? waiting;
        lock (_gate)
            (_isEnded, waiting) = (true, _endWaiter);
        waiting?.TrySetResult();
    }

    /// <summary>Completes when fewer than <paramref name="limit"/> requests are unanswered.</summary>
    public Task WaitForRoomAsync(int limit)
    {
        lock (_gate)
        {
            if (_unanswered < limit || _isBroken)
                return Task.CompletedTask;
            _roomWaiter = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return _roomWaiter.Task;
        }
    }

    /// <summary>Completes when every answer is sent, or the connection is broken.</summary>
    public Task WaitUntilEmptyAsync()
    {
        lock (_gate)
        {
            if (_isBroken || (_unanswered == 0 && !_isSending))
                return Task.CompletedTask;
            _emptyWaiter = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return _emptyWaiter.Task;
        }
    }

    private bool IsHeadReady() => _order.TryPeek(out BusRequest? head) && head.IsAnswered;

    private async Task SendAsync()
    {
        while (true)
        {
            int written = 0;
            int bytes = 0;
            try
            {
                while (bytes < FlushBytes && TryTakeHead(stopWhenNone: written == 0, out BusRequest? head))
                {
                    // Nobody reads a line of a broken connection: it is not even made.
                    ReadOnlyMemory<byte> line = _isBroken ? default : await head.TakeLineAsync();
                    written++;
                    bytes += line.Length;
                    if (!_isBroken)
                        output.Write(line.Span);
                }
                if (written == 0)
                    return;
                await FlushAsync();
            }
            catch (IOException)
            {
                Break();
            }
            catch
            {
                // A defect in making an answer: this connection cannot keep its order any more.
                Break();
                abort();
                throw;
            }
            Release(written);
            // Whoever began, perhaps the writer, sends once: a peer that is answered as fast as it asks must not keep him.
            if (HasMore())
                await Task.Yield();
        }
    }

    private bool HasMore()
    {
        lock (_gate)
            return IsHeadReady();
    }

    private async ValueTask FlushAsync()
    {
        if (_isBroken)
            return;
        Volatile.Write(ref _flushSince, Math.Max(1, time.GetTimestamp()));
        try
        {
            FlushResult result = await output.FlushAsync();
            if (result.IsCompleted || result.IsCanceled)
                Break();
        }
        finally
        {
            Volatile.Write(ref _flushSince, 0);
        }
    }

    private bool TryTakeHead(bool stopWhenNone, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out BusRequest? head)
    {
        lock (_gate)
        {
            if (IsHeadReady())
            {
                head = _order.Dequeue();
                return true;
            }
            head = null;
            if (!stopWhenNone)
                return false;
            _isSending = false;
            SignalWaiters();
            return false;
        }
    }

    private void Break()
    {
        lock (_gate)
        {
            _isBroken = true;
            SignalWaiters();
        }
    }

    private void Release(int answered)
    {
        lock (_gate)
        {
            _unanswered -= answered;
            SignalWaiters();
        }
    }

    private void SignalWaiters()
    {
        if (_unanswered < Limits.MaxUnansweredPerConnection || _isBroken)
        {
            _roomWaiter?.TrySetResult();
            _roomWaiter = null;
        }
        if (_isBroken || (_unanswered == 0 && !_isSending))
        {
            _emptyWaiter?.TrySetResult();
            _emptyWaiter = null;
        }
    }
}
