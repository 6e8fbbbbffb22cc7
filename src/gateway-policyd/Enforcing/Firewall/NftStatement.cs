using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Qwamos.ControlBus.Json;

namespace Qwamos.Gateway.Enforcing.Firewall;

/// <summary>One statement of a rule in nft's two languages: as it is loaded, and as `nft -j -p list` shows it, the same by versions 1.0.6 and 1.1.3.</summary>
internal sealed record NftStatement(string Text, JsonValue Json)
{
    public static NftStatement Accept { get; } = Bare("accept");

    public static NftStatement Drop { get; } = Bare("drop");

    public static NftStatement Masquerade { get; } = Bare("masquerade");

    /// <summary>What answers a connection that the other side did not begin, and the errors (ICMP) that belong to it: two statements.</summary>
    public static NftStatement[] Replies { get; } =
    [
        Match("ct direction reply", "==", Key("ct", "direction"), JsonValue.Of("reply")),
        Match("ct state established,related", "in", Key("ct", "state"), JsonValue.Array([JsonValue.Of("established"), JsonValue.Of("related")])),
    ];

    /// <summary>What this machine or a workstation sends on a connection that was redirected, back when that was allowed.</summary>
    public static NftStatement[] StillRedirected { get; } =
    [
        Match("ct direction original", "==", Key("ct", "direction"), JsonValue.Of("original")),
        Match("ct status dnat", "in", Key("ct", "status"), JsonValue.Of("dnat")),
    ];

    /// <summary>The destination is an address of this machine.</summary>
    public static NftStatement ToThisMachine { get; } = AddressType("==");

    public static NftStatement ToElsewhere { get; } = AddressType("!=");

    public static NftStatement IsTcp { get; } = Match("meta l4proto tcp", "==", Key("meta", "l4proto"), JsonValue.Of(6));

    /// <summary>Not the packet that opens a TCP connection: each one after it has the mark ACK, but for some resets.</summary>
    public static NftStatement OpensNothing { get; } =
        Match("tcp flags rst,ack", "in", Payload("tcp", "flags"), JsonValue.Array([JsonValue.Of("rst"), JsonValue.Of("ack")]));

    /// <summary>Not forwarded by any router: of this link.</summary>
    public static NftStatement OfThisLink { get; } = Match("ip6 hoplimit 255", "==", Payload("ip6", "hoplimit"), JsonValue.Of(255));

    public static NftStatement In(string name) => Match($"iifname \"{name}\"", "==", Key("meta", "iifname"), JsonValue.Of(name));

    public static NftStatement Out(string name) => Match($"oifname \"{name}\"", "==", Key("meta", "oifname"), JsonValue.Of(name));

    public static NftStatement OutOtherThan(string name) => Match($"oifname != \"{name}\"", "!=", Key("meta", "oifname"), JsonValue.Of(name));

    public static NftStatement ToPort(string protocol, int port) => Port(protocol, "dport", port);

    public static NftStatement FromPort(string protocol, int port) => Port(protocol, "sport", port);

    public static NftStatement By(uint user) => Match(Invariant($"meta skuid {user}"), "==", Key("meta", "skuid"), JsonValue.Of(user));

    public static NftStatement ByAnotherThan(uint user) => Match(Invariant($"meta skuid != {user}"), "!=", Key("meta", "skuid"), JsonValue.Of(user));

    public static NftStatement To(IPAddress address)
    {
        string protocol = address.AddressFamily == AddressFamily.InterNetwork ? "ip" : "ip6";
        return Match($"{protocol} daddr {address}", "==", Payload(protocol, "daddr"), JsonValue.Of(address.ToString()));
    }

    public static NftStatement Icmp6(string type) => Match($"icmpv6 type {type}", "==", Payload("icmpv6", "type"), JsonValue.Of(type));

    public static NftStatement Count(string counter) => new($"counter name \"{counter}\"", JsonValue.Object([("counter", JsonValue.Of(counter))]));

    public static NftStatement Redirect(int port) =>
        new(Invariant($"redirect to :{port}"), JsonValue.Object([("redirect", JsonValue.Object([("port", JsonValue.Of(port))]))]));

    private static NftStatement Bare(string word) => new(word, JsonValue.Object([(word, JsonValue.Null)]));

    private static NftStatement AddressType(string operation) => Match(
        operation == "==" ? "fib daddr type local" : "fib daddr type != local", operation,
        JsonValue.Object([("fib", JsonValue.Object([("result", JsonValue.Of("type")), ("flags", JsonValue.Array([JsonValue.Of("daddr")]))]))]), JsonValue.Of("local"));

    private static NftStatement Port(string protocol, string field, int port) =>
        Match(Invariant($"{protocol} {field} {port}"), "==", Payload(protocol, field), JsonValue.Of(port));

    private static NftStatement Match(string text, string operation, JsonValue left, JsonValue right) =>
        new(text, JsonValue.Object([("match", JsonValue.Object([("op", JsonValue.Of(operation)), ("left", left), ("right", right)]))]));

    private static JsonValue Key(string kind, string key) => JsonValue.Object([(kind, JsonValue.Object([("key", JsonValue.Of(key))]))]);

    private static JsonValue Payload(string protocol, string field) =>
        JsonValue.Object([("payload", JsonValue.Object([("protocol", JsonValue.Of(protocol)), ("field", JsonValue.Of(field))]))]);

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
