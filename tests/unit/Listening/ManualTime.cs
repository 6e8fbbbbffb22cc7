namespace Qwamos.ControlBus.Tests.Listening;

/// <summary>A clock that stands still until a test moves it; its timers fire while it is moved.</summary>
internal sealed class ManualTime(long startUnixSeconds = 1_700_000_000) : TimeProvider
{
    private readonly Lock _gate = new();
    private readonly List<ManualTimer> _timers = [];
    private DateTimeOffset _now = DateTimeOffset.FromUnixTimeSeconds(startUnixSeconds);
    private long _ticks = 1;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public long UnixSeconds => GetUtcNow().ToUnixTimeSeconds();

    /// <summary>Whether somebody waits for a timer.</summary>
    public bool IsAwaited
    {
        get
        {
            lock (_gate)
                return _timers.Exists(timer => timer.IsRunning);
        }
    }

    public override DateTimeOffset GetUtcNow()
    {
        lock (_gate)
            return _now;
    }

    public override long GetTimestamp() => Interlocked.Read(ref _ticks);

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new ManualTimer(this, callback, state);
        timer.Change(dueTime, period);
        lock (_gate)
            _timers.Add(timer);
        return timer;
    }

    /// <summary>Moves clock and timers together, a second at a time.</summary>
    public void Advance(int seconds)
    {
        for (int i = 0; i < seconds; i++)
            Step(TimeSpan.FromSeconds(1));
    }

    public void Step(TimeSpan step)
    {
        ManualTimer[] timers;
        lock (_gate)
        {
            _now += step;
            _ticks += step.Ticks;
            timers = [.. _timers];
        }
        foreach (ManualTimer timer in timers)
            timer.FireWhenDue(GetTimestamp());
    }

    /// <summary>Sets the wall clock alone, as an administrator would.</summary>
    public void SetClock(long unixSeconds)
    {
        lock (_gate)
            _now = DateTimeOffset.FromUnixTimeSeconds(unixSeconds);
    }

    private sealed class ManualTimer(ManualTime time, TimerCallback callback, object? state) : ITimer
    {
        private long _due = long.MaxValue;
        private TimeSpan _period;

        public bool IsRunning => Volatile.Read(ref _due) != long.MaxValue;

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            _due = dueTime < TimeSpan.Zero ? long.MaxValue : time.GetTimestamp() + dueTime.Ticks;
            _period = period;
            return true;
        }

        public void FireWhenDue(long now)
        {
            if (now < _due)
                return;
            _due = _period > TimeSpan.Zero ? _due + _period.Ticks : long.MaxValue;
            callback(state);
        }

        public void Dispose() => _due = long.MaxValue;

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
