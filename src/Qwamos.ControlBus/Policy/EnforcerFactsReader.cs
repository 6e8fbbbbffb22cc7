using System.Net;
using Qwamos.ControlBus.Json;

namespace Qwamos.ControlBus.Policy;

/// <summary>Reads the members <c>firewall</c>, <c>radio</c> and <c>drift</c> of gateway.json. Names go into a ruleset as they are, so their forms are narrow.</summary>
internal static class EnforcerFactsReader
{
    private const string InterfaceMember = "interface";
    private const int MaxTextCodePoints = 64;
    private const int MaxUserNameChars = 32;
    private const int MaxPort = 65_535;

    /// <summary>Notes faults at <paramref name="reader"/>.</summary>
    public static EnforcerFacts Read(MemberReader reader, string file)
    {
        var firewall = reader.AnyIfPresent("firewall") is { } a ? Firewall(new MemberReader(a, $"{file}: firewall"), reader) : null;
        var radio = reader.AnyIfPresent("radio") is { } b ? Radio(new MemberReader(b, $"{file}: radio"), reader) : null;
        var facts = EnforcerFacts.None with { Firewall = firewall, Radio = radio };
        return reader.AnyIfPresent("drift") is { } drift ? new EnforcerFacts(firewall, radio, WarnedOf(drift, facts, reader, file)) : facts;
    }

    private static FirewallFacts Firewall(MemberReader reader, MemberReader outer)
    {
        var inside = Interfaces(reader, "inside", isNeeded: false, mayBePattern: true);
        var outside = Interfaces(reader, "outside", isNeeded: true);
        var control = Inner(reader, "control") is { } a ? Control(a, reader) : null;
        var tor = Inner(reader, "tor") is { } b ? Tor(b, reader) : null;
        var tunnel = Inner(reader, "tunnel") is { } c ? Tunnel(c, reader) : null;
        var roles = inside.Concat(outside).Concat(tunnel is null ? [] : [tunnel.Interface]).ToList();
        if (roles.Distinct(StringComparer.Ordinal).Count() != roles.Count || roles.Skip(inside.Count).Any(name => inside.Any(pattern => Covers(pattern, name))))
            reader.RefuseHere("an interface is inside, outside or the tunnel, and named once");
        if (control is not null && tunnel?.Interface == control.Interface)
            reader.RefuseHere("the control link cannot be the tunnel");
        Close(reader, outer);
        return new FirewallFacts(inside, outside, control, tor, tunnel);
    }

    private static ControlLink Control(MemberReader reader, MemberReader outer)
    {
        var control = new ControlLink(Interface(reader, InterfaceMember, reader.Text(InterfaceMember, MaxTextCodePoints)), Port(reader, "port"));
        Close(reader, outer);
        return control;
    }

    private static TorFacts Tor(MemberReader reader, MemberReader outer)
    {
        var user = reader.Text("user", MaxTextCodePoints);
        if (!IsUser(user))
            reader.RefuseHere($"user must be the name of a user: up to {MaxUserNameChars} lower-case letters, digits, _ and -, a letter or _ first");
        var tor = new TorFacts(user, PortIfPresent(reader, "trans_port"), PortIfPresent(reader, "dns_port"), PortIfPresent(reader, "socks_port"));
        if (tor.TransPort is { } port && port == tor.SocksPort)
            reader.RefuseHere("trans_port and socks_port are the same");
        Close(reader, outer);
        return tor;
    }

    private static TunnelFacts Tunnel(MemberReader reader, MemberReader outer)
    {
        var name = Interface(reader, InterfaceMember, reader.Text(InterfaceMember, MaxTextCodePoints));
        var text = reader.Text("endpoint", MaxTextCodePoints);
        // Written as it is read back, and so only one address, without a zone.
        if (!IPAddress.TryParse(text, out var endpoint) || endpoint.ToString() != text || text.Contains('%', StringComparison.Ordinal))
            reader.RefuseHere("endpoint must be an IPv4 or IPv6 address in its usual short form");
        var protocol = reader.Text("protocol", MaxTextCodePoints);
        if (protocol is not ("udp" or "tcp"))
            reader.RefuseHere("protocol must be udp or tcp");
        var tunnel = new TunnelFacts(name, endpoint ?? IPAddress.None, Port(reader, "port"), protocol == "tcp");
        Close(reader, outer);
        return tunnel;
    }

    private static RadioFacts Radio(MemberReader reader, MemberReader outer)
    {
        var radio = new RadioFacts(Interfaces(reader, "interfaces", isNeeded: true));
        Close(reader, outer);
        return radio;
    }

    private static HashSet<string> WarnedOf(JsonValue drift, EnforcerFacts facts, MemberReader outer, string file)
    {
        var reader = new MemberReader(drift, $"{file}: drift");
        var warned = new HashSet<string>(StringComparer.Ordinal);
        foreach (var key in facts.Keys)
        {
            switch (reader.TextIfPresent(key, MaxTextCodePoints))
            {
                case "warn":
                    warned.Add(key);
                    break;
                case null or "correct":
                    break;
                default:
                    reader.Refuse($"{file}: drift: {key} must be correct or warn");
                    break;
            }
        }

        Close(reader, outer);
        return warned;
    }

    /// <summary>Whether a pattern (<c>vif*</c>) has this name, too.</summary>
    private static bool Covers(string pattern, string name) => pattern.EndsWith('*') && name.StartsWith(pattern[..^1], StringComparison.Ordinal);

    private static List<string> Interfaces(MemberReader reader, string member, bool isNeeded, bool mayBePattern = false)
    {
        var items = isNeeded ? reader.Array(member, Limits.MaxInterfaces) : reader.ArrayIfPresent(member, Limits.MaxInterfaces);
        var names = items.Select(item => Interface(reader, member, item.TryGetString(out var name) ? name : "", mayBePattern)).ToList();
        if (isNeeded && names.Count == 0)
            reader.RefuseHere($"{member} must name an interface");
        return names;
    }

    /// <summary>Narrower than Linux's own form: nothing that a ruleset, which quotes it, could take for anything else. A pattern ends with <c>*</c>, and never has lo.</summary>
    private static string Interface(MemberReader reader, string member, string given, bool mayBePattern = false)
    {
        var name = mayBePattern && given.EndsWith('*') && !Covers(given, "lo") ? given[..^1] : given;
        if (name.Length is 0 or > Limits.MaxInterfaceNameChars || !char.IsAsciiLetterOrDigit(name[0]) || !name.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '.' or '-') || name == "lo")
            reader.RefuseHere($"{member}: the name of an interface has 1 to {Limits.MaxInterfaceNameChars} letters, digits and _ . -, a letter or digit first, and is not lo");
        return given;
    }

    private static bool IsUser(string name) => name.Length is > 0 and <= MaxUserNameChars && (char.IsAsciiLetterLower(name[0]) || name[0] == '_')
        && name.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c is '_' or '-');

    private static int Port(MemberReader reader, string member) => (int)reader.Integer(member, 1, MaxPort);

    private static int? PortIfPresent(MemberReader reader, string member) => reader.Integer(member, 1, MaxPort, absent: 0) is var port and not 0 ? (int)port : null;

    private static MemberReader? Inner(MemberReader reader, string member) =>
        reader.AnyIfPresent(member) is { } value ? new MemberReader(value, reader.PlaceOf(member)) : null;

    private static void Close(MemberReader inner, MemberReader outer)
    {
        if (!inner.Finish(out var fault))
            outer.Refuse(fault);
    }
}
