using System.Diagnostics.CodeAnalysis;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Json;

namespace Qwamos.ControlBus.Policy;

/// <summary>
/// gateway.json, or CLASS.json of another domain: which domain this is, and what its built-in enforcers must know of the machine. Absent: <c>gateway</c> of class <c>gateway</c>, the usual
/// single one, or the class's own name, without such enforcers.
/// Unknown members stop the start (DESIGN section 6). Immutable.
/// </summary>
public sealed record GatewayConfig
{
    private const int MaxNameCodePoints = 256;

    private GatewayConfig(string name, string @class, EnforcerFacts enforcers, IReadOnlyList<LinkAddress> listen)
    {
        Name = name;
        Class = @class;
        Enforcers = enforcers;
        Listen = listen;
    }

    /// <summary>The name that <c>audience</c> must hold when it is present.</summary>
    public string Name { get; }

    public string Class { get; }

    /// <summary>What the built-in enforcers are told.</summary>
    public EnforcerFacts Enforcers { get; }

    /// <summary>The ports at which Dom0 is awaited beside the socket, already under the root of a trial.</summary>
    public IReadOnlyList<LinkAddress> Listen { get; }

    /// <summary>The scope of this gateway's decisions.</summary>
    public DomainScope Scope => DomainScope.Receiver(Name, Class);

    public static bool TryLoad(SystemPaths paths, PolicySchema schema, [NotNullWhen(true)] out GatewayConfig? config, out string fault)
    {
        ArgumentNullException.ThrowIfNull(paths);
        ArgumentNullException.ThrowIfNull(schema);
        config = null;
        var (name, @class) = (paths.Domain, paths.Domain);
        var enforcers = EnforcerFacts.None;
        List<LinkAddress> listen = [];
        fault = "";
        if (!Posix.IsAbsent(paths.GatewayConfigFile))
        {
            if (!TrustedDocument.TryRead(paths.GatewayConfigFile, paths, Limits.MaxConfigFileBytes, out var document, out fault))
                return false;
            var reader = new MemberReader(document, paths.GatewayConfigFile);
            (name, @class) = (reader.Text("name", MaxNameCodePoints), reader.Text("class", MaxNameCodePoints));
            enforcers = EnforcerFactsReader.Read(reader, paths.GatewayConfigFile);
            listen = [.. reader.ArrayIfPresent("listen", Limits.MaxListenLinks).Select(json => Port(json, reader, paths))];
            if (!reader.Finish(out fault))
                return false;
        }
        if (!PolicyNames.IsDomain(name))
            fault = $"{paths.GatewayConfigFile}: name must be {PolicyNames.DomainForm}";
        // The usual gateway may be of any class but Dom0's, whose own has files of its own; another one is of the class that it was started for.
        else if (paths.Domain == SystemPaths.UsualDomain ? @class == DaemonConfig.Dom0 || name == DaemonConfig.Dom0 : @class != paths.Domain)
            fault = $"{paths.GatewayConfigFile}: the class here must be {(paths.Domain == SystemPaths.UsualDomain ? $"another one: {DaemonConfig.Dom0} is served by gateway-policyd --domain {DaemonConfig.Dom0}" : paths.Domain)}";
        else if (DomainsReader.FaultOfClass(name, @class, schema) is { Length: > 0 } why)
            fault = $"{paths.GatewayConfigFile}: {why}";
        else if (enforcers.Keys.FirstOrDefault(key => !schema.TryGet(key, out var known) || !DomainScope.Receiver(name, @class).Includes(known)) is { } stranger)
            fault = $"{paths.GatewayConfigFile}: firewall or radio enforces {stranger}, which is no key of class {@class} in this schema";
        else
            config = new GatewayConfig(name, @class, enforcers, listen);
        return config is not null;
    }
    private static LinkAddress Port(JsonValue json, MemberReader reader, SystemPaths paths)
    {
        if (json.TryGetString(out var text) && LinkAddress.TryParse(text, out var address, out _) && address.Kind == LinkKind.Virtio)
            return address.Under(paths);
        reader.Refuse($"{paths.GatewayConfigFile}: listen holds virtio:PATH, the device of a port, and nothing else: the socket is served in any case");
        return LinkAddress.Unix("/");
    }
}
