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
internal sealed class InForceWaits(DaemonConfig config, PolicySchema schema, LedgerStore ledger, Func<PublishedState> published, CourierView courier, TimeProvider time) : IWaitSource
{
    /// <summary>Lacking domains that are named.</summary>
    private const int MaxNamed = 16;

    /// <summary>Each who waits costs a look at each commit.</summary>
    private const int MaxWaiting = 64;

    /// <summary>So one user does not have all of them.</summary>
    private const int MaxWaitingPerUid = 8;

    private const string Waiting = "waiting";

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(Limits.ProjectionDelayMilliseconds);

    private readonly (GatewayEntry Domain, DeliveryRule Rule)[] _rules = [.. config.Gateways.Select(domain => (domain, new DeliveryRule(schema, domain)))];
    private readonly Lock _turn = new();
    private readonly Dictionary<uint, int> _byUid = [];
    private readonly InForceWords _words = new(ledger.ReadEntry);
    private TaskCompletionSource _grown = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _waiting;
    private bool _isOver;

    public bool Waits(string command) => command == Commands.GetInForce;

    /// <summary>Why a statement is about no change that this ledger has for its domain, or null. What was said of a ledger that root gave up is about none.</summary>
    public string? WhyUnproven(InForceStatement statement)
    {
        long index = statement.Entry.Index;
        if (index >= published().Size || ledger.Read(index) is not { } row || Convert.ToHexStringLower(row.LeafHash) != statement.Entry.LeafHash)
            return $"entry {index} of this ledger is not the one that is meant";
        IReadOnlyList<string>? keys = null;
        bool isFor = ledger.Parse(row) is MessageEntry { IsAccepted: true } entry && _rules.FirstOrDefault(rule => rule.Domain.Name == statement.Domain).Rule?.TryMatch(entry.Message, out keys) == true;
        return isFor && statement.Keys.All(keys!.Contains) ? null : $"entry {index} is no change of those keys for that domain";
    }

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

    public async Task<IEnumerable<(string Name, JsonValue Value)>> WaitAsync(Message message, BusRequest request, FairScheduler scheduler)
    {
        long index = Number(message, "index");
        Concern[]? concerned = null;
        string[] unserved = [];
        var older = new Dictionary<long, OlderWords>();
        bool mayWait = TryEnter(request.Peer.Uid);
        using var over = new CancellationTokenSource();
        Task end = Task.Delay(TimeSpan.FromSeconds(Math.Min(Number(message, "wait"), Limits.MaxGrowthWaitSeconds)), time, over.Token);
        try
        {
            while (true)
            {
                Task grown = Next();
                Dictionary<long, IReadOnlyDictionary<string, InForceWord>>? said = null;
                PolicyState state = published().Policy;
                // A turn is short, however long the ledger is: others have theirs in between.
                while (said is null)
                {
                    await scheduler.TurnAsync(request.Lane, () =>
                    {
                        PublishedState now = published();
                        state = now.Policy;
                        concerned ??= ConcernedBy(index, state, out unserved);
                        said = Said(concerned.SelectMany(concern => concern.Changes), now.Size, older);
                    }).ConfigureAwait(false);
                }
                Domain[] domains = [.. concerned!.Select(concern => Judge(concern, state, said))];
                if (!mayWait || domains.All(domain => domain.IsSettled) || end.IsCompleted || _isOver || request.Followed.IsCompleted)
                    return Describe(index, unserved, domains);
                await Task.WhenAny(grown, end, request.Followed).ConfigureAwait(false);
                // What comes close together is looked at together.
                if (grown.IsCompleted && !_isOver)
                    await Task.WhenAny(Task.Delay(Pause, time, over.Token), end).ConfigureAwait(false);
            }
        }
        finally
        {
            Leave(request.Peer.Uid);
            await over.CancelAsync().ConfigureAwait(false);
        }
    }

    private Task Next()
    {
        lock (_turn)
            return _grown.Task;
    }

    /// <summary>False for one more than may wait: it is answered at once.</summary>
    private bool TryEnter(uint uid)
    {
        lock (_turn)
        {
            _waiting++;
            int own = _byUid[uid] = _byUid.GetValueOrDefault(uid) + 1;
            return _waiting <= MaxWaiting && own <= MaxWaitingPerUid;
        }
    }

    private void Leave(uint uid)
    {
        lock (_turn)
        {
            _waiting--;
            if (--_byUid[uid] == 0)
                _byUid.Remove(uid);
        }
    }

    /// <summary>What is said of some changes; null when another turn is needed.</summary>
    private Dictionary<long, IReadOnlyDictionary<string, InForceWord>>? Said(IEnumerable<long> changes, long size, Dictionary<long, OlderWords> older)
    {
        var all = new Dictionary<long, IReadOnlyDictionary<string, InForceWord>>();
        foreach (long change in changes.Distinct())
        {
            if (!older.TryGetValue(change, out OlderWords? looked))
                older.Add(change, looked = new OlderWords(change));
            if (_words.Find(change, size, looked) is not { } said)
                return null;
            all.Add(change, said);
        }
        return all;
    }

    /// <summary>How what the change set stands in a domain: as the change does that stands worst.</summary>
    private static Domain Judge(Concern concern, PolicyState state, Dictionary<long, IReadOnlyDictionary<string, InForceWord>> said) =>
        concern.Changes.Select(change => Judge(change, concern, state, said[change])).MinBy(domain => domain.State switch { InForceStatement.InForce => 2, Waiting => 1, _ => 0 });

