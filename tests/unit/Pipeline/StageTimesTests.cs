using System.Diagnostics;
using Qwamos.ControlBus.Hosting.Pipeline;
using Xunit;

namespace Qwamos.ControlBus.Tests.Pipeline;

public sealed class StageTimesTests
{
    [Theory]
    [InlineData(0, 0)]
    [InlineData(10, 0)]
    [InlineData(10.1, 1)]
    [InlineData(20, 1)]
    [InlineData(20.1, 2)]
    [InlineData(40, 2)]
    [InlineData(2_621_440, 18)]
    [InlineData(2_621_440.1, 19)]
    [InlineData(90_000_000, 19)]
    public void A_time_is_in_the_first_bucket_that_is_long_enough(double microseconds, int bucket)
    {
        var times = new StageTimes();
        TimeSpan took = TimeSpan.FromMicroseconds(microseconds);
        times.Add(RequestStage.Commit, 1_000, 1_000 + (long)(took.TotalSeconds * Stopwatch.Frequency));
        Assert.Equal((1, took), times.Read(RequestStage.Commit, bucket));
        Assert.Equal(1, times.Count(RequestStage.Commit));
        Assert.Equal(0, times.Count(RequestStage.Answer));
        Assert.Equal(bucket == StageTimes.Buckets - 1 ? null : StageTimes.Longest(bucket), times.Within(RequestStage.Commit, 0.99));
    }

    [Fact]
    public void A_share_of_the_times_lies_within_the_bucket_that_reaches_it()
    {
        var times = new StageTimes();
        Assert.Null(times.Within(RequestStage.Verify, 0.5));
        for (int i = 0; i < 99; i++)
            times.Add(RequestStage.Verify, 0, Stopwatch.Frequency / 20_000);
        times.Add(RequestStage.Verify, 0, Stopwatch.Frequency);
        Assert.Equal(TimeSpan.FromMicroseconds(80), times.Within(RequestStage.Verify, 0.5));
        Assert.Equal(TimeSpan.FromMicroseconds(80), times.Within(RequestStage.Verify, 0.99));
        Assert.Equal(TimeSpan.FromMicroseconds(1_310_720), times.Within(RequestStage.Verify, 1));
    }

    [Fact]
    public void A_mean_lies_in_its_bucket()
    {
        var times = new StageTimes();
        for (int i = 0; i < 10; i++)
            times.Add(RequestStage.Verify, 0, (Stopwatch.Frequency / 100_000) + 1);
        Assert.Equal(0, times.Read(RequestStage.Verify, 0).Count);
        Assert.Equal(10, times.Read(RequestStage.Verify, 1).Count);
    }

    [Fact]
    public void A_clock_that_steps_back_is_no_time()
    {
        var times = new StageTimes();
        times.Add(RequestStage.Queue, 5, 3);
        Assert.Equal((1, TimeSpan.Zero), times.Read(RequestStage.Queue, 0));
    }
}
