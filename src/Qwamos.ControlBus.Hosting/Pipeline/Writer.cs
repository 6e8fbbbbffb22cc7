using System.Diagnostics;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Hosting.Running;
using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Policy;

namespace Qwamos.ControlBus.Hosting.Pipeline;

/// <summary>
/// The one writer (DESIGN section 7), on a thread of its own: takes what is verified in batches, decides each, makes the batch durable with
/// one fsync, and only then publishes and answers.
/// </summary>
public sealed class Writer
{
    /// <summary>So many changes in one batch are a load.</summary>
    private const int BusyBatchEntries = 8;

    /// <summary>Less than such a batch takes.</summary>
    private static readonly TimeSpan GatheringTime = TimeSpan.FromMilliseconds(1);

    /// <summary>A piece of a batch between two waits takes less.</summary>
    private static readonly TimeSpan Slice = TimeSpan.FromMicroseconds(300);

    private readonly LedgerStore _ledger;
    private readonly ReplayStore _replay;
    private readonly PolicySchema _schema;
    private readonly DomainScope _scope;
    private readonly Thread _thread;
    private readonly object _gate = new();
    private readonly TaskCompletionSource<IOException> _broken = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Queue<PendingChange> _queue = new();
    private int _expected;
    private int _usualBatch;
    private bool _isGathering;
    private volatile PublishedState _published;
    private bool _isStopping;
    private long _snapshotSize;
    private bool _isFull;
    private bool _isBroken;
    private TimeSpan _beatInterval = Timeout.InfiniteTimeSpan;
    private long _lastBeat;

    /// <param name="loaded">The fold of the ledger as it is.</param>
    /// <param name="replay">The nonces of that ledger; the writer's alone from here on.</param>
    public Writer(LedgerStore ledger, LoadedLedger loaded, ReplayStore replay, PolicySchema schema, DomainScope scope)
    {
        ArgumentNullException.ThrowIfNull(loaded);
        _ledger = ledger;
        _replay = replay;
        _schema = schema;
        _scope = scope;
        _snapshotSize = loaded.FoldedFrom;
        _published = new PublishedState(loaded.State, loaded.Tree, loaded.LastTimeSeconds);
        _thread = new Thread(Run) { Name = "writer", IsBackground = true };
    }

    /// <summary>What is believed now.</summary>
    public PublishedState Published => _published;

    /// <summary>Verified changes that wait for their batch.</summary>
    public int Waiting
    {
        get
        {
            lock (_gate)
                return _queue.Count;
        }
    }

    /// <summary>Completes when the ledger failed with an unknown outcome: everybody waiting was told, and the program must end.</summary>
    public Task<IOException> Broken => _broken.Task;

    /// <summary>After a batch is durable and published, before its senders are told. On the writer's thread: it must be quick.</summary>
    public event Action<CommittedBatch>? Committed;

    /// <summary>The disk has become full (true), or has room again (false).</summary>
    public event Action<bool>? StorageFull;

    /// <summary>
    /// The writer lives: told by its own thread, about as often as given at <see cref="Start"/>, between batches and while there are none. A
    /// writer that is stuck in the disk or anywhere else says nothing.
    /// </summary>
    public event Action? Beat;

    /// <summary>How long the stages took, those before the writer among them.</summary>
    public StageTimes Stages { get; } = new();

    /// <param name="beatInterval">How often <see cref="Beat"/> is wanted; null: never.</param>
    public void Start(TimeSpan? beatInterval = null)
    {
        _beatInterval = beatInterval ?? Timeout.InfiniteTimeSpan;
        _thread.Start();
    }

    /// <summary>
    /// Ends the writer: a batch under way is finished and answered, what waits behind it is neither recorded nor answered. Then the ledger's
    /// snapshot is saved and its WAL folded in, as far as the disk allows.
    /// </summary>
    public void Stop()
    {
        lock (_gate)
        {
            _isStopping = true;
            Monitor.Pulse(_gate);
        }
        _thread.Join();
    }

    /// <summary>Signed requests that came and may still become changes.</summary>
    internal int Expected => Volatile.Read(ref _expected);

    /// <summary>A signed request came that may become a change: <see cref="Submit"/> or <see cref="NotComing"/> follows.</summary>
    internal void Expect() => Interlocked.Increment(ref _expected);

    /// <summary>One that was expected is none.</summary>
    internal void NotComing()
    {
        if (Interlocked.Decrement(ref _expected) > 0 || !Volatile.Read(ref _isGathering))
            return;
        lock (_gate)
            Monitor.Pulse(_gate);
    }

    /// <summary>Takes a verified change that was expected.</summary>
    internal void Submit(PendingChange pending)
    {
        bool isBroken;
        lock (_gate)
        {
            isBroken = _isBroken;
            int expected = Interlocked.Decrement(ref _expected);
            if (!isBroken)
            {
                _queue.Enqueue(pending);
                if (!_isGathering || expected <= 0 || _queue.Count >= Limits.MaxBatchEntries)
                    Monitor.Pulse(_gate);
            }
        }
        if (isBroken)
            RefuseAll([pending]);
    }

    private void Run()
    {
        // Everybody waits for this thread, which mostly sleeps: beside a flood of requests to verify it gets a processor sooner.
        _ = ThreadSlice.TrySet(Slice);
        try
        {
            var taken = new List<PendingChange>(Limits.MaxBatchEntries);
            while (Take(taken))
            {
                if (taken.Count > 0)
                {
                    Commit(taken);
                    taken.Clear();
                    KeepUp();
                }
                BeatIfDue();
            }
            SaveSnapshot();
            _ledger.FoldWal();
        }
        catch (IOException e) when (e is LedgerBrokenException or LedgerIntegrityException)
        {
            RefuseWaiting();
            _broken.SetResult(e);
        }
    }

