using System.Diagnostics.CodeAnalysis;
using System.Text;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Json;

namespace Qwamos.ControlBus.Policy;

/// <summary>
/// qwamosd.json: the gateways this daemon delivers to, how many nonces it holds, and how many boots a value gets. Absent: none, 1,000,000, and 2. Unknown members stop the
/// start (DESIGN section 6). Immutable.
/// </summary>
public sealed record DaemonConfig
{
    /// <summary>The domain in which qwamosd runs, and its class.</summary>
    public const string Dom0 = "dom0";

    /// <summary>The user-interface domain, and its class.</summary>
    public const string Ui = "ui";

    private const int MaxSocketCodePoints = 4_096;

    private DaemonConfig(IReadOnlyList<GatewayEntry> gateways, int replayNonces, int bootTries)
    {
        Gateways = gateways;
        ReplayNonces = replayNonces;
        BootTries = bootTries;
        Domains = new Dictionary<string, string>(StringComparer.Ordinal) { [Dom0] = Dom0, [Ui] = Ui }
            .Concat(gateways.Select(gateway => KeyValuePair.Create(gateway.Name, gateway.Class)))
            .ToDictionary(StringComparer.Ordinal);
    }

    public IReadOnlyList<GatewayEntry> Gateways { get; }

    /// <summary>Nonces held in memory, about 50 bytes each; one key may hold half of them. Full is <c>replay_store_full</c>.</summary>
    public int ReplayNonces { get; }

    /// <summary>Boots that a staged value gets to complete before the last known good is put back.</summary>
    public int BootTries { get; }

    /// <summary>Every known domain and its class: <c>dom0</c>, <c>ui</c>, and each gateway.</summary>
    public IReadOnlyDictionary<string, string> Domains { get; }

    public static bool TryLoad(SystemPaths paths, PolicySchema schema, [NotNullWhen(true)] out DaemonConfig? config, out string fault)
    {
        ArgumentNullException.ThrowIfNull(paths);
        ArgumentNullException.ThrowIfNull(schema);
        config = null;
        fault = "";
        if (Posix.IsAbsent(paths.DaemonConfigFile))
        {
            config = new DaemonConfig([], Limits.ReplayCapacityNonces, Limits.DefaultBootTries);
            return true;
        }
        if (!TrustedDocument.TryRead(paths.DaemonConfigFile, paths, Limits.MaxConfigFileBytes, out var document, out fault))
            return false;
        var reader = new MemberReader(document, paths.DaemonConfigFile);
        var gateways = new List<GatewayEntry>();
        foreach (var json in reader.ArrayIfPresent("gateways", Limits.MaxGateways))
        {
            var inner = new MemberReader(json, $"{paths.DaemonConfigFile}: a gateway");
            var name = inner.Text("name", MaxSocketCodePoints);
            var @class = inner.Text("class", MaxSocketCodePoints);
            var socket = inner.Text("socket", MaxSocketCodePoints);
            var why = inner.Finish(out var inside) ? FaultOf(name, @class, socket, gateways, schema, paths) : inside;
            if (why.Length > 0)
                reader.Refuse(why);
            else
                gateways.Add(new GatewayEntry(name, @class, paths.At(socket)));
        }
        var replayNonces = (int)reader.Integer("replay_nonces", Limits.MinReplayCapacityNonces, Limits.MaxReplayCapacityNonces, Limits.ReplayCapacityNonces);
        var bootTries = (int)reader.Integer("boot_tries", 1, Limits.MaxBootTries, Limits.DefaultBootTries);
        if (reader.Finish(out fault))
            config = new DaemonConfig(gateways, replayNonces, bootTries);
        return config is not null;
    }

    private static string FaultOf(string name, string @class, string socket, List<GatewayEntry> others, PolicySchema schema, SystemPaths paths)
    {
        var file = paths.DaemonConfigFile;
        if (!PolicyNames.IsDomain(name))
            return $"{file}: a gateway's name must be {PolicyNames.DomainForm}";
        if (name is Dom0 or Ui || others.Exists(other => other.Name == name))
            return $"{file}: the name {name} is taken";
        if (GatewayConfig.FaultOfClass(@class, schema) is { Length: > 0 } fault)
            return $"{file}: gateway {name}: {fault}";
        if (!socket.StartsWith('/') || socket.Contains('\0', StringComparison.Ordinal))
            return $"{file}: gateway {name}: socket must be an absolute path";
        return Encoding.UTF8.GetByteCount(paths.At(socket)) > Limits.MaxUnixPathBytes
            ? $"{file}: gateway {name}: the socket's path has more than {Limits.MaxUnixPathBytes} bytes: {paths.At(socket)}"
            : "";
    }
}
