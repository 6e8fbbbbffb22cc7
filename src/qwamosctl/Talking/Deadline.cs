namespace Qwamos.Client.Talking;

/// <summary>A moment of the monotonic clock by which something must have ended, so that many slow steps cannot add up.</summary>
internal readonly struct Deadline
{
    private readonly TimeProvider clock;
    private readonly long start;
    private readonly TimeSpan span;

    public Deadline(TimeProvider clock, TimeSpan span)
    {
        this.clock = clock;
        this.span = span;
        start = clock.GetTimestamp();
    }

    /// <summary>What is left, whole milliseconds, rounded up; 0 when it has passed.</summary>
    public int LeftMilliseconds => (int)Math.Ceiling(Math.Max(0, (span - clock.GetElapsedTime(start)).TotalMilliseconds));
}
