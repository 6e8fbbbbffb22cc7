using System.IO.Pipelines;
using Qwamos.ControlBus.Hosting.Listening;
using Xunit;

namespace Qwamos.ControlBus.Tests.Listening;

public sealed class AnswerQueueTests
{
    [Fact]
    public async Task Attack23_who_sends_an_answer_is_not_kept_by_a_peer_that_is_answered_as_fast_as_it_asks()
    {
        const int Requests = 10_000;
        var output = new TakingAll();
        var queue = new AnswerQueue(output, TimeProvider.System, () => { });
        int asked = 0;
        int here = Environment.CurrentManagedThreadId;
        int flushedHere = 0;
        output.Flushed = () =>
        {
            if (Environment.CurrentManagedThreadId == here && !Thread.CurrentThread.IsThreadPoolThread)
                flushedHere++;
            // Whatever is sent, another thread has the next answer ready before the flush ends.
            if (++asked < Requests)
                queue.Add(default, new FairLane(1)).Answer(new byte[100]);
        };
        BusRequest first = queue.Add(default, new FairLane(1));
        first.AnswerLater(new byte[100]);
        var sender = new Thread(() =>
        {
            here = Environment.CurrentManagedThreadId;
            first.Send();
        });
        sender.Start();
        sender.Join();
        Assert.Equal(1, flushedHere);
        await queue.WaitUntilEmptyAsync();
        Assert.Equal(Requests, asked);
    }

    /// <summary>A peer whose kernel has room for everything, at once.</summary>
    private sealed class TakingAll : PipeWriter
    {
        private readonly byte[] _bytes = new byte[65_536];

        public Action Flushed { get; set; } = () => { };

        public override void Advance(int bytes)
        {
        }

        public override Memory<byte> GetMemory(int sizeHint = 0) => _bytes;

        public override Span<byte> GetSpan(int sizeHint = 0) => _bytes;

        public override void CancelPendingFlush()
        {
        }

        public override void Complete(Exception? exception = null)
        {
        }

        public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
        {
            Flushed();
            return new ValueTask<FlushResult>(new FlushResult(false, false));
        }
    }
}
