using System.Threading.Channels;
using Qwamos.ControlBus;
using Qwamos.ControlBus.Hosting.Pipeline;

namespace Qwamos.Daemon.Staging;

/// <summary>
/// Keeps the projections up with what is published: within 100 ms after an answer, one write for a burst. A write that fails is shown and tried
/// again each second; the changes stand all the same. It also logs what was accepted, off the writer's thread.
/// </summary>
internal sealed class ProjectionWorker(ProjectionFiles files, Func<PublishedState> published, TimeProvider time, LogMessages log) : IAsyncDisposable
{
    private static readonly TimeSpan CoalescingDelay = TimeSpan.FromMilliseconds(Limits.ProjectionDelayMilliseconds);
    private static readonly TimeSpan RetryDelay = TimeSpan.FromSeconds(1);

    private readonly AcceptedLog _accepted = new(log);
    private readonly Channel<bool> _commits = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private readonly TaskCompletionSource _ending = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Task _running = Task.CompletedTask;
    private volatile string? _fault;

    /// <summary>Why the files are not up to date; null when they are.</summary>
    public string? Fault => _fault;

    /// <summary>Writes both files as things are, whatever they held before: an edited projection changes nothing.</summary>
    public void Start()
    {
        TryWrite();
        _running = RunAsync();
    }

    /// <summary>A batch is durable; never blocks.</summary>
    public void Committed(CommittedBatch batch)
    {
        _accepted.Add(batch.Changes);
        _commits.Writer.TryWrite(true);
    }

    public async ValueTask DisposeAsync()
    {
        _commits.Writer.TryComplete();
        _ending.TrySetResult();
        await _running;
        TryWrite();
    }

    private async Task RunAsync()
    {
        bool isOpen = true;
        while (isOpen)
        {
            isOpen = await WaitForWorkAsync();
            if (isOpen)
                await Task.WhenAny(Task.Delay(CoalescingDelay, time), _ending.Task);
            // First: what is committed from here on wakes the worker again.
            _commits.Reader.TryRead(out _);
            _accepted.Tell();
            TryWrite();
        }
    }

    /// <summary>False when it is time to end.</summary>
    private async Task<bool> WaitForWorkAsync()
    {
        Task<bool> more = _commits.Reader.WaitToReadAsync().AsTask();
        while (_fault is not null && !more.IsCompleted)
        {
            await Task.WhenAny(more, Task.Delay(RetryDelay, time));
            if (!more.IsCompleted)
                TryWrite();
        }
        return await more;
    }

    private void TryWrite()
    {
        try
        {
            files.Write(published());
            if (_fault is null)
                return;
            _fault = null;
            log.ProjectionsBack();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            if (_fault is null)
                log.ProjectionsFailed(e.Message);
            _fault = e.Message;
        }
    }
}
