using System.Text;
using System.Threading.Channels;
using Qwamos.ControlBus;
using Qwamos.ControlBus.Audit;
using Qwamos.ControlBus.Files;

namespace Qwamos.Daemon.Auditing;

/// <summary>
/// Makes a checkpoint after commits, at most one a second, and one a minute while nothing is committed, so that a reader can tell an idle ledger
/// from a frozen one. Keeps the newest in a file, from which the next start sees that the ledger is not an older one (ATTACKS 13). A write that
/// fails only puts that off.
/// </summary>
internal sealed class CheckpointWorker(Checkpoints checkpoints, string file, TimeProvider time, LogMessages log) : IAsyncDisposable
{
    private const UnixFileMode Mode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead;
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(Limits.CheckpointPauseSeconds);
    private static readonly TimeSpan IdleInterval = TimeSpan.FromSeconds(Limits.CheckpointIdleSeconds - Limits.CheckpointPauseSeconds);

    private readonly Channel<bool> _commits = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private readonly TaskCompletionSource _ending = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Task _running = Task.CompletedTask;
    private Task<bool>? _commit;
    private bool _isFailing;

    public void Start()
    {
        Renew();
        _running = RunAsync();
    }

    /// <summary>Something was committed; never blocks.</summary>
    public void Committed() => _commits.Writer.TryWrite(true);

    /// <summary>Makes a last one, which covers all that was committed.</summary>
    public async ValueTask DisposeAsync()
    {
        _ending.TrySetResult();
        await _running;
        Renew();
    }

    private async Task RunAsync()
    {
        while (true)
        {
            await Task.WhenAny(Task.Delay(Pause, time), _ending.Task);
            // A write that failed is tried again after the pause.
            if (!_isFailing)
                await WaitForCommitAsync();
            if (_ending.Task.IsCompleted)
                return;
            Renew();
        }
    }

    private async Task WaitForCommitAsync()
    {
        using var idle = new CancellationTokenSource();
        _commit ??= _commits.Reader.WaitToReadAsync().AsTask();
        await Task.WhenAny(_commit, Task.Delay(IdleInterval, time, idle.Token), _ending.Task);
        await idle.CancelAsync();
    }

    private void Renew()
    {
        // First: what is committed from here on wakes the worker again.
        _commits.Reader.TryRead(out _);
        if (_commit is { IsCompleted: true })
            _commit = null;
        SignedTree made = checkpoints.Renew();
        try
        {
            DurableFile.Replace(file, new KeptCheckpoint(checkpoints.Key, made.Checkpoint, Encoding.UTF8.GetBytes(made.Note)).ToBytes(), Mode);
            if (_isFailing)
                log.CheckpointKept();
            _isFailing = false;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            if (!_isFailing)
                log.CheckpointNotKept(file, e.Message);
            _isFailing = true;
        }
    }
}
