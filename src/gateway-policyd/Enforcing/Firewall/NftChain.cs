using Qwamos.ControlBus.Json;

namespace Qwamos.Gateway.Enforcing.Firewall;

/// <summary>A base chain and its rules, in order.</summary>
/// <param name="Type"><c>filter</c> or <c>nat</c>.</param>
/// <param name="Priority">Its place among all chains of the hook, a number as the kernel has it.</param>
/// <param name="Policy">What becomes of a packet that no rule takes: <c>drop</c> or <c>accept</c>.</param>
internal sealed record NftChain(string Name, string Type, string Hook, int Priority, string Policy, IReadOnlyList<IReadOnlyList<NftStatement>> Rules)
{
    /// <summary>As it is loaded, indented as nft does.</summary>
    public string ToText() => $"""
        {'\t'}chain {Name} {'{'}
        {'\t'}{'\t'}type {Type} hook {Hook} priority {Priority}; policy {Policy};
        {string.Concat(Rules.Select(rule => $"\t\t{string.Join(' ', rule.Select(statement => statement.Text))}\n"))}{'\t'}{'}'}

        """;

    /// <summary>The members of its object in `nft -j list`, but for the handle.</summary>
    public IEnumerable<(string Name, JsonValue Value)> Members() =>
    [
        ("name", JsonValue.Of(Name)), ("type", JsonValue.Of(Type)), ("hook", JsonValue.Of(Hook)),
        ("prio", JsonValue.Of(Priority)), ("policy", JsonValue.Of(Policy)),
    ];
}
