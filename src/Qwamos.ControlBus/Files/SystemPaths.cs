using System.Diagnostics.CodeAnalysis;

namespace Qwamos.ControlBus.Files;

/// <summary>Every path of DESIGN section 6, each under `--root DIR` when that is given.</summary>
public sealed class SystemPaths
{
    /// <summary>The domain that gateway-policyd serves where it is told of no other.</summary>
    public const string UsualDomain = "gateway";

    // What has a file or a folder of such a name already: /etc/qwamos/NAME.json, /var/lib/qwamos-NAME.
    private static readonly string[] NoDomains = ["boot", "courier", "domains", "hook", "link", "qwamosd", "status"];

    private SystemPaths(string? root, string domain) => (Root, Domain) = (root, domain);

    /// <summary>The real system's paths.</summary>
    public static SystemPaths Real { get; } = new(null, UsualDomain);

    /// <summary>The absolute DIR of `--root DIR` without a trailing slash, else null.</summary>
    public string? Root { get; }

    /// <summary>The class whose domain the paths of a gateway are those of: `--domain CLASS`.</summary>
    public string Domain { get; }

    /// <summary>True under `--root`: ownership is not required, and missing directories are made.</summary>
    [MemberNotNullWhen(true, nameof(Root))]
    public bool IsTrial => Root is not null;

    public string EtcDir => At("/etc/qwamos");
    public string AnchorFile => At("/etc/qwamos/dom0.pub");
    public string SystemIdFile => At("/etc/qwamos/system.id");
    public string SchemaFile => At("/etc/qwamos/policy.schema.json");
    public string DaemonConfigFile => At("/etc/qwamos/qwamosd.json");
    public string DomainsConfigFile => At("/etc/qwamos/domains.json");
    public string GatewayConfigFile => At($"/etc/qwamos/{Domain}.json");
    public string LinkConfigFile => At("/etc/qwamos/link.json");
    public string LinkPinsFile => At("/etc/qwamos/dom0.pins");
    public string HooksDir => At("/etc/qwamos/hooks.d");
    public string BootChecksDir => At("/etc/qwamos/boot-checks.d");
    public string EtcStatusLink => At("/etc/qwamos/status.json");
    public string EtcPendingLink => At("/etc/qwamos/pending.conf");

    public string StateDir => At("/var/lib/qwamos");
    public string LedgerFile => At("/var/lib/qwamos/ledger.db");
    public string LedgerKeyFile => At("/var/lib/qwamos/ledger_sk");
    public string CheckpointFile => At("/var/lib/qwamos/checkpoint");
    public string StatusFile => At("/var/lib/qwamos/status.json");
    public string PendingFile => At("/var/lib/qwamos/pending.conf");
    public string BackupsDir => At("/var/lib/qwamos/backups");

    public string RestoringDir => At("/var/lib/qwamos/restoring");

    public string BootDir => At("/var/lib/qwamos-boot");
    public string BootMemoryFile => At("/var/lib/qwamos-boot/memory.json");
    public string BootAssessmentFile => At("/var/lib/qwamos-boot/assessment.json");
    public string BootEvidenceDir => At("/var/lib/qwamos-boot/evidence");
    public string BootNotesDir => At("/var/lib/qwamos-boot/notes");
    public string RestorePlanFile => At("/var/lib/qwamos-boot/restore.json");

    public string GatewayStateDir => At($"/var/lib/qwamos-{Domain}");
    public string AcceptedFile => $"{GatewayStateDir}/accepted.db";
    public string GatewayLockFile => $"{GatewayStateDir}/lock";
    public string GatewayWitnessKeyFile => $"{GatewayStateDir}/witness_sk";
    public string GatewayDomainKeyFile => $"{GatewayStateDir}/domain_sk";
    public string GatewayWitnessFile => $"{GatewayStateDir}/witness.json";
    public string GatewayEvidenceDir => $"{GatewayStateDir}/evidence";
    public string RadiosBlockedFile => $"{GatewayStateDir}/radios.blocked";
    public string GatewayStatusFile => $"{GatewayStateDir}/status.json";

    public string HookStateDir => At("/var/lib/qwamos-hook");

    public string CourierDir => At("/var/lib/qwamos-courier");
    public string CourierLockFile => At("/var/lib/qwamos-courier/lock");
    public string DomainsFile => At("/var/lib/qwamos-courier/domains.json");

    public string CourierPolicyFile => At("/var/lib/qwamos-courier/policy.json");

    public string LinkStateDir => At("/var/lib/qwamos-link");
    public string LinkKeyFile => At("/var/lib/qwamos-link/tls_sk");
    public string LinkRunDir => At("/run/qwamos-link");

    public string RunDir => At("/run/qwamos");
    public string BootIdFile => At("/run/qwamos-boot.id");
    public string BootRunFile => At("/run/qwamos-boot.json");
    public string BusSocket => At("/run/qwamos/bus.sock");
    public string HookSocket => At("/run/qwamos/hook.sock");
    public string GatewaySocket => At($"/run/qwamos/{Domain}-bus.sock");

    /// <summary>
    /// Takes the argument of `--root`; null means the real system. `/` is refused, however written: it would be the real system
    /// with ownership left unchecked.
    /// </summary>
    public static bool TryCreate(string? root, [NotNullWhen(true)] out SystemPaths? paths, [NotNullWhen(false)] out string? error)
    {
        paths = null;
        error = null;
        if (root is null)
        {
            paths = Real;
            return true;
        }
        if (root.Length == 0 || root.Contains('\0', StringComparison.Ordinal))
        {
            error = "--root needs the path of a directory";
            return false;
        }
        var full = Path.GetFullPath(root).TrimEnd('/');
        if (full.Length == 0 || IsRootDirectory(full))
        {
            error = "--root / is refused: leave --root out to work on the real system";
            return false;
        }
        paths = new SystemPaths(full, UsualDomain);
        return true;
    }

    /// <summary>The same with the paths of another domain than the usual one, by its class; the caller has judged the class's form. False for a name that is taken by other files.</summary>
    public bool TryForDomain(string @class, [NotNullWhen(true)] out SystemPaths? paths, [NotNullWhen(false)] out string? error)
    {
        var isTaken = NoDomains.Contains(@class, StringComparer.Ordinal);
        paths = isTaken ? null : new SystemPaths(Root, @class);
        error = isTaken ? $"--domain {@class} is refused: other files have that name" : null;
        return !isTaken;
    }

    /// <summary>An absolute path of the real system, moved under the root when there is one.</summary>
    public string At(string absolutePath)
    {
        if (!absolutePath.StartsWith('/')) throw new ArgumentException("not an absolute path", nameof(absolutePath));
        return Root is null ? absolutePath : Root + absolutePath;
    }

    // A link to / (or /proc/self/root) is / too: same device, same inode.
    private static bool IsRootDirectory(string path) =>
        Posix.TryStat(path, followLinks: true, out var given) && Posix.TryStat("/", followLinks: true, out var slash)
        && given.IsSameFileAs(slash);
}
