using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Policy;

namespace Qwamos.Client.Checking;

/// <summary>Whether this boot is complete, by what root's programs left; the daemon need not run.</summary>
internal static class BootFindings
{
    private const string Area = "this boot";

    public static IEnumerable<Finding> Run(Session session)
    {
        yield return Completion(session);
        var checks = session.Paths.BootChecksDir;
        if (!Posix.IsAbsent(checks) && !SafePath.TryCheckTrusted(checks, session.Paths, PathRules.TrustedDirectory, out var fault))
            yield return Finding.Bad("boot checks", fault);
    }

    private static Finding Completion(Session session)
    {
        var run = BootId.Read(session.Paths, out var fault) is { } boot ? BootRun.Read(session.Paths, boot, out fault) : null;
        if (fault.Length > 0)
            return Finding.NotSeen(Area, fault);
        return run?.Outcome switch
        {
            BootOutcome.Complete => Finding.Good(Area, run.Assessment.HasTrial ? "is complete, and values are on trial still: qwamosctl boot status" : "is complete"),
            BootOutcome.Incomplete => Finding.Bad(Area, $"is not complete: {run.Why}", "mend what the check says; then: sudo systemctl restart qwamos-boot-complete"),
            _ when session.Paths.IsTrial => Finding.NotSeen(Area, "a trial's boot is complete when it is told so: qwamosd boot-complete"),
            _ => Finding.Doubtful(Area, "is not complete: qwamos-boot-complete has not run to its end", "systemctl status qwamos-boot-complete"),
        };
    }
}
