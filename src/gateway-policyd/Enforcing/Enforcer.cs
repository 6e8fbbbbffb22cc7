using System.Collections.Immutable;
using Qwamos.ControlBus;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Policy;

namespace Qwamos.Gateway.Enforcing;

/// <summary>
/// Puts accepted values in force: by the enforcers that are built in (<see cref="StateKeeper"/>), and for every other key by its hook, one after another on a
/// thread of its own: a hook that hangs delays other hooks, never an answer. States are enforced again at each start, for what was set up may be gone after a
/// restart of the system; an event never is.
/// </summary>
internal sealed class Enforcer : IDisposable
{
    private readonly EnforcementQueue _queue = new();
    private readonly SemaphoreSlim _wake = new(0);
    private readonly CancellationTokenSource _stop = new();
    private readonly HookDirectory _hooks;
    private readonly StateKeeper? _keeper;
    private readonly TimeProvider _time;
    private readonly LogMessages _log;
    private readonly Thread _worker;
    private ImmutableSortedDictionary<string, ObservedKey> _observed = ImmutableSortedDictionary.Create<string, ObservedKey>(StringComparer.Ordinal);

    public Enforcer(HookDirectory hooks, TimeProvider time, LogMessages log, StateKeeper? keeper = null)
    {
        _hooks = hooks;
        _keeper = keeper;
        _time = time;
        _log = log;
        _worker = new Thread(Work) { IsBackground = true, Name = "hooks" };
        if (keeper is not null)
            keeper.Noted += Note;
    }

    /// <summary>Raised on the worker after an outcome changed; for the projection.</summary>
    public event Action? Changed;

    /// <summary>The outcome of each key's latest change since the start.</summary>
    public IReadOnlyDictionary<string, EnforcementOutcome> Outcomes =>
        Observed.ToImmutableSortedDictionary(pair => pair.Key, pair => pair.Value.Outcome, StringComparer.Ordinal);

    /// <summary>The same with the values, and since when each is so.</summary>
    public ImmutableSortedDictionary<string, ObservedKey> Observed => Volatile.Read(ref _observed);

    public void Start()
    {
        _worker.Start();
        _keeper?.Start();
    }

    /// <summary>Whether a built-in enforcer has the key: it needs no time of the hooks'.</summary>
    public bool IsBuiltIn(PolicyKey key) => _keeper?.Keeps(key.Name) == true;

    /// <summary>Never blocks: the values of one change, which the built-in enforcers put in force together. The entry must be durable.</summary>
    public void Add(IReadOnlyCollection<Enforcement> change)
    {
        Enforcement[] kept = [.. change.Where(enforcement => IsBuiltIn(enforcement.Key))];
        if (kept.Length > 0)
            _keeper!.Want(kept);
        foreach (Enforcement enforcement in change.Except(kept))
            AddHook(enforcement);
    }

    /// <summary>Applies at once what of a start's staged values the built-in enforcers have, together; <see cref="Outcomes"/> has what became of it.</summary>
    /// <exception cref="OperationCanceledException">Stopped.</exception>
    public void RunStaged(IEnumerable<Enforcement> staged, CancellationToken stop) =>
        _keeper?.ApplyNow([.. staged.Where(enforcement => IsBuiltIn(enforcement.Key))], stop);

    /// <summary>Runs one enforcement at once on the caller's thread: for what waits for a start, before the daemon listens. What <see cref="RunStaged"/> applied has its outcome already.</summary>
    /// <exception cref="OperationCanceledException">Stopped; a hook that ran was killed, and nothing is noted.</exception>
    public EnforcementOutcome RunNow(Enforcement enforcement, CancellationToken stop)
    {
        if (IsBuiltIn(enforcement.Key))
            return Outcomes.TryGetValue(enforcement.Key.Name, out EnforcementOutcome known) ? known : Skip(enforcement, "it was not applied");
        if (IsTooLate(enforcement))
            return Skip(enforcement, $"signed more than {Limits.FreshnessWindowSeconds} s ago");
        EnforcementOutcome outcome = Run(enforcement, stop);
        Note(enforcement, outcome);
        return outcome;
    }

    /// <summary>Notes that an enforcement failed, its hook not run.</summary>
    public EnforcementOutcome Skip(Enforcement enforcement, string why)
    {
        EnforcementOutcome outcome = EnforcementOutcome.Failed(why);
        Note(enforcement, outcome);
        return outcome;
    }

    /// <summary>Ends a hook that runs: its state is enforced again at the next start.</summary>
    public void Dispose()
    {
        _keeper?.Dispose();
        _stop.Cancel();
        if (_worker.IsAlive)
            _worker.Join();
        _stop.Dispose();
        _wake.Dispose();
    }

    private void AddHook(Enforcement enforcement)
    {
        // Noted before it is queued: the worker may be awake for an older one, and its outcome must come after this.
        Note(enforcement, EnforcementOutcome.Waiting);
        if (_queue.TryAdd(enforcement))
            _wake.Release();
        else
            _ = Skip(enforcement, "too many events wait");
    }

    private void Work()
    {
        try
        {
            while (true)
            {
                _wake.Wait(_stop.Token);
                if (_queue.TryTake(out Enforcement? next))
                    _ = RunNow(next, _stop.Token);
            }
        }
        catch (OperationCanceledException)
        {
            // Stopped.
        }
    }

    private EnforcementOutcome Run(Enforcement enforcement, CancellationToken stop)
    {
        EnforcementOutcome outcome = _hooks.Run(enforcement, out string output, stop);
        stop.ThrowIfCancellationRequested();
        if (outcome.IsFailure)
            _log.EnforcementFailed(enforcement.Key.Name, enforcement.Index, outcome.ToString(), output);
        else if (outcome.IsDone)
            _log.Enforced(enforcement.Key.Name, enforcement.Index);
        return outcome;
    }

    private bool IsTooLate(Enforcement enforcement) =>
        enforcement.SignedSeconds is { } signed
        && Math.Abs(_time.GetUtcNow().ToUnixTimeSeconds() - signed) > Limits.FreshnessWindowSeconds;

    private void Note(Enforcement enforcement, EnforcementOutcome outcome)
    {
        long now = _time.GetUtcNow().ToUnixTimeSeconds();
        // The same again, as of what is tried each few seconds, is no news: nothing is written, and nobody told.
        if (ImmutableInterlocked.Update(ref _observed, (all, item) => all.SetItem(item.enforcement.Key.Name, Next(all.GetValueOrDefault(item.enforcement.Key.Name), item.enforcement, item.outcome, item.now)), (enforcement, outcome, now)))
            Changed?.Invoke();
    }

    private static ObservedKey Next(ObservedKey? before, Enforcement enforcement, EnforcementOutcome outcome, long now) =>
        before is not null && before.Enforcement == enforcement && before.Outcome == outcome
            ? before
            : new ObservedKey(enforcement, outcome, now, outcome.State == ReportedKey.Drifted ? now : before?.DriftedSeconds);
}
