using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Hosting.Commands;
using Qwamos.ControlBus.Policy;

namespace Qwamos.Daemon.Boot;

/// <summary>
/// `qwamosd boot-complete`: the end of a good boot. Its unit asks before whether the daemon is ready; when every check succeeds too, what was on trial becomes the
/// last known good. Killed at any point and run again, it ends in the same state.
/// </summary>
internal sealed class BootComplete(SystemPaths paths, BootReport report, BootChecks checks, IReadOnlyList<IApplier> appliers)
{
    private readonly BootFolder folder = new(paths);
    private readonly Application application = new(appliers);

    /// <summary>0 when the boot is complete, and that is remembered; 1 when not, and why is said.</summary>
    public int Run()
    {
        if (BootId.ReadOrMake(paths, out var fault) is not { } boot) return End($"which boot this is cannot be told: {fault}");
        var run = BootRun.Read(paths, boot, out _) ?? new BootRun { Boot = boot };
        if (run.Outcome == BootOutcome.Complete)
        {
            report.Say("this boot is complete already");
            return ExitCodes.Done;
        }
        var faults = checks.Faults();
        var why = string.Join("; ", faults);
        foreach (var each in faults) report.Warn(each);
        BootAssessment? assessment = null;
        if (why.Length == 0) why = Remember(boot, out assessment) ?? "";
        else _ = folder.TryReadAssessment(out assessment, out _);
        assessment ??= run.Assessment;
        var outcome = why.Length == 0 ? BootOutcome.Complete : BootOutcome.Incomplete;
        var written = Write(run with { Outcome = outcome, Why = why, Said = [.. Earlier(run), .. report.Said], Observed = Observe(assessment), Assessment = assessment });
        return outcome == BootOutcome.Complete && written ? ExitCodes.Done : ExitCodes.Failed;
    }

    /// <summary>Makes the last known good of what was on trial, durably; gives why it could not.</summary>
    private string? Remember(string boot, out BootAssessment? assessment)
    {
        assessment = null;
        try
        {
            if (folder.Fault() is { } distrust) return Said(distrust);
            folder.Make();
            using var held = folder.Lock();
            DurableFile.RemoveLeftovers(paths.BootDir);
            if (!folder.TryReadAssessment(out assessment, out var fault)) return Said(fault);
            var tried = assessment;
            assessment = tried.Complete(boot, (key, value) => application.Look(key, value).Result is not null);
            if (assessment == tried)
            {
                if (tried.HasTrial && tried.Boot != boot) report.Say("this boot was not counted, so that it proves nothing about what is on trial");
            }
            else
            {
                folder.WriteAssessment(assessment);
            }
            foreach (var (key, value) in tried.OnTrial.Where(_ => tried.Boot == boot)) report.Say(Proven(key, value, assessment.Values[key].State));
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return Said($"that this boot is complete cannot be remembered: {e.Message}");
        }
    }

    private static string Proven(string key, BootValue value, BootValueState state) => $"{key}={value.Set.Value.ToLine()} (entry {value.Set.Index}) " + state switch
    {
        BootValueState.Good => "is the last known good",
        BootValueState.Waiting => $"has proven itself as far as it is in force; it is {BootResult.InForceAfterReboot}, and on trial again then",
        _ => "is not in place, and stays on trial",
    };

    /// <summary>What was said before, without why an earlier run of this program said no: this one has looked again.</summary>
    private static IEnumerable<string> Earlier(BootRun run) => run.Said.Where(line => !run.Why.Contains(line, StringComparison.Ordinal));

    private List<BootResult> Observe(BootAssessment assessment)
    {
        List<BootResult> seen = [];
        foreach (var (key, value) in assessment.Values)
        {
            var now = application.LookAtRunning(key, value.Set.Value);
            var result = now.Result is { } good ? new BootResult(key, value.Set.Index, good, now.Detail) : BootResult.Failed(key, value.Set.Index, now.Detail);
            seen.AddRange(BootNote.Applied(1, 0, [result]).Results);
            if (now.Result is null) report.Warn($"{key}={value.Set.Value.ToLine()} is not in force: {now.Detail}");
        }
        return seen;
    }

    private bool Write(BootRun run)
    {
        try
        {
            DurableFile.RemoveLeftovers(Path.GetDirectoryName(paths.BootRunFile)!, Path.GetFileName(paths.BootRunFile));
            run.Write(paths, folder.Gid);
            if (run.Outcome == BootOutcome.Complete) report.Say("this boot is complete");
            return true;
        }
        catch (IOException e)
        {
            report.Warn($"what became of this boot cannot be written: {e.Message}");
            return false;
        }
    }

    private string Said(string fault)
    {
        report.Warn(fault);
        return fault;
    }

    private int End(string fault)
    {
        report.Warn(fault);
        return ExitCodes.Failed;
    }
}
