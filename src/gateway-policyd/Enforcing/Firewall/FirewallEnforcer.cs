using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Policy;

namespace Qwamos.Gateway.Enforcing.Firewall;

/// <summary>Has the kernel filter packets as the three keys say, together: one ruleset, in a table of its own.</summary>
internal sealed class FirewallEnforcer(FirewallFacts facts, Nft nft) : IStateEnforcer
{
    /// <summary>What the kernel is to have: what was loaded last.</summary>
    private Ruleset _desired = Ruleset.Closed(facts.Control);

    public IReadOnlyList<string> Keys => FirewallFacts.Keys;

    public IReadOnlyDictionary<string, string> Check(IReadOnlyDictionary<string, PolicyValue> values, CancellationToken stop)
    {
        var faults = new Dictionary<string, string>(StringComparer.Ordinal);
        Ruleset? ruleset = Make(values, faults);
        if (ruleset is not null && nft.Check(ruleset.ToText(NothingCounted), stop) is { } fault)
            AddToAll(faults, fault);
        return faults;
    }

    public string? Apply(IReadOnlyDictionary<string, PolicyValue> values, bool isNew, CancellationToken stop)
    {
        var faults = new Dictionary<string, string>(StringComparer.Ordinal);
        return Make(values, faults) is { } ruleset ? Load(ruleset, stop) : faults.Values.First();
    }

    public string? Observe(CancellationToken stop) => nft.TryList(stop, out RulesetListing? listing, out string? fault) ? listing.DifferenceFrom(_desired) : fault;

    /// <summary>Nothing passes but the control link: the ruleset before may be more open than the policy that could not be put in force.</summary>
    public string? Undo(CancellationToken stop) => Load(Ruleset.Closed(facts.Control), stop);

    private static Dictionary<string, CounterValue> NothingCounted { get; } = [];

    private string? Load(Ruleset ruleset, CancellationToken stop)
    {
        IReadOnlyDictionary<string, CounterValue> counted = nft.TryList(stop, out RulesetListing? before, out _) ? before.Counted() : NothingCounted;
        _desired = ruleset;
        return nft.Load(ruleset.ToText(counted), stop);
    }

    /// <summary>Null where a value is not known, or needs a fact that is not; why is noted.</summary>
    private Ruleset? Make(IReadOnlyDictionary<string, PolicyValue> values, Dictionary<string, string> faults)
    {
        var policy = FirewallPolicy.From(values, faults);
        policy.FindMissing(facts, faults);
        // Looked up each time: the package that makes the user may come after this gateway's start.
        uint torUser = 0;
        if (facts.Tor is { } tor && !Posix.TryFindUser(tor.User, out torUser))
            AddToAll(faults, $"there is no user {tor.User} here, who is Tor by gateway.json");
        else if (facts.Tor is not null && torUser == 0)
            AddToAll(faults, $"Tor's user by gateway.json, {facts.Tor.User}, is root: every program of root would pass for Tor");
        return faults.Count == 0 ? Ruleset.For(policy, facts, torUser) : null;
    }

    private static void AddToAll(Dictionary<string, string> faults, string fault)
    {
        foreach (string key in FirewallFacts.Keys)
            faults.TryAdd(key, fault);
    }
}
