using Qwamos.ControlBus;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Hosting.Listening;
using Qwamos.ControlBus.Hosting.Pipeline;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Policy;
using Qwamos.ControlBus.Verification;
using Qwamos.Gateway.Enforcing;
using Qwamos.Gateway.Receiving;

namespace Qwamos.Gateway.Reporting;

/// <summary>
/// <c>get_report</c>: what this domain says of its keys, signed by its own key. Everything is made from the state and the outcomes when it is asked for; what is
/// remembered is only that something changed. Thread-safe.
/// </summary>
internal sealed class Reports(ReceiverSettings settings, SigningKey key, Func<PolicyState> policy, Func<IReadOnlyDictionary<string, ObservedKey>> observed, Func<bool> isStale, TimeProvider time) : IWaitSource
{
    /// <summary>In-force statements in one report.</summary>
    public const int MaxStatements = 16;

    /// <summary>A longer report loses what explains it: the answer has room for the statements, too.</summary>
    private const int MaxReportBytes = 32_000;

    private readonly Lock _turn = new();

    // Another start has other numbers, as long as its clock goes on.
    private long _number = time.GetUtcNow().ToUnixTimeMilliseconds();
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private bool _isOver;

    public bool Waits(string command) => command == Commands.GetReport;

    /// <summary>Something of what a report says may be otherwise; never blocks.</summary>
    public void HasChanged()
    {
        TaskCompletionSource before;
        lock (_turn)
        {
            _number++;
            if (_isOver)
                return;
            before = _changed;
            _changed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }
        before.TrySetResult();
    }

    /// <summary>Nobody waits from here on: the daemon ends.</summary>
    public void Release()
    {
        lock (_turn)
            _isOver = true;
        _changed.TrySetResult();
    }

    public async Task<IEnumerable<(string Name, JsonValue Value)>> WaitAsync(Message message, BusRequest request, FairScheduler scheduler)
    {
        ReportQuestion question = message.ReportQuestion!;
        (long number, Task changed) = Now();
        if (number == question.After)
        {
            using var over = new CancellationTokenSource();
            await Task.WhenAny(changed, request.Followed, Task.Delay(TimeSpan.FromSeconds(Math.Min(question.WaitSeconds, Limits.MaxGrowthWaitSeconds)), time, over.Token)).ConfigureAwait(false);
            await over.CancelAsync().ConfigureAwait(false);
            (number, _) = Now();
        }
        IEnumerable<(string, JsonValue)> members = [];
        await scheduler.TurnAsync(request.Lane, () => members = Make(number, question)).ConfigureAwait(false);
        return members;
    }

    private (long Number, Task Changed) Now()
    {
        lock (_turn)
            return (_number, _changed.Task);
    }

    private IEnumerable<(string, JsonValue)> Make(long number, ReportQuestion question)
    {
        PolicyState state = policy();
        IReadOnlyDictionary<string, ObservedKey> outcomes = observed();
        // A clock that was set back is held up, as for everything else.
        long now = new EffectiveTime(time.GetUtcNow().ToUnixTimeSeconds(), state.FloorSeconds).Now;
        var keys = settings.Schema.Keys.Where(settings.Scope.Includes).Select(key => (key.Name, Row: Describe(key, state, outcomes))).Where(item => item.Row is not null)
            .ToDictionary(item => item.Name, item => item.Row!, StringComparer.Ordinal);
        var report = new DomainReport(settings.SystemId ?? "", settings.Domain.Name, settings.Domain.Class, number, now, question.Nonce, keys, isStale(), state.Trust.Version);
        if (JsonText.Bytes(report.ToJson()).Length > MaxReportBytes)
            report = report with { Keys = keys.ToDictionary(pair => pair.Key, pair => pair.Value with { Observed = null, Why = null }, StringComparer.Ordinal) };
        return
        [
            ("report", report.ToJson()),
            ("signature", JsonValue.Of(report.Sign(key))),
            ("in_force", JsonValue.Array(Statements(state, outcomes, question.Confirmed, now).Select(statement => statement.ToJson()))),
        ];
    }