    /// <summary>
    /// How a change stands in a domain. Nothing is awaited of who is not believed, and nothing that one said counts; nor what was said before its
    /// key was this one, which may have been another machine.
    /// </summary>
    private static Domain Judge(long index, Concern concern, PolicyState state, IReadOnlyDictionary<string, InForceWord> said)
    {
        string name = concern.Name;
        if (!state.Domains.TryGetValue(name, out RecordedDomain? known))
            return new Domain(name, "not_enrolled", "no operator has vouched for its key");
        if (known.WhyNot(state.Trust.Root) is { } unheard)
            return new Domain(name, "not_enrolled", unheard);
        if (said.TryGetValue(name, out InForceWord? word) && word.Entry > known.KeyIndex)
            return word.WhyNot is { } why ? new Domain(name, InForceStatement.Failed, why) : new Domain(name, InForceStatement.InForce, "");
        // What is staged here is staged there, and it says nothing of the change before its next start.
        if (concern.Keys.Any(key => state.Staged.TryGetValue(key, out Applied staged) && staged.Index == index))
            return new Domain(name, ReportedKey.Staged, "it waits for the next start there");
        // It speaks of the changes in their order: of this one nothing more will come.
        return known.ReportedIndex >= index || concern.IsSuperseded ? new Domain(name, "superseded", "a newer change took its place there, or the domain says no more of it") : new Domain(name, Waiting, "");
    }

    private IEnumerable<(string, JsonValue)> Describe(long index, string[] unserved, Domain[] domains)
    {
        Domain[] lacking = [.. domains.Where(domain => domain.State != InForceStatement.InForce)];
        IReadOnlyDictionary<string, DomainRow>? rows = lacking.Length > 0 ? courier.ByName() : null;
        return
        [
            ("index", JsonValue.Of(index)),
            ("concerned", JsonValue.Of(domains.Length)),
            ("in_force", JsonValue.Of(domains.Length - lacking.Length)),
            ("failed", JsonValue.Of(lacking.Count(domain => domain.State == InForceStatement.Failed))),
            ("not_enrolled", JsonValue.Of(lacking.Count(domain => domain.State == "not_enrolled"))),
            ("settled", JsonValue.Of(domains.All(domain => domain.IsSettled))),
            .. unserved.Length > 0 ? [("unserved", JsonValue.Array(unserved.Select(JsonValue.Of)))] : Array.Empty<(string, JsonValue)>(),
            ("lacking", JsonValue.Array(lacking.Take(MaxNamed).Select(domain => Lacking(index, domain, rows!.GetValueOrDefault(domain.Name))))),
        ];
    }

    private JsonValue Lacking(long index, Domain domain, DomainRow? row)
    {
        string why = domain.IsSettled ? domain.Why
            : courier.Fault is { } fault ? $"the courier is {fault}"
            : row?.LastError ?? (row is null || row.Index < index ? "it has not taken the change yet" : "it has taken the change, and has not said that it is in force");
        return JsonValue.Object([("name", JsonValue.Of(domain.Name)), ("state", JsonValue.Of(domain.State)), ("why", JsonValue.Shown(why))]);
    }

    /// <summary>The domains that a change is for.</summary>
    /// <param name="index">The change's entry; none are concerned where it is no change.</param>
    /// <param name="state">What is policy now.</param>
    /// <param name="unserved">Keys that no domain takes, though one takes others: so none of a confidential change, whose keys are of one class.</param>
    private Concern[] ConcernedBy(long index, PolicyState state, out string[] unserved)
    {
        var concerned = new List<Concern>();
        MessageEntry? change = ChangeOf(index);
        foreach ((GatewayEntry domain, DeliveryRule rule) in change is null ? [] : _rules)
        {
            if (rule.TryMatch(change!.Message, out IReadOnlyList<string>? keys))
                concerned.Add(ConcernOf(domain.Name, rule, index, keys, change.Outcome!, state));
        }
        unserved = concerned.Count == 0 ? [] : [.. change!.Message.Args!.Members.Select(member => member.Key).Except(concerned.SelectMany(concern => concern.Keys), StringComparer.Ordinal)];
        return [.. concerned];
    }

    /// <summary>
    /// The changes whose words tell whether the values are in force in a domain: this one; or, where it set none of the keys because they had these values already, those that did, as far as they were for the
    /// domain. A domain says nothing of one that set nothing, and nothing more of one whose key another one has set since.
    /// </summary>
    private Concern ConcernOf(string name, DeliveryRule rule, long index, IReadOnlyList<string> keys, ChangeOutcome outcome, PolicyState state)
    {
        if (keys.Any(key => outcome.Applied.Contains(key) || outcome.Staged.Contains(key)))
            return new Concern(name, keys, [index], false);
        bool isSuperseded = keys.Any(key => state.Policy.TryGetValue(key, out Applied set) && set.Index > index);
        long SetterOf(string key) =>
            state.Policy.TryGetValue(key, out Applied set) && set.Index < index && ChangeOf(set.Index) is { } setter && rule.TryMatch(setter.Message, out _) ? set.Index : index;
        return new Concern(name, keys, [.. keys.Select(SetterOf).Distinct()], isSuperseded);
    }

    /// <summary>A domain that the change is for, which of its keys are, the changes that are asked about, and whether one of the keys that it did not set has been set since.</summary>
    private readonly record struct Concern(string Name, IReadOnlyList<string> Keys, long[] Changes, bool IsSuperseded);

    /// <summary>How the change stands in one domain.</summary>
    private readonly record struct Domain(string Name, string State, string Why)
    {
        public bool IsSettled => State != Waiting;
    }

    private MessageEntry? ChangeOf(long index) => index < published().Size && ledger.ReadEntry(index) is MessageEntry { IsAccepted: true } entry ? entry : null;

    private static long Number(Message message, string name) => message.Args!.TryGet(name, out JsonValue? value) && value.TryGetInteger(out long number) ? number : 0;
}
