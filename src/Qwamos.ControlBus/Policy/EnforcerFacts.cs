namespace Qwamos.ControlBus.Policy;

/// <summary>What gateway.json says of this machine to the enforcers that are built in. Where one's part is absent, its keys are the hooks'.</summary>
/// <param name="WarnedOf">The keys whose drift is said and not corrected (<c>"drift":{KEY:"warn"}</c>).</param>
public sealed record EnforcerFacts(FirewallFacts? Firewall, RadioFacts? Radio, IReadOnlySet<string> WarnedOf)
{
    public static EnforcerFacts None { get; } = new(null, null, new HashSet<string>(StringComparer.Ordinal));

    /// <summary>The keys that are enforced here without a hook.</summary>
    public IEnumerable<string> Keys => (Firewall is null ? [] : FirewallFacts.Keys).Concat(Radio is null ? [] : RadioFacts.Keys);
}
