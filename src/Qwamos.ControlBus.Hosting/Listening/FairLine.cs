namespace Qwamos.ControlBus.Hosting.Listening;

/// <summary>A line of an answer that is made in its uid's share of the processors.</summary>
internal sealed class FairLine(Func<ReadOnlyMemory<byte>> make) : IFairWork
{
    private readonly TaskCompletionSource<ReadOnlyMemory<byte>> _made = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>The line, or what making it threw.</summary>
    public Task<ReadOnlyMemory<byte>> Made => _made.Task;

    public void Run()
    {
        try
        {
            _made.SetResult(make());
        }
        catch (Exception e)
        {
            // Whoever waits for the line deals with it; the scheduler's worker goes on.
            _made.SetException(e);
        }
    }
}
