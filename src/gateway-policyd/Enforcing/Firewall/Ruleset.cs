using System.Text;
using Qwamos.ControlBus.Policy;
using static Qwamos.Gateway.Enforcing.Firewall.NftStatement;

namespace Qwamos.Gateway.Enforcing.Firewall;

/// <summary>
/// The whole of <c>table inet qwamos</c>: a pure function of the policy's three values and this machine's facts (docs/guide/firewall.md has its meaning).
/// The control link is accepted before anything else. A packet that leaves must be allowed by itself, whatever its connection was before: only replies go by
/// the state of a connection, so that a policy that becomes stricter ends what it no longer allows.
/// </summary>
internal sealed record Ruleset(IReadOnlyList<NftChain> Chains)
{
    public const string Family = "inet";
    public const string Table = "qwamos";

    private const int Dns = 53;
    private const int DhcpServer = 67;
    private const int DestinationNat = -100;
    private const int Filter = 0;
    private const int SourceNat = 100;

    /// <summary>Kept when a ruleset takes the place of another.</summary>
    public static IReadOnlyList<string> Counters { get; } =
        ["control", "tor", "tunnel", "forwarded", "redirected", "dropped_in", "dropped_forward", "dropped_out"];

    /// <summary>Nothing passes but the control link, where it is known. What stands before the first policy, and in place of one that cannot be put in force.</summary>
    public static Ruleset Closed(ControlLink? control) => new([Input(control, []), Forward([]), Output(control, [])]);

    /// <param name="policy">What is to be in force; its facts are there (<see cref="FirewallPolicy.FindMissing"/>).</param>
    /// <param name="facts">This machine's.</param>
    /// <param name="torUser">The uid of Tor's user.</param>
    public static Ruleset For(FirewallPolicy policy, FirewallFacts facts, uint torUser)
    {
        ArgumentNullException.ThrowIfNull(facts.Tor);
        string[] tunnel = facts.Tunnel is null ? [] : [facts.Tunnel.Interface];
        string[] ways = policy.KillSwitch ? tunnel : [.. facts.Outside, .. tunnel];
        bool isDirect = !policy.IsStrict && policy.Tor != TorIsolation.Mandatory;
        var pairs = isDirect ? (from inside in facts.Inside from way in ways select (inside, way)).ToList() : [];
        return new Ruleset(
        [
            Input(facts.Control, Served(policy, facts)),
            Forward(
            [
                .. pairs.Select(pair => Rule(In(pair.inside), Out(pair.way), Count("forwarded"), Accept)),
                .. pairs.Select(pair => Rule([In(pair.way), Out(pair.inside), .. Replies, Accept])),
            ]),
            Output(facts.Control,
            [
                // Under basic a program's DNS went to Tor's port on a connection that the kernel remembers, and would go on sending it there.
                .. policy.IsStrict ? [Rule([.. StillRedirected, Count("dropped_out"), Drop])] : Array.Empty<NftStatement[]>(),
                .. facts.Inside.Select(inside => Rule(Out(inside), FromPort("udp", DhcpServer), Accept)),
                // Redirected, or between this machine's own addresses: it does not leave. The interface says nothing here, for that of what was redirected is still the old one: `departing` sees the new.
                Rule(ToThisMachine, Accept),
                .. facts.Inside.Select(inside => Rule([Out(inside), .. Replies, Accept])),
                .. facts.Tunnel is null ? Array.Empty<NftStatement[]>() : facts.Outside.Select(way => Rule(Out(way), To(facts.Tunnel.Endpoint), ToPort(Protocol(facts.Tunnel), facts.Tunnel.Port), Count("tunnel"), Accept)),
                .. ways.Select(way => Rule(Out(way), By(torUser), Count("tor"), Accept)),
            ]),
            new NftChain("departing", "filter", "postrouting", Filter, "accept", [Rule(OutOtherThan("lo"), ToThisMachine, Count("dropped_out"), Drop)]),
            new NftChain("prerouting", "nat", "prerouting", DestinationNat, "accept", [.. Redirected(policy, facts)]),
            new NftChain("output_nat", "nat", "output", DestinationNat, "accept",
                policy.IsStrict ? [] : [Rule(ByAnotherThan(torUser), ToElsewhere, ToPort("udp", Dns), Count("redirected"), Redirect(facts.Tor.DnsPort!.Value))]),
            new NftChain("postrouting", "nat", "postrouting", SourceNat, "accept", [.. pairs.Select(pair => Rule(In(pair.inside), Out(pair.way), Masquerade))]),
        ]);
    }

