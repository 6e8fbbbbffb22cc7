using Qwamos.ControlBus;
using Qwamos.ControlBus.Audit;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Hosting.Pipeline;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Policy;
using Qwamos.Daemon.Measuring;

namespace Qwamos.Daemon.Delivery;

/// <summary>What qwamosd shows of the courier's work: by its file, which is read when it has changed, and by when it asked last. Thread-safe.</summary>
/// <param name="paths">Where the file is.</param>
/// <param name="config">The domains.</param>
/// <param name="schema">Gives the classes of keys.</param>
/// <param name="followers">Who asks.</param>
/// <param name="published">Whose word counts.</param>
/// <param name="time">The clock.</param>
internal sealed class CourierView(SystemPaths paths, DaemonConfig config, PolicySchema schema, LedgerFollowers followers, Func<PublishedState> published, TimeProvider time)
{
    /// <summary>It asks at least every half minute; one that hung up is missed at once.</summary>
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(Limits.MaxGrowthWaitSeconds + 15);

    /// <summary>A courier that ran before a restart of qwamosd asks again within a second or two.</summary>
    private static readonly TimeSpan StartGrace = TimeSpan.FromSeconds(5);

    /// <summary>The ledger's own signature and the one with the time.</summary>
    private const int LedgersLines = 2;

    /// <summary>Two quotes, a colon and a comma.</summary>
    private const int RowOverheadBytes = 4;

    private static readonly DomainRow Unknown = new();

    private readonly DeliveryRule[] _rules = [.. config.Gateways.Select(domain => new DeliveryRule(schema, domain))];

    private readonly long _begun = time.GetTimestamp();
    private readonly Lock _turn = new();
    private (ulong Inode, long Bytes, DateTime Written) _read;
    private string? _fault;
    private string? _configuration;
    private IReadOnlyDictionary<string, DomainRow> _rows = new Dictionary<string, DomainRow>();

    /// <summary>
    /// The member <c>gateways</c> of status, by name, as many rows as <see cref="Limits.MaxGatewayPageBytes"/> holds; and where there are more, <c>more_gateways</c>, the last name shown: first, for a
    /// status that is too long loses what stands last. Before the first ones <c>courier</c>.
    /// </summary>
    /// <param name="after">The name after which to begin; empty for the first.</param>
    public IReadOnlyList<(string Name, JsonValue Value)> Status(string after)
    {
        List<(string Name, JsonValue Row)> rows = [];
        (string, JsonValue)[] before = after.Length == 0 ? [("courier", State())] : [];
        int bytes = 0;
        foreach ((string name, DomainRow row) in Rows().Where(row => string.CompareOrdinal(row.Name, after) > 0).OrderBy(row => row.Name, StringComparer.Ordinal))
        {
            GatewayEntry domain = config.Gateways.First(gateway => gateway.Name == name);
            DomainRow shown = row with { Report = Believed(domain, row) };
            JsonValue json = JsonValue.Object([.. Facts(domain), .. shown.ToStatus().Members.Select(member => (member.Key, member.Value))]);
            bytes += RowOverheadBytes + name.Length + JsonText.Bytes(json).Length;
            if (rows.Count > 0 && bytes > Limits.MaxGatewayPageBytes)
                return [.. before, ("more_gateways", JsonValue.Of(rows[^1].Name)), ("gateways", JsonValue.Object(rows))];
            rows.Add((name, json));
        }

        return [.. before, ("gateways", JsonValue.Object(rows))];
    }

    /// <summary>The member <c>courier</c>: <c>ok</c>, or what is wrong with it; null where there are no domains.</summary>
    public JsonValue State() => config.Gateways.Count == 0 ? JsonValue.Null : JsonValue.Shown(Fault ?? "ok");

    /// <summary>What is wrong with the courier: "the courier is" and this; null when nothing is.</summary>
    public string? Fault
    {
        get
        {
            if (!IsThere)
                return $"not running: {ProposedCommand.Of(paths, "qwamosd", "courier")}";
            _ = Rows();
            return _fault is { } fault ? $"there, and its file cannot be read: {fault}"
                : _configuration is { } other && other != config.Hash ? "there, and has read another domains.json or qwamosd.json than qwamosd has: restart both"
                : null;
        }
    }

