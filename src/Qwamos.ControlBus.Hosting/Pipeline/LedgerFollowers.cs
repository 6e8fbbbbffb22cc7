using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Hosting.Listening;
using Qwamos.ControlBus.Json;

namespace Qwamos.ControlBus.Hosting.Pipeline;

/// <summary>Those who follow the ledger as it grows, the courier above all. Thread-safe.</summary>
/// <param name="published">What is durable.</param>
/// <param name="isCourier">Whether a peer is the courier: it alone is given confidential envelopes, and its last sign of life counts.</param>
/// <param name="time">The clock.</param>
public sealed class LedgerFollowers(Func<PublishedState> published, Func<PeerCredentials, bool> isCourier, TimeProvider time)
{
    private readonly Lock _turn = new();

    /// <summary>Its connections that have not ended, each by what says so.</summary>
    private readonly HashSet<Task> _courierLinks = [];

    private TaskCompletionSource? _grown;
    private bool _isOver;
    private long _courierSeenAt;
    private bool _hasSeenCourier;

    /// <summary>How long ago the courier asked; null when it never did, or has hung up.</summary>
    public TimeSpan? CourierSilence => Volatile.Read(ref _courierSeenAt) is var at and not 0 ? time.GetElapsedTime(at) : null;

    /// <summary>Whether the courier has asked since the daemon started.</summary>
    public bool HasSeenCourier => Volatile.Read(ref _hasSeenCourier);

    /// <summary>Connections on which the courier has asked.</summary>
    internal int CourierLinks
    {
        get
        {
            lock (_turn)
                return _courierLinks.Count;
        }
    }

    /// <summary>To be called after each commit; never blocks.</summary>
    public void Grown()
    {
        // Published before, looked for now: who comes to wait does it the other way round, and one of both sees the other.
        Interlocked.MemoryBarrier();
        if (Volatile.Read(ref _grown) is null)
            return;
        Interlocked.Exchange(ref _grown, null)?.TrySetResult();
    }

    /// <summary>Nobody waits from here on: the daemon ends.</summary>
    public void Release()
    {
        lock (_turn)
            _isOver = true;
        Grown();
    }

    /// <summary>Whether a request is the courier's, which is a sign of its life.</summary>
    internal bool IsCourier(BusRequest request)
    {
        if (!isCourier(request.Peer))
            return false;
        Task ended = request.Ended;
        bool isNew;
        lock (_turn)
        {
            if (ended.IsCompleted)
                return true;
            isNew = _courierLinks.Add(ended);
            Volatile.Write(ref _courierSeenAt, Math.Max(1, time.GetTimestamp()));
            Volatile.Write(ref _hasSeenCourier, true);
        }

        if (isNew)
            _ = MissAsync(ended);
        return true;
    }

    /// <summary>One that was stopped or killed hangs up: it is missed at once, unless another one asks already.</summary>
    private async Task MissAsync(Task ended)
    {
        await ended.ConfigureAwait(false);
        lock (_turn)
        {
            _courierLinks.Remove(ended);
            if (_courierLinks.Count == 0)
                Volatile.Write(ref _courierSeenAt, 0);
        }
    }

    /// <summary>
    /// The ledger's size when it has grown beyond the one that is asked about, or when the time is over. Only the courier waits: each who does costs an answer a commit, and others have nothing to
    /// wait for.
    /// </summary>
    internal async Task<long> WaitAsync(Message message, BusRequest request)
    {
        if (!IsCourier(request))
            return published().Size;
        long size = Number(message, "size");
        Task over = Task.Delay(TimeSpan.FromSeconds(Math.Min(Number(message, "wait"), Limits.MaxGrowthWaitSeconds)), time);
        while (published().Size <= size && !over.IsCompleted && !request.Ended.IsCompleted && Next() is { } grown)
        {
            // Once more: what was published before the wait began woke nobody.
            Interlocked.MemoryBarrier();
            if (published().Size <= size)
                await Task.WhenAny(grown, over, request.Ended).ConfigureAwait(false);
        }

        _ = IsCourier(request);
        return published().Size;
    }

    private Task? Next()
    {
        lock (_turn)
        {
            if (_isOver)
                return null;
            TaskCompletionSource? grown = Volatile.Read(ref _grown);
            if (grown is null)
                Volatile.Write(ref _grown, grown = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
            return grown.Task;
        }
    }

    private static long Number(Message message, string name) =>
        message.Args!.TryGet(name, out JsonValue? value) && value.TryGetInteger(out long number) ? number : 0;
}