    /// <summary>
    /// One file that takes the place of whatever table of this name there is, in one transaction: the kernel has the old one whole or this one whole at each moment.
    /// </summary>
    /// <param name="counted">Packets and bytes that its counters begin with.</param>
    public string ToText(IReadOnlyDictionary<string, CounterValue> counted)
    {
        var text = new StringBuilder($"table {Family} {Table}\ndelete table {Family} {Table}\ntable {Family} {Table} {{\n");
        foreach (string counter in Counters)
        {
            CounterValue value = counted.GetValueOrDefault(counter);
            text.Append($"\tcounter {counter} {{\n\t\tpackets {value.Packets} bytes {value.Bytes}\n\t}}\n");
        }

        foreach (NftChain chain in Chains)
            text.Append(chain.ToText());
        return text.Append("}\n").ToString();
    }

    private static NftChain Input(ControlLink? control, IEnumerable<NftStatement[]> served) => Decide("input",
        control is null ? [] : [In(control.Interface), ToPort("tcp", control.Port)], [.. served, Rule(In("lo"), Accept), .. Neighbours()], "dropped_in");

    private static NftChain Forward(IEnumerable<NftStatement[]> passed) => Decide("forward", [], passed, "dropped_forward");

    /// <summary>
    /// From the control link's port only what belongs to a connection goes: any program can send from it, and opens none. By the packet's own marks, not by the kernel's
    /// memory of connections: an established link goes on when that is emptied, whichever side sends next.
    /// </summary>
    private static NftChain Output(ControlLink? control, IEnumerable<NftStatement[]> sent) => Decide("output",
        control is null ? [] : [Out(control.Interface), FromPort("tcp", control.Port), OpensNothing], [.. sent, Rule(Out("lo"), Accept), .. Neighbours()], "dropped_out");

    /// <summary>A chain that accepts the control link before anything else, and counts what it drops.</summary>
    private static NftChain Decide(string hook, NftStatement[] control, IEnumerable<NftStatement[]> rules, string dropped) => new(hook, "filter", hook, Filter, "drop",
    [
        .. control.Length == 0 ? Array.Empty<NftStatement[]>() : [Rule([.. control, Count("control"), Accept])],
        .. rules,
        Rule(Count(dropped), Drop),
    ]);

    /// <summary>What IPv6 needs on each link where IPv4 has ARP, which no such table sees.</summary>
    private static IEnumerable<NftStatement[]> Neighbours() =>
        ((string[])["nd-neighbor-solicit", "nd-neighbor-advert", "nd-router-solicit", "nd-router-advert"]).Select(type => Rule(Icmp6(type), OfThisLink, Accept));

    /// <summary>What comes in: replies to what this machine sent, and what workstations ask of it: an address, and Tor at its ports.</summary>
    private static IEnumerable<NftStatement[]> Served(FirewallPolicy policy, FirewallFacts facts)
    {
        yield return [.. Replies, Accept];
        foreach (string inside in facts.Inside)
            yield return [In(inside), ToPort("udp", DhcpServer), Accept];
        if (policy.Tor == TorIsolation.Off)
            yield break;
        foreach (string inside in facts.Inside)
        {
            if (facts.Tor!.SocksPort is { } socks)
                yield return [In(inside), ToPort("tcp", socks), Accept];
            if (facts.Tor.DnsPort is { } dns)
                yield return [In(inside), ToPort("udp", dns), Accept];
            if (policy.Tor == TorIsolation.Mandatory)
                yield return [In(inside), ToPort("tcp", facts.Tor.TransPort!.Value), Accept];
        }
    }

    /// <summary>What workstations send and Tor gets: all TCP and DNS where that is mandatory, else the DNS that they ask of this machine.</summary>
    private static IEnumerable<NftStatement[]> Redirected(FirewallPolicy policy, FirewallFacts facts)
    {
        if (policy.Tor == TorIsolation.Off || facts.Tor!.DnsPort is not { } dns)
            yield break;
        foreach (string inside in facts.Inside)
        {
            if (policy.Tor == TorIsolation.Optional)
            {
                yield return [In(inside), ToThisMachine, ToPort("udp", Dns), Count("redirected"), Redirect(dns)];
                continue;
            }

            yield return [In(inside), ToPort("udp", Dns), Count("redirected"), Redirect(dns)];
            yield return [In(inside), ToElsewhere, IsTcp, Count("redirected"), Redirect(facts.Tor.TransPort!.Value)];
        }
    }

    private static NftStatement[] Rule(params NftStatement[] statements) => statements;

    private static string Protocol(TunnelFacts tunnel) => tunnel.IsTcp ? "tcp" : "udp";
}
