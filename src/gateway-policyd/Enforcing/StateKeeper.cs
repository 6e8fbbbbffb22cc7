using System.Collections.Immutable;
using Qwamos.ControlBus;
using Qwamos.ControlBus.Policy;

namespace Qwamos.Gateway.Enforcing;

/// <summary>
/// Has the built-in enforcers put in force what is policy, and keeps it so, on a thread of its own: no hook delays it. All keys of one change take effect together:
/// each enforcer sees the values before the change, or those after it.
/// </summary>
internal sealed class StateKeeper : IDisposable
{
    /// <summary>The index of a default: a gateway that was made anew, or whose record is lost, has only these, and they may be more open than what was policy.</summary>
    public const long NeverSet = -1;

    /// <summary>For what was accepted last before a stop, whose time systemd bounds.</summary>
    private static readonly TimeSpan LastRound = TimeSpan.FromSeconds(3);

    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(Limits.ObservationSeconds);

    // Waits without spinning first: it waits every two seconds, all day.
    private readonly AutoResetEvent _wake = new(false);
    private readonly CancellationTokenSource _stop = new();
    private readonly Dictionary<string, KeptState> _states = new(StringComparer.Ordinal);
    private readonly List<KeptState> _kept = [];
    private readonly PolicySchema _schema;
    private readonly Thread _worker;
    private readonly Lock _noting = new();
    private readonly Dictionary<KeptState, IReadOnlyList<Enforcement>> _lists = [];
    private ImmutableDictionary<string, Enforcement>? _listed;
    private ImmutableDictionary<string, Enforcement> _wanted = ImmutableDictionary.Create<string, Enforcement>(StringComparer.Ordinal);

    /// <param name="enforcers">No key is two's.</param>
    /// <param name="schema">Has each of their keys.</param>
    /// <param name="warnedOf">The keys whose drift is only said. An enforcer of several corrects it unless all of them are among these.</param>
    /// <param name="time">The clock.</param>
    /// <param name="log">The log.</param>
    public StateKeeper(IReadOnlyList<IStateEnforcer> enforcers, PolicySchema schema, IReadOnlySet<string> warnedOf, TimeProvider time, LogMessages log)
    {
        _schema = schema;
        foreach (IStateEnforcer enforcer in enforcers)
        {
            var state = new KeptState(enforcer, !enforcer.Keys.All(warnedOf.Contains), time, log, Note);
            _kept.Add(state);
            foreach (string key in enforcer.Keys)
                _states.Add(key, state);
        }

        Begin(PolicyState.Empty);
        _worker = new Thread(Work) { IsBackground = true, Name = "enforcers" };
    }

    /// <summary>Raised with each outcome of a value that is still wanted.</summary>
    public event Action<Enforcement, EnforcementOutcome>? Noted;

    /// <summary>Whether one of the enforcers has this key.</summary>
    public bool Keeps(string key) => _states.ContainsKey(key);

    /// <summary>What is policy at the start; a key that was never set has its default, unless all of an enforcer's are: then it stays closed. Nothing is applied yet.</summary>
    public void Begin(PolicyState policy)
    {
        foreach (string name in _states.Keys)
        {
            if (!_schema.TryGet(name, out PolicyKey? key))
                throw new InvalidOperationException($"{name} is no key of the schema");
            Applied set = policy.Policy.TryGetValue(name, out Applied applied) ? applied : new Applied(key.Default, NeverSet);
            _wanted = _wanted.SetItem(name, new Enforcement(key, set.Value, set.Index));
        }
    }

    public void Start()
    {
        if (_states.Count > 0)
            _worker.Start();
    }

    /// <summary>Never waits for an enforcer: the values of one change, all of them.</summary>
    public void Want(IReadOnlyCollection<Enforcement> change)
    {
        // The worker may be awake, and see the values at once: what it then notes must come after this.
        lock (_noting)
        {
            Volatile.Write(ref _wanted, _wanted.SetItems(change.Select(Pair)));
            foreach (Enforcement enforcement in change)
                Note(enforcement, EnforcementOutcome.Waiting);
        }
        _wake.Set();
    }

    /// <summary>
    /// For what was staged, at the start: applies these values at once, on the caller's thread. Where that fails the ones before are wanted again, for all keys of
    /// that enforcer: what was staged together is in force together or not at all.
    /// </summary>
    /// <exception cref="OperationCanceledException">Stopped.</exception>
    public void ApplyNow(IReadOnlyCollection<Enforcement> staged, CancellationToken stop)
    {
        ImmutableDictionary<string, Enforcement> before = _wanted;
        _wanted = before.SetItems(staged.Select(Pair));
        foreach (KeptState state in staged.Select(enforcement => _states[enforcement.Key.Name]).Distinct())
        {
            state.Round(WantedOf(state), stop);
            if (!state.IsInForce)
                _wanted = _wanted.SetItems(state.Keys.Select(key => KeyValuePair.Create(key, before[key])));
        }
    }

    /// <summary>Looks at each enforcer's state, and puts in force what is wanted.</summary>
    /// <exception cref="OperationCanceledException">Stopped.</exception>
    public void Round(CancellationToken stop)
    {
        foreach (KeptState state in _kept)
            state.Round(WantedOf(state), stop);
    }

    /// <summary>What is in force stays. A change that was accepted just before is still put in force, and what could not be is still closed.</summary>
    public void Dispose()
    {
        _stop.Cancel();
        if (_worker.IsAlive)
            _worker.Join();
        _stop.Dispose();
        _wake.Dispose();
    }

    private void Work()
    {
        try
        {
            while (true)
            {
                Round(_stop.Token);
                _ = WaitHandle.WaitAny([_wake, _stop.Token.WaitHandle], Pause);
                _stop.Token.ThrowIfCancellationRequested();
            }
        }
        catch (OperationCanceledException)
        {
            FinishChanges();
        }
    }

    private void FinishChanges()
    {
        using var limit = new CancellationTokenSource(LastRound);
        try
        {
            // Of all: the stop may have come while one was being closed, or put right.
            Round(limit.Token);
        }
        catch (OperationCanceledException)
        {
            // Too slow: the next start applies it.
        }
    }

    /// <summary>The same list, as long as nothing else is wanted: it is asked for every two seconds, all day.</summary>
    private IReadOnlyList<Enforcement> WantedOf(KeptState state)
    {
        ImmutableDictionary<string, Enforcement> wanted = Volatile.Read(ref _wanted);
        if (wanted != _listed)
        {
            _listed = wanted;
            _lists.Clear();
        }
        if (!_lists.TryGetValue(state, out IReadOnlyList<Enforcement>? list))
            _lists.Add(state, list = [.. state.Keys.Select(key => wanted[key])]);
        return list;
    }

    /// <summary>What became of an older value is nobody's news.</summary>
    private void Note(Enforcement enforcement, EnforcementOutcome outcome)
    {
        lock (_noting)
        {
            if (_wanted[enforcement.Key.Name] == enforcement)
                Noted?.Invoke(enforcement, outcome);
        }
    }

    private static KeyValuePair<string, Enforcement> Pair(Enforcement enforcement) => KeyValuePair.Create(enforcement.Key.Name, enforcement);
}
