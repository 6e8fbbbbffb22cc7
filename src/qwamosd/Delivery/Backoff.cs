namespace Qwamos.Daemon.Delivery;

/// <summary>Waits between attempts: doubling from 0.2 s up to 5 s, so that a gateway that comes back is served soon after.</summary>
internal sealed class Backoff
{
    private const int FirstMilliseconds = 200;
    private const int MaxMilliseconds = 5_000;

    private int _next = FirstMilliseconds;

    public TimeSpan Next()
    {
        int now = _next;
        _next = Math.Min(now * 2, MaxMilliseconds);
        return TimeSpan.FromMilliseconds(now);
    }

    public void Reset() => _next = FirstMilliseconds;
}
