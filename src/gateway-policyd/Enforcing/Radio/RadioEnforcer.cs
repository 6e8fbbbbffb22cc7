using Qwamos.ControlBus.Policy;

namespace Qwamos.Gateway.Enforcing.Radio;

/// <summary>
/// Blocks this machine's radios while <c>RADIO_ISOLATION</c> is on, and once they have sent nothing for <c>RADIO_IDLE_TIMEOUT_MIN</c> minutes: until either key is
/// set again. While they may be on, who blocks one is not overruled.
/// </summary>
internal sealed class RadioEnforcer(RadioSwitch radios, IdleTimer timer, LogMessages log) : IStateEnforcer
{
    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);

    private bool _isBlocked = true;
    private long _idleMinutes;

    public IReadOnlyList<string> Keys => RadioFacts.Keys;

    public IReadOnlyDictionary<string, string> Check(IReadOnlyDictionary<string, PolicyValue> values, CancellationToken stop)
    {
        var faults = new Dictionary<string, string>(StringComparer.Ordinal);
        if (radios.Missing is { } missing)
            faults[RadioFacts.Isolation] = missing;
        else if (values[RadioFacts.Isolation].ToLine() is not ("on" or "off"))
            faults[RadioFacts.Isolation] = "the radio switch does not know this value";
        if (values[RadioFacts.IdleTimeout] is not { Type: PolicyType.Integer, Integer: >= 0 and <= int.MaxValue })
            faults[RadioFacts.IdleTimeout] = "the radio switch does not know this value";
        return faults;
    }

    public string? Apply(IReadOnlyDictionary<string, PolicyValue> values, CancellationToken stop)
    {
        _idleMinutes = values[RadioFacts.IdleTimeout].Integer;
        timer.Restart();
        return Switch(values[RadioFacts.Isolation].ToLine() != "off", stop);
    }

    /// <summary>The idle time is looked at here, too: what is to be there changes with it.</summary>
    public string? Observe(CancellationToken stop)
    {
        if (!_isBlocked && _idleMinutes > 0 && timer.Idle() >= TimeSpan.FromMinutes(_idleMinutes))
        {
            log.RadiosIdle(_idleMinutes);
            return Switch(true, stop);
        }

        return _isBlocked && radios.FirstThatIsOn() is { } radio ? $"the radio {radio} is on" : null;
    }

    public string? Undo(CancellationToken stop) => Switch(true, stop);

    private string? Switch(bool isBlocked, CancellationToken stop)
    {
        _isBlocked = isBlocked;
        return radios.Set(isBlocked) ?? (Awaits(isBlocked ? radios.FirstThatIsOn : radios.FirstBlocked, stop) is { } radio ? $"the radio {radio} is still {(isBlocked ? "on" : "blocked")}" : null);
    }

    /// <summary>A driver may take a moment.</summary>
    private static string? Awaits(Func<string?> first, CancellationToken stop)
    {
        for (TimeSpan waited = TimeSpan.Zero; first() is { } radio; waited += Pause)
        {
            if (waited >= Settling || stop.WaitHandle.WaitOne(Pause))
                return radio;
        }

        return null;
    }
}