    /// <summary>Waits for work, or until a beat is due; false when it is time to stop.</summary>
    private bool Take(List<PendingChange> taken)
    {
        lock (_gate)
        {
            while (!_isStopping && _queue.Count == 0 && Monitor.Wait(_gate, _beatInterval))
            {
            }
            Gather();
            while (!_isStopping && taken.Count < Limits.MaxBatchEntries && _queue.TryDequeue(out PendingChange? pending))
                taken.Add(pending);
            _usualBatch = Math.Max(taken.Count, _usualBatch - ((_usualBatch + 3) / 4));
            return !_isStopping;
        }
    }

    /// <summary>
    /// Under load, which the last batches tell, waits a little for what is being verified: a batch of twice as many costs hardly more. Who comes
    /// alone never waits for others.
    /// </summary>
    private void Gather()
    {
        if (_usualBatch < BusyBatchEntries)
            return;
        long begin = Stopwatch.GetTimestamp();
        Volatile.Write(ref _isGathering, true);
        // Whole milliseconds, all that a wait can be: less would be none, again and again.
        while (!_isStopping && _queue.Count < Limits.MaxBatchEntries && Volatile.Read(ref _expected) > 0 && Stopwatch.GetElapsedTime(begin) < GatheringTime)
            Monitor.Wait(_gate, GatheringTime);
        Volatile.Write(ref _isGathering, false);
    }

    private void BeatIfDue()
    {
        if (_beatInterval == Timeout.InfiniteTimeSpan || (_lastBeat != 0 && Stopwatch.GetElapsedTime(_lastBeat) < _beatInterval / 2))
            return;
        _lastBeat = Stopwatch.GetTimestamp();
        Beat?.Invoke();
    }

    private void Commit(List<PendingChange> taken)
    {
        long begin = Stopwatch.GetTimestamp();
        foreach (PendingChange pending in taken)
            Stages.Add(RequestStage.Wait, pending.VerifiedAt, begin);
        var batch = new Batch(_ledger, _replay, _schema, _scope, _published, taken.Count);
        Refusal? refusal = Record(batch, taken);
        long recorded = Stopwatch.GetTimestamp();
        Stages.Add(RequestStage.Commit, begin, recorded);
        if (refusal is null && batch.Entries.Count > 0)
            Publish(batch);
        long published = Stopwatch.GetTimestamp();
        Stages.Add(RequestStage.Publish, recorded, published);
        if (refusal is null)
            batch.Answer();
        else
            batch.Drop(refusal);
        Stages.Add(RequestStage.Answer, published, Stopwatch.GetTimestamp());
    }

    /// <summary>Decides the batch and makes it durable; why not, when nothing of it was recorded.</summary>
    private Refusal? Record(Batch batch, List<PendingChange> taken)
    {
        try
        {
            foreach (PendingChange pending in taken)
                batch.Decide(pending);
            if (batch.Entries.Count > 0)
                _ledger.AppendBatch(batch.Entries);
            return null;
        }
        catch (LedgerFullException)
        {
            NoteFull(isFull: true);
            return new Refusal(ErrorCode.StorageFull, "the disk is full: nothing was recorded, and the same message can be sent again");
        }
        catch (LedgerBusyException)
        {
            return new Refusal(ErrorCode.Busy, "another program holds the ledger's lock: nothing was recorded, and the same message can be sent again");
        }
        catch (IOException e) when (e is LedgerBrokenException or LedgerIntegrityException)
        {
            RefuseAll(taken);
            throw;
        }
    }

    private void Publish(Batch batch)
    {
        var published = new PublishedState(batch.State, _ledger.Tree(), batch.LastUpdateSeconds);
        _published = published;
        NoteFull(isFull: false);
        Committed?.Invoke(new CommittedBatch(published, batch.Changes) { Adopted = batch.Adopted });
    }

    /// <summary>What keeps start-up and the WAL short; a full disk only puts it off.</summary>
    private void KeepUp()
    {
        if (_published.Size - _snapshotSize >= Limits.SnapshotEveryEntries)
            SaveSnapshot();
        if (_ledger.PagesSinceCheckpoint >= Limits.CheckpointEveryPages)
            _ledger.Checkpoint();
    }

    private void SaveSnapshot()
    {
        if (_published.Size == _snapshotSize)
            return;
        try
        {
            _ledger.SaveSnapshot(LedgerFold.Snapshot(_published.Policy, _published.Tree));
            _snapshotSize = _published.Size;
        }
        catch (IOException e) when (e is LedgerFullException or LedgerBusyException)
        {
            // The next start reads more entries, that is all.
        }
    }

    private void NoteFull(bool isFull)
    {
        if (isFull == _isFull)
            return;
        _isFull = isFull;
        StorageFull?.Invoke(isFull);
    }

    /// <summary>Those who came after the failed batch were surely not recorded, but this ledger takes nothing any more.</summary>
    private void RefuseWaiting()
    {
        PendingChange[] waiting;
        lock (_gate)
        {
            _isBroken = true;
            waiting = [.. _queue];
            _queue.Clear();
        }
        RefuseAll(waiting);
    }

    private static void RefuseAll(IReadOnlyList<PendingChange> changes)
    {
        foreach (PendingChange pending in changes)
            pending.Refuse(Unknown);
        foreach (PendingChange pending in changes)
            pending.Send();
    }

    private static Refusal Unknown { get; } =
        new(ErrorCode.StorageError, "the ledger could not be written: the outcome is unknown, and the daemon is ending");
}
