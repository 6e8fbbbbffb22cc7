using Qwamos.ControlBus.Audit;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Hosting.Pipeline;
using Qwamos.ControlBus.Tests.Audit;
using Qwamos.ControlBus.Tests.Staging;
using Qwamos.Daemon.Auditing;
using Xunit;

namespace Qwamos.ControlBus.Tests.Auditing;

/// <summary>When checkpoints are made and kept, by the test's clock.</summary>
public sealed class CheckpointWorkerTests : IDisposable
{
    private readonly StagingTrial _trial = new();
    private readonly AuditTrial _ledger = new(3);
    private readonly Checkpoints _checkpoints;
    private readonly List<SignedTree> _made = [];

    private long Start { get; } = 1_700_000_000;

    public CheckpointWorkerTests() =>
        _checkpoints = new Checkpoints(_ledger.Signer, () => new PublishedState(_ledger.History.State, _ledger.Store.Tree(), 0), _trial.Time);

    public void Dispose()
    {
        _ledger.Dispose();
        _trial.Dispose();
    }

    [Fact]
    public async Task Idle_ledger_is_signed_anew_each_minute_and_no_sooner()
    {
        await using CheckpointWorker worker = Worker();
        worker.Start();
        Assert.Equal((3, Start), Kept());
        await AdvanceUntilMade(2);
        await AdvanceUntilMade(3);
        Assert.All(_made.Zip(_made.Skip(1)), pair => Assert.True(pair.Second.Seconds - pair.First.Seconds >= 60));
        Assert.All(_made, made => Assert.Equal(3, made.Size));
        await UntilAsync(() => Kept() == (_made[2].Size, _made[2].Seconds));
        Assert.Equal((UnixFileMode)0x1A0, Posix.Stat(_trial.Paths.CheckpointFile).Mode); // 0640
    }

    [Fact]
    public async Task Commits_are_covered_at_most_once_a_second()
    {
        await using CheckpointWorker worker = Worker();
        worker.Start();
        for (int i = 0; i < 5; i++)
        {
            _ledger.AddOne(i);
            worker.Committed();
        }
        await AdvanceUntilMade(2);
        _ledger.AddOne(5);
        worker.Committed();
        await AdvanceUntilMade(3);
        Assert.Equal([3, 8, 9], _made.Select(made => made.Size));
        Assert.True(_made[1].Seconds > Start && _made[2].Seconds > _made[1].Seconds, "two within a second");
        Assert.True(_made[2].Seconds < Start + 60, "it waited for the idle time");
        await AdvanceUntilMade(4);
        Assert.True(_made[3].Seconds >= _made[2].Seconds + 60, "the idle ledger was signed sooner");
    }

    [Fact]
    public async Task End_keeps_one_that_covers_all_that_was_committed()
    {
        await using (CheckpointWorker worker = Worker())
        {
            worker.Start();
            _ledger.AddOne(3);
        }
        Assert.Equal((4, Start), Kept());
    }

    [Fact]
    public async Task Write_that_fails_is_said_once_and_tried_each_second_until_it_succeeds()
    {
        Directory.CreateDirectory(_trial.Paths.CheckpointFile);
        await using CheckpointWorker worker = Worker();
        worker.Start();
        await AdvanceUntilMade(2);
        await AdvanceUntilMade(3);
        Assert.True(_made[2].Seconds < Start + 60, "it waited for the idle time");
        Directory.Delete(_trial.Paths.CheckpointFile);
        await AdvanceUntilMade(4);
        await UntilAsync(() => File.Exists(_trial.Paths.CheckpointFile));
        await AdvanceUntilMade(5);
        Assert.True(_made[4].Seconds >= _made[3].Seconds + 60, "it was still tried again");
        string log = _trial.EndedLog();
        Assert.Equal(2, log.Split("cannot be kept").Length);
        Assert.Contains("the newest checkpoint is kept again", log, StringComparison.Ordinal);
    }

    [Fact]
    public void On_demand_one_covers_every_entry_durable_then_and_is_made_once()
    {
        Assert.Null(_checkpoints.Made);
        SignedTree first = _checkpoints.Newest();
        Assert.Same(first, _checkpoints.Newest());
        Assert.Same(first, _checkpoints.Made);
        _ledger.AddOne(3);
        Assert.Same(first, _checkpoints.Made);
        Assert.Equal(4, _checkpoints.Newest().Size);
    }

    private CheckpointWorker Worker() => new(_checkpoints, _trial.Paths.CheckpointFile, _trial.Time, _trial.Log);

    private (long Size, long? Seconds) Kept()
    {
        Assert.True(KeptCheckpoint.TryLoad(_trial.Paths.CheckpointFile, out KeptCheckpoint? kept, out string? fault), fault);
        return (kept!.Checkpoint.Size, kept.Checkpoint.TimeSeconds);
    }

    /// <summary>Moves the clock a second at a time, when the worker waits for it, until it has made so many.</summary>
    private async Task AdvanceUntilMade(int count)
    {
        while (CountMade() < count)
        {
            await UntilAsync(() => _trial.Time.IsAwaited || CountMade() == count);
            if (CountMade() < count)
                _trial.Time.Advance(1);
            await Task.Delay(2);
        }
        Assert.Equal(count, _made.Count);
    }

    /// <summary>The worker makes no second one before the clock is moved, so that none is missed.</summary>
    private int CountMade()
    {
        if (_checkpoints.Made is { } made && !ReferenceEquals(made, _made.LastOrDefault()))
            _made.Add(made);
        return _made.Count;
    }

    private static async Task UntilAsync(Func<bool> condition)
    {
        for (int i = 0; i < 2_000 && !condition(); i++)
            await Task.Delay(5);
        Assert.True(condition());
    }
}
