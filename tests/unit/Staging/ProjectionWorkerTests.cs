using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Hosting.Pipeline;
using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Policy;
using Qwamos.Daemon.Staging;
using Xunit;

namespace Qwamos.ControlBus.Tests.Staging;

public sealed class ProjectionWorkerTests : IDisposable
{
    private readonly StagingTrial _trial = new();
    private PublishedState _published = new(PolicyState.Empty, new MerkleTree(), 0);

    public void Dispose() => _trial.Dispose();

    [Fact]
    public async Task An_edited_projection_is_written_anew_at_the_start()
    {
        File.WriteAllText(_trial.Paths.StatusFile, """{"policy":{"GHOST.trigger":"fire"}}""");
        await using ProjectionWorker worker = Worker();
        worker.Start();
        Assert.Contains("\"policy\":{}", File.ReadAllText(_trial.Paths.StatusFile), StringComparison.Ordinal);
        Assert.Null(worker.Fault);
    }

    [Fact]
    public async Task A_commit_reaches_the_files_after_the_delay()
    {
        await using ProjectionWorker worker = Worker();
        worker.Start();
        Publish("RADIO_ISOLATION", "off");
        worker.Committed(new CommittedBatch(_published, []));
        await EventuallyAsync(() => File.ReadAllText(_trial.Paths.StatusFile).Contains("\"RADIO_ISOLATION\":\"off\"", StringComparison.Ordinal));
        Assert.Equal((UnixFileMode)0x1A0, Posix.Stat(_trial.Paths.StatusFile).Mode); // 0640
    }

    [Fact]
    public async Task A_projection_edited_while_the_daemon_runs_is_written_anew_with_the_next_change()
    {
        await using ProjectionWorker worker = Worker();
        worker.Start();
        string pending = File.ReadAllText(_trial.Paths.PendingFile);
        File.WriteAllText(_trial.Paths.PendingFile, pending + "KERNEL_HARDENING=default\n");
        Publish("RADIO_ISOLATION", "off");
        worker.Committed(new CommittedBatch(_published, []));
        await EventuallyAsync(() => File.ReadAllText(_trial.Paths.PendingFile) == pending);
    }

    [Fact]
    public async Task Attack27_a_directory_in_the_projections_place_is_shown_retried_each_second_and_healed()
    {
        Directory.CreateDirectory(_trial.Paths.StatusFile);
        await using ProjectionWorker worker = Worker();
        worker.Start();
        Assert.NotNull(worker.Fault);
        Assert.Contains("cannot be written", _trial.EndedLog(), StringComparison.Ordinal);
        Directory.Delete(_trial.Paths.StatusFile);
        await EventuallyAsync(() => worker.Fault is null);
        Assert.True(File.Exists(_trial.Paths.StatusFile));
    }

    [Fact]
    public async Task A_confidential_value_reaches_neither_file_nor_log()
    {
        await using (ProjectionWorker worker = Worker())
        {
            worker.Start();
            Publish("GHOST.trigger", "armed");
            worker.Committed(new CommittedBatch(_published, []));
        }
        Assert.DoesNotContain("armed", File.ReadAllText(_trial.Paths.StatusFile) + _trial.EndedLog(), StringComparison.Ordinal);
        Assert.Contains("(hidden)", File.ReadAllText(_trial.Paths.StatusFile), StringComparison.Ordinal);
    }

    private ProjectionWorker Worker() =>
        new(new ProjectionFiles(_trial.Paths, PolicySchema.BuiltIn), () => Volatile.Read(ref _published), _trial.Time, _trial.Log);

    private void Publish(string key, string value)
    {
        PolicyState state = PolicyState.Empty with { Policy = PolicyState.Empty.Policy.SetItem(key, new Applied(PolicyValue.Of(value), 0)) };
        Volatile.Write(ref _published, new PublishedState(state, new MerkleTree(), 1));
    }

    private async Task EventuallyAsync(Func<bool> condition)
    {
        for (int i = 0; i < 1_000 && !condition(); i++)
        {
            _trial.Time.Advance(1);
            await Task.Delay(5);
        }
        Assert.True(condition());
    }
}
