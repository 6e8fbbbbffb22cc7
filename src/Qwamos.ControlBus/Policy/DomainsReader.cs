using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Json;

namespace Qwamos.ControlBus.Policy;

/// <summary>
/// Reads the domains that Dom0 delivers to: domains.json, and the gateways of qwamosd.json, which are the same with a Unix socket for a link. A name stands once in
/// both. What of Dom0's keys is confidential leaves it by no link, so that its own domain has one address, a socket in Dom0.
/// </summary>
internal static class DomainsReader
{
    private const int MaxTextCodePoints = 4_096;

    /// <summary>Where Dom0's own gateway-policyd listens.</summary>
    private const string Dom0Socket = "/run/qwamos/dom0-bus.sock";

    /// <summary>Adds the domains of domains.json, and gives it; none and null where it is absent.</summary>
    public static bool TryRead(SystemPaths paths, PolicySchema schema, List<GatewayEntry> domains, out JsonValue? document, out string fault)
    {
        fault = "";
        document = null;
        var file = paths.DomainsConfigFile;
        if (Posix.IsAbsent(file))
            return true;
        if (!TrustedDocument.TryRead(file, paths, Limits.MaxConfigFileBytes, out document, out fault))
            return false;
        var reader = new MemberReader(document, file);
        foreach (var (place, json) in reader.Array("domains", Limits.MaxGateways).Index())
        {
            var inner = new MemberReader(json, $"{file}: domains[{place}]");
            var (name, @class) = (inner.Text("name", MaxTextCodePoints), inner.Text("class", MaxTextCodePoints));
            var tags = Tags(inner, $"{file}: domains[{place}], {name}");
            if (!LinkAddress.TryParse(inner.Text("link", LinkAddress.MaxChars), out var link, out var why))
                inner.Refuse($"{file}: domains[{place}], {name}: {why}");
            Add(reader, inner, $"{file}: domains[{place}], {name}", new GatewayEntry(name, @class, link ?? LinkAddress.Unix(""), tags), domains, schema, paths);
        }
        return reader.Finish(out fault);
    }

    /// <summary>Adds those of the member <c>gateways</c> of qwamosd.json; a fault is noted at the reader.</summary>
    public static void ReadGateways(MemberReader reader, SystemPaths paths, PolicySchema schema, List<GatewayEntry> domains)
    {
        foreach (var (place, json) in reader.ArrayIfPresent("gateways", Limits.MaxGateways).Index())
        {
            var inner = new MemberReader(json, $"{paths.DaemonConfigFile}: gateways[{place}]");
            var (name, @class) = (inner.Text("name", MaxTextCodePoints), inner.Text("class", MaxTextCodePoints));
            if (!LinkAddress.TryParse($"unix:{inner.Text("socket", MaxTextCodePoints)}", out var link, out _))
                inner.Refuse($"{paths.DaemonConfigFile}: gateways[{place}], {name}: socket must be an absolute path of at most {Limits.MaxUnixPathBytes} bytes");
            Add(reader, inner, $"{paths.DaemonConfigFile}: gateways[{place}], {name}", new GatewayEntry(name, @class, link ?? LinkAddress.Unix(""), []), domains, schema, paths);
        }
        if (domains.Count > Limits.MaxGateways)
            reader.Refuse($"{paths.DomainsConfigFile} and {paths.DaemonConfigFile} name {domains.Count} domains together, and {Limits.MaxGateways} are the most");
    }

    private static void Add(MemberReader reader, MemberReader inner, string where, GatewayEntry domain, List<GatewayEntry> domains, PolicySchema schema, SystemPaths paths)
    {
        var why = inner.Finish(out var inside) ? FaultOf(where, domain, domains, schema, paths) : inside;
        if (why.Length > 0)
            reader.Refuse(why);
        else
            domains.Add(domain with { Link = domain.Link.Under(paths), DialPath = DialPathOf(domain, paths) });
    }

    private static string FaultOf(string where, GatewayEntry domain, List<GatewayEntry> others, PolicySchema schema, SystemPaths paths)
    {
        if (!PolicyNames.IsDomain(domain.Name))
            return $"{where}: the name must be {PolicyNames.DomainForm}";
        if (others.Exists(other => other.Name == domain.Name))
            return $"{where}: the name {domain.Name} is taken: it stands twice in {paths.DomainsConfigFile} and {paths.DaemonConfigFile}; where it stands in both, remove it from {paths.DaemonConfigFile}";
        if (others.Find(other => other.Link == domain.Link.Under(paths)) is { } same)
            return $"{where}: the link {domain.Link} is that of {same.Name} already: each domain is reached by one of its own";
        if (FaultOfClass(domain.Name, domain.Class, schema) is { Length: > 0 } fault)
            return $"{where}: {fault}";
        if (domain.Class == DaemonConfig.Dom0 && domain.Link != LinkAddress.Unix(Dom0Socket))
            return $"{where}: the link of {DaemonConfig.Dom0} is unix:{Dom0Socket} and no other: its keys do not leave Dom0";
        var path = DialPathOf(domain, paths);
        return !LinkAddress.TryParse(domain.Link.Under(paths).ToString(), out _, out var tooLong) || !LinkAddress.TryParse($"unix:{path}", out _, out tooLong) ? $"{where}: {tooLong}" : "";
    }

    private static string DialPathOf(GatewayEntry domain, SystemPaths paths) =>
        domain.Link.Kind is LinkKind.Tls or LinkKind.TlsUnix ? Path.Combine(paths.LinkRunDir, domain.Name + ".sock") : domain.Link.Under(paths).Path;

    /// <summary>What is wrong with a domain's class, or the empty string: <c>dom0</c> and <c>ui</c> are domains of these classes, no other is of Dom0's, and nobody is of class <c>all</c>.</summary>
    internal static string FaultOfClass(string name, string @class, PolicySchema schema)
    {
        if (name is DaemonConfig.Dom0 or DaemonConfig.Ui && @class != name)
            return $"the domain {name} is of class {name}";
        if (@class == DaemonConfig.Dom0 && name != DaemonConfig.Dom0)
            return $"the one domain of class {DaemonConfig.Dom0} is {DaemonConfig.Dom0}";
        var known = schema.Classes.Where(known => known != PolicyKey.ClassAll).ToList();
        return known.Contains(@class, StringComparer.Ordinal) ? "" : $"class must be one of {string.Join(", ", known)}";
    }

    private static List<string> Tags(MemberReader inner, string where)
    {
        var tags = inner.ArrayIfPresent("tags", Limits.MaxDomainTags).Select(tag => tag.TryGetString(out var text) ? text : "").ToList();
        if (!tags.TrueForAll(PolicyNames.IsDomain) || tags.Distinct(StringComparer.Ordinal).Count() != tags.Count)
            inner.Refuse($"{where}: tags are distinct, each {PolicyNames.DomainForm}");
        return tags;
    }
}
