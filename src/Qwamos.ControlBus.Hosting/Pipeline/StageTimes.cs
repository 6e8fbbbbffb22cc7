using System.Diagnostics;
using System.Numerics;

namespace Qwamos.ControlBus.Hosting.Pipeline;

/// <summary>
/// How long each stage took since the start, as histograms: the first bucket holds what took up to <see cref="First"/>, each further one what took
/// at most twice as long as the one before, the last all the rest. Two atomic additions a time, whoever looks. Thread-safe.
/// </summary>
public sealed class StageTimes
{
    /// <summary>Buckets of a histogram: the last but one ends at 2.6 seconds.</summary>
    public const int Buckets = 20;

    private static readonly long FirstTimestamps = Stopwatch.Frequency / 100_000;

    private readonly long[] _counts = new long[Enum.GetValues<RequestStage>().Length * Buckets];
    private readonly long[] _ticks = new long[Enum.GetValues<RequestStage>().Length * Buckets];

    /// <summary>The longest time in the first bucket.</summary>
    public static TimeSpan First { get; } = TimeSpan.FromMicroseconds(10);

    /// <summary>The longest time in a bucket; the last one has none.</summary>
    public static TimeSpan Longest(int bucket) => First * (1L << bucket);

    /// <summary>How many times are in a bucket, and their sum.</summary>
    public (long Count, TimeSpan Sum) Read(RequestStage stage, int bucket)
    {
        int at = ((int)stage * Buckets) + bucket;
        return (Volatile.Read(ref _counts[at]), Stopwatch.GetElapsedTime(0, Volatile.Read(ref _ticks[at])));
    }

    /// <summary>How many times of a stage there are.</summary>
    public long Count(RequestStage stage)
    {
        long count = 0;
        for (int bucket = 0; bucket < Buckets; bucket++)
            count += Read(stage, bucket).Count;
        return count;
    }

    /// <summary>The longest time of the bucket up to which this share of a stage's times lies; null when there are none, or it is the last bucket.</summary>
    public TimeSpan? Within(RequestStage stage, double share)
    {
        long wanted = (long)Math.Ceiling(Count(stage) * share), seen = 0;
        for (int bucket = 0; bucket < Buckets - 1; bucket++)
        {
            seen += Read(stage, bucket).Count;
            if (seen >= wanted && seen > 0)
                return Longest(bucket);
        }
        return null;
    }

    /// <summary>Adds a time between two timestamps of <see cref="Stopwatch"/>.</summary>
    internal void Add(RequestStage stage, long begin, long end)
    {
        long took = Math.Max(0, end - begin);
        int at = ((int)stage * Buckets) + BucketOf(took);
        // Counted last: whoever reads between the two sees a sum that is ahead, never a time that is missing.
        Interlocked.Add(ref _ticks[at], took);
        Interlocked.Increment(ref _counts[at]);
    }

    /// <summary>The first bucket that is long enough, by the timestamps themselves: a mean must not come out longer than its bucket.</summary>
    private static int BucketOf(long took) => took <= FirstTimestamps
        ? 0
        : Math.Min(Buckets - 1, 1 + BitOperations.Log2((ulong)((took - 1) / FirstTimestamps)));
}
