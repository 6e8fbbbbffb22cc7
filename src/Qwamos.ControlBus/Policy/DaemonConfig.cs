using System.Diagnostics.CodeAnalysis;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Keys;

namespace Qwamos.ControlBus.Policy;

/// <summary>
/// qwamosd.json and domains.json: the domains that Dom0 delivers to, how many nonces this daemon holds, and how many boots a value gets. Absent: none, 1,000,000, and 2. Unknown members stop the
/// start (DESIGN section 6). Immutable.
/// </summary>
public sealed record DaemonConfig
{
    /// <summary>The domain in which qwamosd runs, and its class.</summary>
    public const string Dom0 = "dom0";

    /// <summary>The user-interface domain, and its class.</summary>
    public const string Ui = "ui";

    private DaemonConfig(IReadOnlyList<GatewayEntry> gateways, int replayNonces, int bootTries)
    {
        Gateways = gateways;
        ReplayNonces = replayNonces;
        BootTries = bootTries;
        var domains = new Dictionary<string, string>(StringComparer.Ordinal) { [Dom0] = Dom0, [Ui] = Ui };
        foreach (var gateway in gateways)
            domains[gateway.Name] = gateway.Class;
        Domains = domains;
    }

    /// <summary>SHA-256 of what both files say, lower-case hex: who has read the same has the same.</summary>
    public string Hash { get; private init; } = "";

    /// <summary>The domains of both files.</summary>
    public IReadOnlyList<GatewayEntry> Gateways { get; }

    /// <summary>Nonces held in memory, about 50 bytes each; one key may hold half of them. Full is <c>replay_store_full</c>.</summary>
    public int ReplayNonces { get; }

    /// <summary>Boots that a staged value gets to complete before the last known good is put back.</summary>
    public int BootTries { get; }

    /// <summary>Every known domain and its class: <c>dom0</c>, <c>ui</c>, and each that is delivered to.</summary>
    public IReadOnlyDictionary<string, string> Domains { get; }

    /// <summary>Whether a domain of this class is delivered to.</summary>
    public bool Serves(string @class) => Gateways.Any(domain => domain.Class == @class);

    public static bool TryLoad(SystemPaths paths, PolicySchema schema, [NotNullWhen(true)] out DaemonConfig? config, out string fault)
    {
        ArgumentNullException.ThrowIfNull(paths);
        ArgumentNullException.ThrowIfNull(schema);
        config = null;
        fault = "";
        var gateways = new List<GatewayEntry>();
        if (!DomainsReader.TryRead(paths, schema, gateways, out var domains, out fault))
            return false;
        if (Posix.IsAbsent(paths.DaemonConfigFile))
        {
            config = new DaemonConfig(gateways, Limits.ReplayCapacityNonces, Limits.DefaultBootTries) { Hash = HashOf(domains, null) };
            return true;
        }
        if (!TrustedDocument.TryRead(paths.DaemonConfigFile, paths, Limits.MaxConfigFileBytes, out var document, out fault))
            return false;
        var reader = new MemberReader(document, paths.DaemonConfigFile);
        DomainsReader.ReadGateways(reader, paths, schema, gateways);
        var replayNonces = (int)reader.Integer("replay_nonces", Limits.MinReplayCapacityNonces, Limits.MaxReplayCapacityNonces, Limits.ReplayCapacityNonces);
        var bootTries = (int)reader.Integer("boot_tries", 1, Limits.MaxBootTries, Limits.DefaultBootTries);
        if (reader.Finish(out fault))
            config = new DaemonConfig(gateways, replayNonces, bootTries) { Hash = HashOf(domains, document) };
        return config is not null;
    }

    /// <summary>Of the values: white space and the order of members say nothing.</summary>
    private static string HashOf(JsonValue? domains, JsonValue? own) =>
        Convert.ToHexStringLower(Primitives.Sha256(CanonicalJson.Write(JsonValue.Array(domains ?? JsonValue.Null, own ?? JsonValue.Null))));
}
