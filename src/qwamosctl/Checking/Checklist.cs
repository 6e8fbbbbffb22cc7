using Qwamos.Client.Showing;
using Qwamos.Client.Talking;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Json;

namespace Qwamos.Client.Checking;

/// <summary>The four phases of bringing a system into service. What can be looked at comes from the findings; the rest is a person's to judge.</summary>
internal static class Checklist
{
    /// <summary>Each phase and its items, in order.</summary>
    public static IReadOnlyList<(string Phase, IReadOnlyList<Finding> Items)> Of(IReadOnlyList<Finding> findings, AnswerReader? status)
    {
        Finding From(string item, params string[] areas) => Worst(item, findings, areas);
        return
        [
            ("development",
            [
                From("a key of your own", "key home"),
                Yours("a policy file that is valid", "qwamosctl validate FILE"),
                Yours("a trial without root", "qwamosd --root DIR, and the same --root here"),
            ]),
            ("integration",
            [
                From("your key is enrolled", "enrolled key"),
                From("this system has its ID", "system ID"),
                From("files, modes and links", "configuration", "state", "boot's state", "socket's folder", "status link", "pending link"),
                From("the daemon answers", "daemon"),
                From("each gateway takes what concerns it", [.. findings.Where(finding => finding.Area.StartsWith("gateway ", StringComparison.Ordinal)).Select(finding => finding.Area)]),
                From("what is policy is in force there", [.. findings.Where(finding => finding.Area is "courier" or "enforcement" || finding.Area.StartsWith(EnforcementChecks.AreaOf, StringComparison.Ordinal)).Select(finding => finding.Area)]),
                From("a staged change was applied at a boot", "boot"),
                From("this boot is complete", "this boot"),
            ]),
            ("production",
            [
                From("units start at boot", [.. findings.Where(finding => finding.Area is "units" || finding.Area.Contains('.', StringComparison.Ordinal)).Select(finding => finding.Area)]),
                Signed(status),
                From("room on the disk", "disk", "storage"),
                Yours("a backup was restored on another machine", "qwamosctl backup FILE; qwamosd restore FILE"),
                Yours("a copy of the key home is kept offline", "cp -a the key home to a medium that is kept elsewhere"),
                Yours("somebody is told when a probe fails", "qwamosctl health"),
            ]),
            ("hardening",
            [
                Set(status, "BOOT_VERIFICATION", "strict"),
                Set(status, "KERNEL_HARDENING", "strict", "paranoid"),
                Yours("only operators are in the socket's group", "getent group qwamos"),
                Yours("somebody outside keeps checkpoints and verifies exports", "qwamosctl audit export DIR; qwamosctl audit verify DIR --key KEY"),
                Yours("the disk is encrypted", "lsblk -f"),
            ]),
        ];
    }

    private static Finding Worst(string item, IReadOnlyList<Finding> findings, IReadOnlyCollection<string> areas)
    {
        var worst = findings.Where(finding => areas.Contains(finding.Area)).OrderByDescending(finding => finding.State).FirstOrDefault();
        return worst is null ? Finding.NotSeen(item, "nothing to look at yet") : worst with { Area = item };
    }

    private static Finding Yours(string item, string how) => Finding.NotSeen(item, "yours to judge", how);

    private static Finding Signed(AnswerReader? status) => status switch
    {
        null => Finding.NotSeen("the ledger's key is signed", "the daemon does not answer"),
        _ when status.ObjectOf("key_statement") is not null => Finding.Good("the ledger's key is signed", "by an operator"),
        _ => Finding.Doubtful("the ledger's key is signed", "pinned, not signed", "qwamosctl audit key --sign"),
    };

    private static Finding Set(AnswerReader? status, string key, params string[] wanted)
    {
        var item = $"{key} is {string.Join(" or ", wanted)}";
        if (status is null)
            return Finding.NotSeen(item, "the daemon does not answer");
        var value = status.ObjectOf("policy") is { } policy && policy.TryGet(key, out var found) && found.Kind == JsonKind.String ? KeyText.Of(found) : "not set";
        return wanted.Contains(value) ? Finding.Good(item, value) : Finding.Doubtful(item, value, $"qwamosctl set {key} {wanted[0]}");
    }
}
