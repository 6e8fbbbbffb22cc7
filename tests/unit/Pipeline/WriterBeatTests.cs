using Xunit;

namespace Qwamos.ControlBus.Tests.Pipeline;

/// <summary>The signs of life that a service manager's watchdog waits for.</summary>
public sealed class WriterBeatTests
{
    [Fact]
    public async Task AnIdleWriterBeats_AStuckOneDoesNot_AndBeatsAgainWhenItGoesOn()
    {
        // Before the writer, which uses both until it has stopped.
        using var beats = new SemaphoreSlim(0);
        using var goOn = new ManualResetEventSlim();
        await using PipelineTrial bus = await PipelineTrial.StartAsync(beatInterval: TimeSpan.FromMilliseconds(20));
        var stuck = new TaskCompletionSource();
        bus.Writer.Beat += () => beats.Release();
        bus.Writer.Committed += _ =>
        {
            stuck.TrySetResult();
            goOn.Wait();
        };
        await beats.WaitAsync(TestContext.Current.CancellationToken);

        Task answered = Task.Run(() => bus.Ask(bus.Change("""{"RADIO_ISOLATION":"off"}""")), TestContext.Current.CancellationToken);
        await stuck.Task;
        while (beats.Wait(0))
        {
        }
        Assert.False(await beats.WaitAsync(TimeSpan.FromMilliseconds(300), TestContext.Current.CancellationToken));

        goOn.Set();
        await answered;
        await beats.WaitAsync(TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task ABusyWriterBeats()
    {
        using var beats = new SemaphoreSlim(0);
        await using PipelineTrial bus = await PipelineTrial.StartAsync(beatInterval: TimeSpan.FromHours(1));
        bus.Writer.Beat += () => beats.Release();
        bus.Ask(bus.Change("""{"RADIO_ISOLATION":"off"}"""));
        await beats.WaitAsync(TestContext.Current.CancellationToken);
    }
}
