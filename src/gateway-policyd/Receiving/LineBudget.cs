namespace Qwamos.Gateway.Receiving;

/// <summary>Bounds how many lines of one kind are logged in a window of time, and counts the others.</summary>
internal sealed class LineBudget(TimeProvider time)
{
    public const int MaxLinesPerWindow = 20;
    private static readonly TimeSpan Window = TimeSpan.FromSeconds(10);

    private readonly Lock _gate = new();
    private long _windowStart = time.GetTimestamp();
    private int _lines;
    private long _leftOut;

    /// <summary>True when a line may be written now; <paramref name="leftOut"/> is how many were not since the last window.</summary>
    public bool TryTake(out long leftOut)
    {
        lock (_gate)
        {
            leftOut = 0;
            if (time.GetElapsedTime(_windowStart) >= Window)
            {
                leftOut = _leftOut;
                _windowStart = time.GetTimestamp();
                _lines = 0;
                _leftOut = 0;
            }

            if (_lines < MaxLinesPerWindow)
            {
                _lines++;
                return true;
            }

            _leftOut++;
            return false;
        }
    }
}