    /// <summary>Null for a key that nobody set and nothing acts on.</summary>
    private ReportedKey? Describe(PolicyKey policyKey, PolicyState state, IReadOnlyDictionary<string, ObservedKey> outcomes)
    {
        JsonValue Shown(PolicyValue value) => ReportedKey.Short(HiddenValues.ToJson(settings.Schema, policyKey.Name, value));
        ObservedKey? known = outcomes.GetValueOrDefault(policyKey.Name);
        JsonValue? there = known is null ? null : known.Outcome.State is ReportedKey.InForce ? Shown(known.Enforcement.Value) : known.Outcome.IsClosed ? JsonValue.Of(ReportedKey.Closed) : null;
        if (state.Staged.TryGetValue(policyKey.Name, out Applied staged))
            return new ReportedKey(Shown(staged.Value), there, ReportedKey.Staged, null, state.OriginOf(staged)?.Index, "it waits for the next start", known?.DriftedSeconds);
        if (state.Policy.TryGetValue(policyKey.Name, out Applied set))
        {
            return known is null || known.Enforcement.Index != set.Index
                ? new ReportedKey(Shown(set.Value), null, ReportedKey.Waiting, null, state.OriginOf(set)?.Index, "it waits for its enforcer", known?.DriftedSeconds)
                : new ReportedKey(Shown(set.Value), there, known.Outcome.State, known.SinceSeconds, state.OriginOf(set)?.Index, Short(known.Outcome.Why), known.DriftedSeconds);
        }
        return known is null ? null : new ReportedKey(Shown(known.Enforcement.Value), there, known.Outcome.State, known.SinceSeconds, null, Short(known.Outcome.Why), known.DriftedSeconds);
    }

    /// <summary>
    /// The changes of which it is settled whether they are in force, from the oldest on that Dom0 has not confirmed: none before an older one, for Dom0 takes them in
    /// the order of their entries. A key that is set anew is its newest change's.
    /// </summary>
    private List<InForceStatement> Statements(PolicyState state, IReadOnlyDictionary<string, ObservedKey> outcomes, long confirmed, long now)
    {
        var statements = new List<InForceStatement>();
        if (settings.SystemId is not { } system)
            return statements;
        var changes = new SortedDictionary<long, (EntryReference Entry, SortedDictionary<string, Applied> Keys)>();
        foreach ((string name, Applied set) in state.Policy.Concat(state.Staged))
        {
            if (state.OriginOf(set) is not { } entry || entry.Index <= confirmed || !settings.Schema.TryGet(name, out PolicyKey? policyKey) || !settings.Scope.Includes(policyKey))
                continue;
            if (!changes.TryGetValue(entry.Index, out var change))
                changes.Add(entry.Index, change = (entry, new SortedDictionary<string, Applied>(StringComparer.Ordinal)));
            change.Keys[name] = set;
        }
        foreach ((EntryReference entry, SortedDictionary<string, Applied> keys) in changes.Values)
        {
            // What waits for the next start is settled then; what somebody changed, when that is corrected.
            if (keys.Keys.Any(name => state.Staged.ContainsKey(name) || outcomes.GetValueOrDefault(name)?.Outcome.State == ReportedKey.Drifted))
                continue;
            var faults = new List<string>();
            foreach ((string name, Applied set) in keys)
            {
                if (!outcomes.TryGetValue(name, out ObservedKey? known) || known.Enforcement.Index != set.Index || known.Outcome.State == ReportedKey.Waiting)
                    return statements;
                if (!known.Outcome.IsDone)
                    faults.Add($"{name}: {known.Outcome}");
            }
            statements.Add(InForceStatement.Sign(key, settings.Domain.Name, system, entry, keys.Keys, faults.Count == 0 ? null : string.Join("; ", faults), now));
            if (statements.Count == MaxStatements)
                break;
        }
        return statements;
    }

    private static string? Short(string? why) => why is null ? null : CodePoints.Take(JsonValue.Shown(why).AsString, ReportedKey.MaxWhyCodePoints);
}
