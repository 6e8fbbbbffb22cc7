using System.Diagnostics.CodeAnalysis;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Json;

namespace Qwamos.ControlBus.Policy;

/// <summary>
/// gateway.json: which domain this gateway is, and what its built-in enforcers must know of the machine. Absent: <c>gateway</c> of class <c>gateway</c>, the usual
/// single one, without such enforcers.
/// Unknown members stop the start (DESIGN section 6). Immutable.
/// </summary>
public sealed record GatewayConfig
{
    private const string Usual = "gateway";
    private const int MaxNameCodePoints = 256;

    private GatewayConfig(string name, string @class, EnforcerFacts enforcers)
    {
        Name = name;
        Class = @class;
        Enforcers = enforcers;
    }

    /// <summary>The name that <c>audience</c> must hold when it is present.</summary>
    public string Name { get; }

    public string Class { get; }

    /// <summary>What the built-in enforcers are told.</summary>
    public EnforcerFacts Enforcers { get; }

    /// <summary>The scope of this gateway's decisions.</summary>
    public DomainScope Scope => DomainScope.Receiver(Name, Class);

    public static bool TryLoad(SystemPaths paths, PolicySchema schema, [NotNullWhen(true)] out GatewayConfig? config, out string fault)
    {
        ArgumentNullException.ThrowIfNull(paths);
        ArgumentNullException.ThrowIfNull(schema);
        config = null;
        var (name, @class) = (Usual, Usual);
        var enforcers = EnforcerFacts.None;
        fault = "";
        if (!Posix.IsAbsent(paths.GatewayConfigFile))
        {
            if (!TrustedDocument.TryRead(paths.GatewayConfigFile, paths, Limits.MaxConfigFileBytes, out var document, out fault))
                return false;
            var reader = new MemberReader(document, paths.GatewayConfigFile);
            (name, @class) = (reader.Text("name", MaxNameCodePoints), reader.Text("class", MaxNameCodePoints));
            enforcers = EnforcerFactsReader.Read(reader, paths.GatewayConfigFile);
            if (!reader.Finish(out fault))
                return false;
        }
        if (!PolicyNames.IsDomain(name) || name is DaemonConfig.Dom0)
            fault = $"{paths.GatewayConfigFile}: name must be {PolicyNames.DomainForm}, and not {DaemonConfig.Dom0}";
        else if (DomainsReader.FaultOfClass(name, @class, schema) is { Length: > 0 } why)
            fault = $"{paths.GatewayConfigFile}: {why}";
        else if (enforcers.Keys.FirstOrDefault(key => !schema.TryGet(key, out var known) || !DomainScope.Receiver(name, @class).Includes(known)) is { } stranger)
            fault = $"{paths.GatewayConfigFile}: firewall or radio enforces {stranger}, which is no key of class {@class} in this schema";
        else
            config = new GatewayConfig(name, @class, enforcers);
        return config is not null;
    }
}
