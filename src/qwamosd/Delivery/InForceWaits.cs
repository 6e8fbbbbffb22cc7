using Qwamos.ControlBus;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Hosting.Listening;
using Qwamos.ControlBus.Hosting.Pipeline;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Policy;

namespace Qwamos.Daemon.Delivery;

/// <summary>
/// <c>get_in_force</c>: in how many of the domains that a change concerns it is in force, by the ledger's entries, and which ones lack it. Waits until nothing more can come, or the time is over.
/// Thread-safe.
/// </summary>
internal sealed class InForceWaits(DaemonConfig config, PolicySchema schema, LedgerStore ledger, Func<PublishedState> published, CourierView courier, TimeProvider time) : IWaitSource, IDisposable
{
    /// <summary>Lacking domains that are named.</summary>
    private const int MaxNamed = 16;

    /// <summary>Entries after the change in which its reports are looked for.</summary>
    private const int MaxEntriesRead = 8_192;

    /// <summary>Each who waits costs a look at each commit.</summary>
    private const int MaxWaiting = 64;

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(Limits.ProjectionDelayMilliseconds);

    private readonly (GatewayEntry Domain, DeliveryRule Rule)[] _rules = [.. config.Gateways.Select(domain => (domain, new DeliveryRule(schema, domain)))];
    private readonly Lock _turn = new();

    // Anybody may ask: reading takes one processor at most.
    private readonly SemaphoreSlim _reading = new(1, 1);
    private TaskCompletionSource _grown = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _waiting;
    private bool _isOver;

    public bool Waits(string command) => command == Commands.GetInForce;

    /// <summary>Whether an entry is an accepted change for a domain.</summary>
    public bool Concerns(long index, string domain) =>
        ChangeOf(index) is { } change && _rules.FirstOrDefault(rule => rule.Domain.Name == domain).Rule?.TryMatch(change, out _) == true;

    /// <summary>To be called after each commit; never blocks.</summary>
    public void Grown()
    {
        TaskCompletionSource before;
        lock (_turn)
        {
            if (_isOver || _waiting == 0)
                return;
            before = _grown;
            _grown = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }
        before.TrySetResult();
    }

    /// <summary>Nobody waits from here on: the daemon ends.</summary>
    public void Release()
    {
        lock (_turn)
            _isOver = true;
        _grown.TrySetResult();
    }

    public void Dispose() => _reading.Dispose();

    public async Task<IEnumerable<(string Name, JsonValue Value)>> WaitAsync(Message message, BusRequest request)
    {
        long index = Number(message, "index");
        string[] concerned = ChangeOf(index) is { } change ? [.. _rules.Where(rule => rule.Rule.TryMatch(change, out _)).Select(rule => rule.Domain.Name)] : [];
        var said = new Dictionary<string, InForceStatement>(StringComparer.Ordinal);
        long read = index + 1;
        bool mayWait = Interlocked.Increment(ref _waiting) <= MaxWaiting;
        using var over = new CancellationTokenSource();
        Task end = Task.Delay(TimeSpan.FromSeconds(Math.Min(Number(message, "wait"), Limits.MaxGrowthWaitSeconds)), time, over.Token);
        try
        {
            while (true)
            {
                Task grown = Next();
                read = await ReadAsync(index, read, said).ConfigureAwait(false);
                if (!mayWait || IsSettled(concerned, said) || end.IsCompleted || _isOver || request.Followed.IsCompleted)
                    return Describe(index, concerned, said);
                await Task.WhenAny(grown, end, request.Followed).ConfigureAwait(false);
                // What comes close together is looked at together.
                if (grown.IsCompleted && !_isOver)
                    await Task.WhenAny(Task.Delay(Pause, time, over.Token), end).ConfigureAwait(false);
            }
        }
        finally
        {
            Interlocked.Decrement(ref _waiting);
            await over.CancelAsync().ConfigureAwait(false);
        }
    }

    private Task Next()
    {
        lock (_turn)
            return _grown.Task;
    }

    private async Task<long> ReadAsync(long index, long from, Dictionary<string, InForceStatement> said)
    {
        await _reading.WaitAsync().ConfigureAwait(false);
        try
        {
            long end = Math.Min(published().Size, index + MaxEntriesRead);
            for (; from < end; from++)
            {
                if (ledger.ReadEntry(from) is InForceEntry { Statement: var statement } && statement.Index == index)
                    said.TryAdd(statement.Domain, statement);
            }
            return from;
        }
        finally
        {
            _reading.Release();
        }
    }

    /// <summary>Nothing is awaited of who is not believed.</summary>
    private bool IsSettled(string[] concerned, Dictionary<string, InForceStatement> said)
    {
        PolicyState state = published().Policy;
        return concerned.All(name => said.ContainsKey(name) || WhyUnheard(state, name) is not null);
    }

    private static string? WhyUnheard(PolicyState state, string name) =>
        state.Domains.TryGetValue(name, out RecordedDomain? domain) ? domain.WhyNot(state.Trust.Root) : "no operator has vouched for its key";

    private IEnumerable<(string, JsonValue)> Describe(long index, string[] concerned, Dictionary<string, InForceStatement> said)
    {
        PolicyState state = published().Policy;
        string[] lacking = [.. concerned.Where(name => !said.TryGetValue(name, out InForceStatement? statement) || statement.WhyNot is not null)];
        IReadOnlyDictionary<string, DomainRow>? rows = lacking.Length > 0 ? courier.ByName() : null;
        return
        [
            ("index", JsonValue.Of(index)),
            ("concerned", JsonValue.Of(concerned.Length)),
            ("in_force", JsonValue.Of(concerned.Length - lacking.Length)),
            ("failed", JsonValue.Of(lacking.Count(said.ContainsKey))),
            ("not_enrolled", JsonValue.Of(lacking.Count(name => !said.ContainsKey(name) && WhyUnheard(state, name) is not null))),
            ("settled", JsonValue.Of(IsSettled(concerned, said))),
            ("lacking", JsonValue.Array(lacking.Take(MaxNamed).Select(name => Lacking(index, name, state, said, rows!.GetValueOrDefault(name))))),
        ];
    }

    private static JsonValue Lacking(long index, string name, PolicyState state, Dictionary<string, InForceStatement> said, DomainRow? row)
    {
        string? unheard = WhyUnheard(state, name);
        (string stateWord, string why) = said.TryGetValue(name, out InForceStatement? statement) ? ("failed", statement.WhyNot!)
            : unheard is not null ? ("not_enrolled", unheard)
            : row is null || row.Index < index ? ("waiting", row?.LastError ?? "it has not taken the change yet")
            : state.Domains[name].ReportedIndex > index ? ("superseded", "a newer change took its place there")
            : ("waiting", row.LastError ?? "it has taken the change, and has not said that it is in force");
        return JsonValue.Object([("name", JsonValue.Of(name)), ("state", JsonValue.Of(stateWord)), ("why", JsonValue.Shown(why))]);
    }

    private Message? ChangeOf(long index) => index < published().Size && ledger.ReadEntry(index) is MessageEntry { IsAccepted: true } entry ? entry.Message : null;

    private static long Number(Message message, string name) => message.Args!.TryGet(name, out JsonValue? value) && value.TryGetInteger(out long number) ? number : 0;
}
