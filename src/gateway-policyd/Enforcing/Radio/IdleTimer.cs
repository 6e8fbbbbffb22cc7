using System.Globalization;
using Qwamos.ControlBus.Files;

namespace Qwamos.Gateway.Enforcing.Radio;

/// <summary>
/// How long interfaces have sent nothing, by the kernel's own counters. What they receive does not count: a stranger who sends without end must not keep a radio on.
/// </summary>
internal sealed class IdleTimer(SystemPaths paths, IReadOnlyList<string> interfaces, TimeProvider time)
{
    private readonly string[] _counters = [.. interfaces.Select(name => paths.At($"/sys/class/net/{name}/statistics/tx_packets"))];
    private long _sent;
    private long _since;

    public void Restart() => (_sent, _since) = (Sent(), time.GetTimestamp());

    /// <summary>The time since the last packet that was seen to be sent; an interface that is not there sends none.</summary>
    public TimeSpan Idle()
    {
        if (Sent() != _sent)
            Restart();
        return time.GetElapsedTime(_since);
    }

    private long Sent() => _counters.Sum(counter =>
    {
        try
        {
            return !Posix.IsAbsent(counter) && long.TryParse(File.ReadAllText(counter).Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out long packets) ? packets : 0;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return 0;
        }
    });
}
