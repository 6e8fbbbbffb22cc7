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
    private bool _isIdle;
    private bool _isForgetful;
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

    /// <summary>Who turns a radio on after the idle time has not set a key: it is blocked again.</summary>
    public string? Apply(IReadOnlyDictionary<string, PolicyValue> values, bool isNew, CancellationToken stop)
    {
        _idleMinutes = values[RadioFacts.IdleTimeout].Integer;
        _isIdle &= !isNew;
        timer.Restart();
        return Switch(_isIdle || values[RadioFacts.Isolation].ToLine() != "off", stop);
    }

    /// <summary>The idle time is looked at here, too: what is to be there changes with it.</summary>
    public string? Observe(CancellationToken stop)
    {
        if (!_isBlocked && _idleMinutes > 0 && timer.Idle() >= TimeSpan.FromMinutes(_idleMinutes))
        {
            _isIdle = true;
            log.RadiosIdle(_idleMinutes);
            return Switch(true, stop);
        }

        if (_isBlocked)
            Remember();
        return _isBlocked && radios.FirstThatIsOn() is { } radio ? $"the radio {radio} is on" : null;
    }

    public string? Undo(CancellationToken stop) => Switch(true, stop);

    private string? Switch(bool isBlocked, CancellationToken stop)
    {
        _isBlocked = isBlocked;
        if (isBlocked)
            Remember();
        return !isBlocked ? radios.Release() : radios.Block() ?? (OnAfterAWhile(stop) is { } radio ? $"the radio {radio} is still on" : null);
    }

    private void Remember()
    {
        string? fault = radios.Remember();
        if (fault is not null && !_isForgetful)
            log.RadiosNotRemembered(fault);
        _isForgetful = fault is not null;
    }

    /// <summary>A driver may take a moment.</summary>
    private string? OnAfterAWhile(CancellationToken stop)
    {
        for (TimeSpan waited = TimeSpan.Zero; radios.FirstThatIsOn() is { } radio; waited += Pause)
        {
            if (waited >= Settling || stop.WaitHandle.WaitOne(Pause))
                return radio;
        }

        return null;
    }
}
