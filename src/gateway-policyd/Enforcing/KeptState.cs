using Qwamos.ControlBus;
using Qwamos.ControlBus.Policy;

namespace Qwamos.Gateway.Enforcing;

/// <summary>
/// What one built-in enforcer has put in force, and whether it still is: applied and looked at again at once, so that an enforcer which lies is found out; closed
/// when it could not be applied, and until one of its keys is set for the first time; corrected, or said, when somebody changed it.
/// </summary>
/// <param name="enforcer">The enforcer.</param>
/// <param name="isCorrected">Drift is corrected; else only said.</param>
/// <param name="time">The clock.</param>
/// <param name="log">The log.</param>
/// <param name="note">Takes the outcome of each enforcement.</param>
internal sealed class KeptState(IStateEnforcer enforcer, bool isCorrected, TimeProvider time, LogMessages log, Action<Enforcement, EnforcementOutcome> note)
{
    private static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(Limits.EnforcementRetrySeconds);

    private IReadOnlyList<Enforcement> _tried = [];
    private long _triedAt;
    private string? _why; // what was tried last is not in force; null: it is
    private bool _isDrifted;
    private string? _said;

    public IReadOnlyList<string> Keys => enforcer.Keys;

    /// <summary>Whether what was tried last was put in force.</summary>
    public bool IsInForce => _why is null && _tried.Count > 0;

    private bool HasTried(IReadOnlyList<Enforcement> wanted) => ReferenceEquals(wanted, _tried) || wanted.SequenceEqual(_tried);

    /// <summary>Puts in force what is wanted now; where it was tried already, looks whether it still is. Blocks for some seconds at most.</summary>
    /// <exception cref="OperationCanceledException">Stopped.</exception>
    public void Round(IReadOnlyList<Enforcement> wanted, CancellationToken stop)
    {
        if (!HasTried(wanted) || (_why is not null && time.GetElapsedTime(_triedAt) >= RetryAfter))
            Try(wanted, stop);
        else
            Look(stop);
    }

    private void Try(IReadOnlyList<Enforcement> wanted, CancellationToken stop)
    {
        bool isNew = !HasTried(wanted);
        if (wanted.All(enforcement => enforcement.Index == StateKeeper.NeverSet))
        {
            (_tried, _triedAt, _isDrifted, _why) = (wanted, time.GetTimestamp(), false, "no key was set");
            string? fault = Close(stop);
            if (isNew)
                log.NothingSet(string.Join(", ", Keys), fault is null ? "closed until then" : $"and it could not be closed: {fault}");
            NoteAll(_ => fault is null ? EnforcementOutcome.ClosedUntilSet : EnforcementOutcome.Failed($"it could not be closed: {fault}"));
            return;
        }

        var values = wanted.ToDictionary(enforcement => enforcement.Key.Name, enforcement => enforcement.Value, StringComparer.Ordinal);
        IReadOnlyDictionary<string, string> faults = enforcer.Check(values, stop);
        string? why = faults.Count > 0 ? string.Join("; ", faults.Select(fault => $"{fault.Key}: {fault.Value}"))
            : enforcer.Apply(values, isNew, stop) ?? (enforcer.Observe(stop) is { } difference ? $"it was applied, and is not there: {difference}" : null);
        stop.ThrowIfCancellationRequested();
        bool isNews = isNew || _why != why;
        // Before it is closed: a stop meanwhile must find that this is not in force.
        (_tried, _triedAt, _isDrifted, _why) = (wanted, time.GetTimestamp(), false, why);
        if (why is null)
        {
            log.InForce(Describe(wanted));
            NoteAll(_ => EnforcementOutcome.Done);
            return;
        }

        string? open = Close(stop);
        string end = open is null ? "closed meanwhile" : $"and it could not be closed: {open}";
        if (isNews)
            log.NotInForce(Describe(wanted), why, end);
        NoteAll(enforcement => EnforcementOutcome.Failed(
            faults.Count == 0 ? $"{why}; {end}"
            : faults.TryGetValue(enforcement.Key.Name, out string? own) ? $"{own}; {end}"
            : $"not without {faults.Keys.First()}, which is not in force; {end}",
            isClosed: open is null));
    }

    private void Look(CancellationToken stop)
    {
        string? difference = enforcer.Observe(stop);
        stop.ThrowIfCancellationRequested();
        if (difference is null)
        {
            if (_isDrifted)
                NoteAll(_ => EnforcementOutcome.Done);
            (_isDrifted, _said) = (false, null);
        }
        else if (_why is not null)
        {
            // Again and again where it cannot be closed: said once.
            string? open = Close(stop);
            if (_said != difference)
                log.Drifted(string.Join(", ", Keys), difference, open is null ? "closed again" : $"and it could not be closed: {open}");
            _said = difference;
        }
        else if (isCorrected)
        {
            log.Drifted(string.Join(", ", Keys), difference, "corrected");
            NoteAll(_ => EnforcementOutcome.Drifted(difference));
            Try(_tried, stop);
        }
        else
        {
            if (!_isDrifted)
                log.Drifted(string.Join(", ", Keys), difference, "left as it is, as gateway.json says");
            _isDrifted = true;
            NoteAll(_ => EnforcementOutcome.Drifted(difference));
        }
    }

    /// <summary>Why what the keys guard is not closed, or null.</summary>
    private string? Close(CancellationToken stop)
    {
        string? why = enforcer.Undo(stop) ?? enforcer.Observe(stop);
        stop.ThrowIfCancellationRequested();
        return why;
    }

    private void NoteAll(Func<Enforcement, EnforcementOutcome> outcome)
    {
        foreach (Enforcement enforcement in _tried)
            note(enforcement, outcome(enforcement));
    }

    private static string Describe(IEnumerable<Enforcement> wanted) =>
        string.Join(", ", wanted.Select(enforcement => $"{enforcement.Key.Name}={(enforcement.Key.IsConfidential ? HiddenValues.Text : enforcement.Value.ToLine())}"));
}
