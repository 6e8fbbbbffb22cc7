using Qwamos.ControlBus.Verification;
using Xunit;

namespace Qwamos.ControlBus.Tests.Verification;

public sealed class EffectiveTimeTests
{
    [Theory]
    [InlineData(1_000, 0, 1_000, false)]
    [InlineData(1_000, 1_000, 1_000, false)]
    [InlineData(1_000, 1_300, 1_000, false)]
    [InlineData(1_000, 1_301, 1_001, true)]
    [InlineData(0, 1_700_000_000, 1_699_999_700, true)]
    [InlineData(0, 0, 0, false)]
    [InlineData(-5, 0, -5, false)]
    [InlineData(4_102_444_800, 1_700_000_000, 4_102_444_800, false)]
    public void Now_is_the_clock_unless_it_is_more_than_300_seconds_behind_the_floor(long clock, long floor, long now, bool isBehind)
    {
        var time = new EffectiveTime(clock, floor);
        Assert.Equal(now, time.Now);
        Assert.Equal(isBehind, time.IsBehind);
    }
}
