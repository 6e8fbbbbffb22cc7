namespace Qwamos.ControlBus.Verification;

/// <summary>
/// The time a message is judged by: the clock, held up by the time floor (DESIGN section 3). All values are unix seconds.
/// <paramref name="FloorSeconds"/> is the greatest timestamp of an accepted message, 0 before the first.
/// </summary>
public readonly record struct EffectiveTime(long ClockSeconds, long FloorSeconds)
{
    /// <summary>max(clock, floor - 300).</summary>
    public long Now => Math.Max(ClockSeconds, Earliest);

    /// <summary>The clock is more than 300 s behind the floor: answers carry <c>clock_behind_floor</c>, replay asks the whole ledger.</summary>
    public bool IsBehind => ClockSeconds < Earliest;

    private long Earliest => FloorSeconds - Limits.FreshnessWindowSeconds;
}
