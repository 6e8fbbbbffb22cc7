using Qwamos.ControlBus.Hosting.Listening;
using Xunit;

namespace Qwamos.ControlBus.Tests.Listening;

public sealed class FairSchedulerTests
{
    [Fact]
    public void Work_runs_at_once_on_the_bringers_thread_when_a_processor_is_free()
    {
        var scheduler = new FairScheduler(workers: 1, maxWaitingPerUid: 10);
        int thread = 0;
        Assert.True(scheduler.TrySchedule(LaneAtItsTurn(1), new Work(() => thread = Environment.CurrentManagedThreadId)));
        Assert.Equal(Environment.CurrentManagedThreadId, thread);
    }

    [Fact]
    public void A_bringer_runs_a_turns_pieces_and_leaves_the_rest_to_the_workers_in_their_order()
    {
        var scheduler = new FairScheduler(workers: 1, maxWaitingPerUid: 1_000);
        FairLane lane = LaneAtItsTurn(1);
        var order = new List<int>();
        var here = new List<int>();
        using var done = new CountdownEvent(100);
        for (int i = 0; i < 100; i++)
        {
            int number = i;
            Assert.True(scheduler.TrySchedule(lane, new Work(() =>
            {
                order.Add(number);
                if (Thread.CurrentThread.IsThreadPoolThread is false)
                    here.Add(number);
                done.Signal();
            })));
        }
        done.Wait();
        Assert.Equal(Enumerable.Range(0, 100), order);
        if (!Thread.CurrentThread.IsThreadPoolThread)
            Assert.Equal(Enumerable.Range(0, 8), here);
    }

    [Fact]
    public void Attack23_a_flooding_uid_takes_turns_with_a_quiet_one()
    {
        var scheduler = new FairScheduler(workers: 1, maxWaitingPerUid: 1_000);
        var order = new List<string>();
        using var gate = new ManualResetEventSlim();
        using var done = new CountdownEvent(101);
        var noisy = new FairLane(1_000);
        using var blocked = new ManualResetEventSlim();
        var blocker = new Thread(() => scheduler.TrySchedule(LaneAtItsTurn(7), new Work(() =>
        {
            blocked.Set();
            gate.Wait();
        })));
        blocker.Start();
        blocked.Wait();
        for (int i = 0; i < 100; i++)
            scheduler.TrySchedule(noisy, new Work(() => Note("noisy")));
        scheduler.TrySchedule(new FairLane(2_000), new Work(() => Note("quiet")));
        gate.Set();
        done.Wait();
        blocker.Join();
        Assert.InRange(order.IndexOf("quiet"), 0, 1);

        void Note(string who)
        {
            order.Add(who);
            done.Signal();
        }
    }

    [Fact]
    public void Work_of_one_lane_keeps_its_order_whatever_the_workers()
    {
        var scheduler = new FairScheduler(workers: 4, maxWaitingPerUid: 100_000);
        var lanes = Enumerable.Range(0, 8).Select(i => (Lane: new FairLane((uint)(i % 3)), Seen: new List<int>())).ToArray();
        using var done = new CountdownEvent(8 * 1_000);
        Parallel.ForEach(lanes, lane =>
        {
            for (int i = 0; i < 1_000; i++)
            {
                int number = i;
                Assert.True(scheduler.TrySchedule(lane.Lane, new Work(() =>
                {
                    lane.Seen.Add(number);
                    done.Signal();
                })));
            }
        });
        done.Wait();
        Assert.All(lanes, lane => Assert.Equal(Enumerable.Range(0, 1_000), lane.Seen));
    }

    [Fact]
    public void A_uid_is_refused_at_its_limit_only_and_served_again_when_a_request_is_finished()
    {
        var scheduler = new FairScheduler(workers: 1, maxWaitingPerUid: 2);
        var lane = new FairLane(1);
        Assert.True(scheduler.TrySchedule(lane, new Work(() => { })));
        Assert.True(scheduler.TrySchedule(new FairLane(1), new Work(() => { })));
        Assert.False(scheduler.TrySchedule(lane, new Work(() => { })));
        Assert.True(scheduler.TrySchedule(new FairLane(2), new Work(() => { })));
        scheduler.Finished(lane);
        Assert.True(scheduler.TrySchedule(lane, new Work(() => { })));
    }

    [Fact]
    public async Task Attack23_lines_of_a_flooding_uid_take_turns_with_a_quiet_one_and_none_is_refused()
    {
        var scheduler = new FairScheduler(workers: 1, maxWaitingPerUid: 1);
        using var begun = new ManualResetEventSlim();
        using var gate = new ManualResetEventSlim();
        var order = new List<string>();
        Task<ReadOnlyMemory<byte>> first = scheduler.MakeAsync(new FairLane(1), () =>
        {
            begun.Set();
            gate.Wait();
            return default;
        });
        begun.Wait();
        Task[] noisy = [.. Enumerable.Range(0, 100).Select(_ => scheduler.MakeAsync(new FairLane(1), () => Note("noisy")))];
        Assert.True(scheduler.TrySchedule(new FairLane(2), new Work(() => Note("quiet"))));
        gate.Set();
        await Task.WhenAll([first, .. noisy]);
        Assert.InRange(order.IndexOf("quiet"), 0, 1);
        Assert.Equal(101, order.Count);

        ReadOnlyMemory<byte> Note(string who)
        {
            order.Add(who);
            return default;
        }
    }

    [Fact]
    public async Task A_line_that_cannot_be_made_fails_for_who_waits_and_the_worker_goes_on()
    {
        var scheduler = new FairScheduler(workers: 1, maxWaitingPerUid: 1);
        await Assert.ThrowsAsync<InvalidDataException>(() => scheduler.MakeAsync(new FairLane(1), () => throw new InvalidDataException()));
        Assert.Equal(7, (await scheduler.MakeAsync(new FairLane(1), () => new byte[] { 7 })).Span[0]);
    }

    private static FairLane LaneAtItsTurn(uint uid)
    {
        var lane = new FairLane(uid);
        FairScheduler.BeginTurn(lane);
        return lane;
    }

    private sealed class Work(Action run) : IFairWork
    {
        public void Run() => run();
    }
}
