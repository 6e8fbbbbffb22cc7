using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Policy;

namespace Qwamos.Client.Checking;

/// <summary>Whether this boot is complete, by what root's programs left; the daemon need not run.</summary>
internal static class BootFindings
{
    private const string Area = "this boot";

    public static IEnumerable<Finding> Run(Session session)
    {
        var boot = BootId.Read(session.Paths, out var fault);
        var run = boot is not null ? BootRun.Read(session.Paths, boot, out fault) : null;
        yield return fault.Length > 0 ? Finding.NotSeen(Area, fault) : Completion(session, boot, run);
        if (run?.HasPutBack == true)
            yield return Finding.Bad(Area, $"put back the last known good of {string.Join(", ", run.Assessment.Returned.Keys)}", "qwamosctl boot status; once what hindered the boots is mended, set it again");
        var checks = session.Paths.BootChecksDir;
        if (!Posix.IsAbsent(checks) && !SafePath.TryCheckTrusted(checks, session.Paths, PathRules.TrustedDirectory, out var distrust))
            yield return Finding.Bad("boot checks", distrust);
    }

    private static Finding Completion(Session session, string? boot, BootRun? run)
    {
        if (boot is null && !session.Paths.IsTrial)
            return Finding.NotSeen(Area, "is not assessed, for none of root's programs ran in it: so it is until the first reboot after an installation");
        return run?.Outcome switch
        {
            BootOutcome.Complete => Finding.Good(Area, run.Assessment.HasTrial ? "is complete, and values are on trial still: qwamosctl boot status" : "is complete"),
            BootOutcome.Incomplete => Finding.Bad(Area, $"is not complete: {run.Why}", "mend what the check says; then: sudo systemctl restart qwamos-boot-complete"),
            _ when session.Paths.IsTrial => Finding.NotSeen(Area, $"a trial's boot is complete when it is told so: {ProposedCommand.Of(session.Paths, "qwamosd", "boot-complete")}"),
            _ => Finding.Doubtful(Area, "is not complete: qwamos-boot-complete has not run to its end", "systemctl status qwamos-boot-complete"),
        };
    }
}
