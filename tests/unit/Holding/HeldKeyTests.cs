using Qwamos.Client.Holding;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Tests.Listening;
using Xunit;

namespace Qwamos.ControlBus.Tests.Holding;

public sealed class HeldKeyTests
{
    private static readonly TimeSpan Time = TimeSpan.FromMinutes(15);

    [Fact]
    public void It_signs_until_its_time_has_passed_since_the_last_signature()
    {
        ManualTime clock = new();
        using HeldKey held = new(clock, Time);
        Assert.Null(held.Sign([1]));
        held.Unlock(SigningKey.Generate());
        for (var i = 0; i < 3; i++)
        {
            clock.Step(Time - TimeSpan.FromSeconds(1));
            Assert.NotNull(held.Sign([1]));
        }
        clock.Step(Time);
        Assert.Null(held.Sign([1]));
        Assert.True(held.IsLocked);
    }

    [Fact]
    public void It_locks_once_when_its_time_has_passed_or_it_is_told_to()
    {
        ManualTime clock = new();
        using HeldKey held = new(clock, Time);
        held.Unlock(SigningKey.Generate());
        Assert.False(held.LockIfDue());
        Assert.Equal(Time, held.Left);
        clock.Step(Time);
        Assert.True(held.LockIfDue());
        Assert.False(held.LockIfDue());
        held.Unlock(SigningKey.Generate());
        held.Lock();
        Assert.True(held.IsLocked);
        Assert.Null(held.Sign([1]));
        Assert.Equal(TimeSpan.Zero, held.Left);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Either_clock_is_enough(bool wall)
    {
        TwoClocks clock = new();
        using HeldKey held = new(clock, Time);
        held.Unlock(SigningKey.Generate());
        // A machine that slept: the wall's clock went on alone. A clock that was put back: the other one did.
        if (wall)
            clock.Wall += Time;
        else
            (clock.Awake, clock.Wall) = (clock.Awake + Time.Ticks, clock.Wall - Time);
        Assert.Null(held.Sign([1]));
    }

    private sealed class TwoClocks : TimeProvider
    {
        public DateTimeOffset Wall { get; set; } = DateTimeOffset.FromUnixTimeSeconds(1_700_000_000);

        public long Awake { get; set; } = 1;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override DateTimeOffset GetUtcNow() => Wall;

        public override long GetTimestamp() => Awake;
    }
}
