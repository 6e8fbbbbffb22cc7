using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Hosting.Listening;

namespace Qwamos.Gateway.Receiving;

/// <summary>Logs refusals, but not a flood of them: so many a window, and then how many more there were.</summary>
internal sealed class RefusalLog(TimeProvider time, LogMessages log)
{
    private const int MaxLinesPerWindow = 20;
    private static readonly TimeSpan Window = TimeSpan.FromSeconds(10);

    private readonly Lock _gate = new();
    private long _windowStart = time.GetTimestamp();
    private int _lines;
    private long _leftOut;

    /// <summary>Never blocks for long; called on any thread.</summary>
    public void Note(PeerCredentials peer, Refusal refusal)
    {
        long leftOut;
        lock (_gate)
        {
            leftOut = NextWindow();
            if (_lines >= MaxLinesPerWindow)
            {
                _leftOut++;
                return;
            }

            _lines++;
        }

        if (leftOut > 0)
            log.RefusalsLeftOut(leftOut);
        log.Refused(ErrorCodes.Name(refusal.Code), refusal.Reason, peer.Uid);
    }

    private long NextWindow()
    {
        if (time.GetElapsedTime(_windowStart) < Window)
            return 0;
        long leftOut = _leftOut;
        _windowStart = time.GetTimestamp();
        _lines = 0;
        _leftOut = 0;
        return leftOut;
    }
}