    /// <summary>The rows of the domains that qwamosd.json names.</summary>
    public IReadOnlyDictionary<string, DomainRow> ByName() => Rows().ToDictionary(row => row.Name, row => row.Row, StringComparer.Ordinal);

    /// <summary>Whether a confidential change is for one of the domains: no other is given to the courier.</summary>
    public bool Serves(Message message) => _rules.Any(rule => rule.TakesConfidential && rule.TryMatch(message, out _));

    /// <summary>How each domain stands, for metrics.</summary>
    public IEnumerable<DomainFigures> Figures()
    {
        long now = time.GetUtcNow().ToUnixTimeSeconds();
        return Rows().Select(row => new DomainFigures(
            row.Name, row.Row.Taken, row.Row.BehindSince is { } since ? Math.Max(0, now - since) : 0, row.Row.Witness.State == WitnessState.Alarm));
    }

    /// <summary>The domains' lines under a tree, each with its newline, as many as a note may have beside the ledger's two, and how many may still come.</summary>
    public (string Lines, int Awaited) Cosignatures(Checkpoint tree)
    {
        IReadOnlyList<(string Name, DomainRow Row)> rows = Rows();
        string lines = string.Concat(rows.SelectMany(row => row.Row.Cosignatures).Where(line => line.Root == tree.RootHex).Take(Limits.MaxNoteSignatures - LedgersLines).Select(line => line.Line + "\n"));
        return (lines, IsThere ? rows.Count(row => IsAwaited(row.Row, tree)) : 0);
    }

    private bool IsThere => followers.CourierSilence is { } silence ? silence <= Silence : MayComeBack;

    /// <summary>Its file says that it ran before.</summary>
    private bool MayComeBack => !followers.HasSeenCourier && time.GetElapsedTime(_begun) < StartGrace && !Posix.IsAbsent(paths.DomainsFile);

    /// <summary>What a domain said, while its word counts: the courier judges that only with a report in its hand, and one that is down gives none.</summary>
    private ReportRow? Believed(GatewayEntry domain, DomainRow row)
    {
        if (row.Report is not { } report || report is { Fault: not null, IsLacking: false })
            return row.Report;
        PolicyState state = published().Policy;
        if ((state.Domains.TryGetValue(domain.Name, out RecordedDomain? known) ? known.WhyNot(state.Trust.Root) : EnrolledDomain.None.WhyNot) is { } whyNot)
            return ReportRow.Of(report.HeardSeconds, $"{whyNot}: {domain.EnrolCommand}");
        // Whatever key it says now: the report's own is the one that must be believed.
        return report.SignedBy == known!.Statement.Fingerprint ? report : ReportRow.Of(report.HeardSeconds, report.Fault ?? "its report is of before another key was enrolled for it");
    }

    /// <summary>What the operator's own file says of it.</summary>
    private static IEnumerable<(string, JsonValue)> Facts(GatewayEntry domain)
    {
        yield return ("class", JsonValue.Of(domain.Class));
        if (domain.Tags.Count > 0)
            yield return ("tags", JsonValue.Array(domain.Tags.Select(JsonValue.Of)));
    }

    /// <summary>Whether its line may still come soon: it cosigns, or was never asked, or waits for the operator's word without having refused it.</summary>
    private static bool IsAwaited(DomainRow row, Checkpoint tree) => row.Witness.State switch
    {
        WitnessState.Unknown or WitnessState.Cosigns => !row.Cosignatures.Any(line => line.Root == tree.RootHex),
        WitnessState.Pinned => row.Witness.Fault is null && row.Witness.Size < tree.Size,
        _ => false,
    };

    private IReadOnlyList<(string Name, DomainRow Row)> Rows()
    {
        lock (_turn)
        {
            var now = Posix.TryStat(paths.DomainsFile, out FileStat stat) ? (stat.Inode, stat.SizeBytes, File.GetLastWriteTimeUtc(paths.DomainsFile)) : default;
            if (now != _read)
                (_rows, _read) = (DomainsFile.TryRead(paths, config.Gateways.Count, out IReadOnlyDictionary<string, DomainRow>? rows, out _configuration, out _fault) ? rows : _rows, now);
            return [.. config.Gateways.Select(gateway => (gateway.Name, _rows.GetValueOrDefault(gateway.Name) ?? Unknown))];
        }
    }
}
