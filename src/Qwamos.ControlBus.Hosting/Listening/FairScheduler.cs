using System.Runtime.InteropServices;

namespace Qwamos.ControlBus.Hosting.Listening;

/// <summary>
/// Shares verification time round robin by uid, and within a uid round robin by connection, so that a peer that floods the bus slows
/// only itself. When a processor is free and nobody waits, work runs at once on the thread that brings it.
/// </summary>
/// <param name="workers">Pieces of work that run at once; more than the processors would only take turns.</param>
/// <param name="maxWaitingPerUid">Requests one uid may have waiting for their outcome before it is told <c>busy</c>.</param>
public sealed class FairScheduler(int workers, int maxWaitingPerUid) : IThreadPoolWorkItem
{
    /// <summary>
    /// After so many pieces a worker goes to the end of the thread pool's queue, and a thread that reads sockets leaves what else it read to the
    /// workers, so that other sockets are read too.
    /// </summary>
    internal const int PiecesPerTurn = 8;

    private readonly Lock _gate = new();
    private readonly Dictionary<uint, int> _unfinished = [];
    private readonly Dictionary<uint, Queue<FairLane>> _lanes = [];
    private readonly Queue<uint> _ring = new();
    private int _running;

    /// <summary>The bringer has read its socket again: some of what it brings may run at once.</summary>
    public static void BeginTurn(FairLane lane)
    {
        ArgumentNullException.ThrowIfNull(lane);
        lane.PiecesHere = PiecesPerTurn;
    }

    /// <summary>
    /// Runs the work now or later, after the work given before for the same lane. False, and nothing happens, when the uid has too many waiting.
    /// Each accepted piece counts as waiting until <see cref="Finished"/>.
    /// </summary>
    public bool TrySchedule(FairLane lane, IFairWork work)
    {
        ArgumentNullException.ThrowIfNull(lane);
        ArgumentNullException.ThrowIfNull(work);
        lock (_gate)
        {
            ref int unfinished = ref CollectionsMarshal.GetValueRefOrAddDefault(_unfinished, lane.Uid, out _);
            if (unfinished >= maxWaitingPerUid)
                return false;
            unfinished++;
            if (lane.PiecesHere == 0 || lane.IsRunning || _running >= workers || _ring.Count > 0 || lane.Waiting is { Count: > 0 })
            {
                Enqueue(lane, work);
                return true;
            }
            lane.IsRunning = true;
            lane.PiecesHere--;
            _running++;
        }
        work.Run();
        if (TryPassOn(lane))
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        return true;
    }

    /// <summary>Requests without their outcome yet, of all uids: to be verified or recorded.</summary>
    public int Unfinished
    {
        get
        {
            lock (_gate)
                return _unfinished.Values.Sum();
        }
    }

    /// <summary>
    /// Has a line made when the turn of this connection's uid comes, never on the caller's thread, which may be the writer's. It is not refused and
    /// does not count as waiting: a connection has one made at a time.
    /// </summary>
    public Task<ReadOnlyMemory<byte>> MakeAsync(FairLane lane, Func<ReadOnlyMemory<byte>> make)
    {
        ArgumentNullException.ThrowIfNull(lane);
        var work = new FairLine(make);
        // A lane of its own: what the connection sent afterwards may be verified meanwhile.
        lock (_gate)
            Enqueue(new FairLane(lane.Uid), work);
        return work.Made;
    }

    /// <summary>Has something else done when the turn of this connection's uid comes, in the same way; it is to be short.</summary>
    public Task TurnAsync(FairLane lane, Action work)
    {
        ArgumentNullException.ThrowIfNull(work);
        return MakeAsync(lane, () =>
        {
            work();
            return default;
        });
    }

    /// <summary>A request of this uid has its outcome: it waits no more.</summary>
    public void Finished(FairLane lane)
    {
        ArgumentNullException.ThrowIfNull(lane);
        lock (_gate)
        {
            int left = _unfinished[lane.Uid] - 1;
            if (left == 0)
                _unfinished.Remove(lane.Uid);
            else
                _unfinished[lane.Uid] = left;
        }
    }

    void IThreadPoolWorkItem.Execute()
    {
        for (int piece = 0; piece < PiecesPerTurn; piece++)
        {
            FairLane lane;
            IFairWork work;
            lock (_gate)
            {
                if (!TryTake(out lane!, out work!))
                {
                    _running--;
                    return;
                }
            }
            work.Run();
            lock (_gate)
                Release(lane);
        }
        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
    }

    private void Enqueue(FairLane lane, IFairWork work)
    {
        lane.Waiting ??= new Queue<IFairWork>();
        lane.Waiting.Enqueue(work);
        if (lane.IsRunning || lane.Waiting.Count > 1)
            return;
        MakeReady(lane);
        if (_running >= workers)
            return;
        _running++;
        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
    }

    private void MakeReady(FairLane lane)
    {
        if (!_lanes.TryGetValue(lane.Uid, out Queue<FairLane>? ready))
            _lanes[lane.Uid] = ready = new Queue<FairLane>();
        if (ready.Count == 0)
            _ring.Enqueue(lane.Uid);
        ready.Enqueue(lane);
    }

    private bool TryTake(out FairLane? lane, out IFairWork? work)
    {
        if (!_ring.TryDequeue(out uint uid))
        {
            lane = null;
            work = null;
            return false;
        }
        Queue<FairLane> ready = _lanes[uid];
        lane = ready.Dequeue();
        work = lane.Waiting!.Dequeue();
        lane.IsRunning = true;
        if (ready.Count > 0)
            _ring.Enqueue(uid);
        else
            _lanes.Remove(uid);
        return true;
    }

    private void Release(FairLane lane)
    {
        lane.IsRunning = false;
        if (lane.Waiting is { Count: > 0 })
            MakeReady(lane);
    }

    /// <summary>After work on the bringer's own thread: true when others came to wait meanwhile and a worker must take this place.</summary>
    private bool TryPassOn(FairLane lane)
    {
        lock (_gate)
        {
            Release(lane);
            if (_ring.Count > 0)
                return true;
            _running--;
            return false;
        }
    }
}
