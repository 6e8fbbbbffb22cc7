namespace Qwamos.ControlBus.Tests.Boot;

/// <summary>A clock that stands still until a test moves it.</summary>
internal sealed class ManualClock(long seconds) : TimeProvider
{
    public long Seconds { get; set; } = seconds;

    public override DateTimeOffset GetUtcNow() => DateTimeOffset.FromUnixTimeSeconds(Seconds);
}
