using Qwamos.ControlBus;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Policy;

namespace Qwamos.Daemon.Boot;

/// <summary>
/// Boot assessment: what was staged is applied on trial, a boot that does not complete is counted, and when the tries are spent the last known good is put
/// back. This goes before all else at boot, and rests on root's own files alone: neither ledger, anchor, schema nor clock can keep the last known good away.
/// </summary>
internal sealed class Assessor(SystemPaths paths, BootFolder folder, Application application, BootReport report)
{
    private BootAssessment stored = BootAssessment.Empty;
    private BootAssessment beforeTrying = BootAssessment.Empty;
    private int tries = Limits.DefaultBootTries;
    private bool hasCompleted;
    private bool isLate;

    /// <summary>What is on trial, as this run has it by now.</summary>
    public BootAssessment Now { get; private set; } = BootAssessment.Empty;

    /// <summary>This boot; empty where it cannot be told.</summary>
    public string Boot { get; private set; } = "";

    /// <summary>False in a boot that puts something back: what is staged waits for the next.</summary>
    public bool MayApply { get; private set; }

    /// <summary>Something was put back in this boot.</summary>
    public bool HasPutBack => Boot.Length > 0 && Now.ReturnedIn == Boot;

    /// <summary>An applier failed.</summary>
    public bool HasFailed { get; private set; }

    /// <summary>The boot that new values go on trial in: none, once it has gone on or completed without them.</summary>
    private string? TrialBoot => hasCompleted || isLate ? null : Boot;

    /// <summary>Reads what is on trial; false, with what is wrong said, when it cannot be believed: then nothing is applied.</summary>
    public bool TryRead()
    {
        if (BootId.ReadOrMake(paths, out var fault) is not { } boot)
        {
            HasFailed = true;
            report.Warn($"nothing is applied, for the ID of this boot cannot be read or cannot be written: {fault}");
            return false;
        }
        Boot = boot;
        // systemd makes the bus's socket after sysinit.target: this run was started by hand, and proves nothing about a boot.
        isLate = !Posix.IsAbsent(paths.BusSocket);
        hasCompleted = BootRun.Read(paths, boot, out _)?.Outcome == BootOutcome.Complete;
        if (folder.Fault() is { } why || !folder.TryReadAssessment(out var read, out why))
        {
            report.Warn($"nothing is applied: {why}");
            return false;
        }
        Now = stored = read;
        return true;
    }

    /// <summary>Counts this boot, or puts back what is on trial.</summary>
    /// <param name="reverts">It was asked for: now, and whatever has not proven itself wholly.</param>
    public void Begin(bool reverts)
    {
        MayApply = !reverts && !HasPutBack;
        if (reverts)
            Revert(value => value.State != BootValueState.Good, $"{BootParameters.Revert} stood on the kernel command line");
        else if (Now.HasTrial && Now.Boot != Boot && !hasCompleted && Now.TriesLeft == 0)
            Revert(value => value.State == BootValueState.Trial, $"{Now.Tries} {(Now.Tries == 1 ? "boot" : "boots")} with it did not complete");
        else if (Now.HasTrial && Now.Boot != Boot && !hasCompleted && !isLate)
            Count();
        else if (MayApply)
            Keep();
    }

    /// <summary>The values that took effect one boot later than they were applied: in force now, by looking.</summary>
    public List<BootResult> Turned() =>
    [
        .. from pair in Now.Values
           where MayApply && pair.Value.Result == BootResult.InForceAfterReboot
           let seen = application.Look(pair.Key, pair.Value.Set.Value)
           where seen.Result is BootResult.InForce
           select new BootResult(pair.Key, pair.Value.Set.Index, BootResult.InForce, seen.Detail),
    ];

    /// <summary>
    /// Puts changes on trial, durably, before any of them is applied: a boot that does not come to its end counts against them. The lock is held.
    /// </summary>
    /// <exception cref="IOException">It cannot be written; nothing is to be applied.</exception>
    public void Try(IEnumerable<StagedChange> changes, PolicyState policy, int boots)
    {
        beforeTrying = Now;
        tries = boots;
        foreach (var change in changes.Where(application.Serves))
        {
            var key = change.Key.Name;
            // Where nothing was remembered yet: what the ledger says only if it is what root's files say, too.
            var before = !Now.Values.ContainsKey(key) && policy.Policy.TryGetValue(key, out var set) && application.Look(key, set.Value).Result is not null ? set : (Applied?)null;
            Now = Now.Try(key, new Applied(change.Value, change.Index), application.Expect(change), before, TrialBoot, tries);
        }
        Save();
    }

    /// <summary>What became of a value.</summary>
    public void Observed(string key, long index, string result) => Now = Now.Observed(key, index, result, TrialBoot, tries);

    /// <summary>It could not be applied, and what was there before is there again.</summary>
    public void Failed(string key)
    {
        HasFailed = true;
        Now = Now.Without(key, beforeTrying);
    }

    /// <summary>Writes what has changed. The lock is held.</summary>
    /// <exception cref="IOException">It cannot be written, or another of root's commands was here.</exception>
    public void Save()
    {
        if (IsSame(Now, stored)) return;
        if (!folder.TryReadAssessment(out var there, out var fault)) throw new IOException(fault);
        if (!IsSame(there, stored)) throw new IOException("another of root's commands changed what is on trial meanwhile: run this again");
        folder.WriteAssessment(Now);
        stored = Now;
    }

    /// <summary>Leaves for others what this boot did. It cannot keep the boot from going on.</summary>
    public void Tell(string asked)
    {
        if (Boot.Length == 0) return;
        try
        {
            var run = BootRun.Read(paths, Boot, out _) ?? new BootRun { Boot = Boot };
            DurableFile.RemoveLeftovers(Path.GetDirectoryName(paths.BootRunFile)!, Path.GetFileName(paths.BootRunFile));
            (run with { Asked = asked, Said = report.Said, Assessment = Now }).Write(paths, folder.Gid);
        }
        catch (IOException e)
        {
            report.Warn($"qwamosctl boot status will not show this: {e.Message}");
        }
    }

    private void Count()
    {
        var counted = Now.Count(Boot);
        try
        {
            SaveLocked(counted);
        }
        catch (IOException e)
        {
            report.Warn($"this boot cannot be counted, so that the last known good is put back for it: {e.Message}");
            MayApply = false;
            foreach (var (key, value) in Now.OnTrial)
                Say(key, GoodOf(key, value), application.Apply(key, GoodOf(key, value)));
            return;
        }
        foreach (var (key, value) in Now.OnTrial)
            report.Warn($"{key}={value.Set.Value.ToLine()} (entry {value.Set.Index}) is on trial, and the last boot did not complete: {Tries(Now.TriesLeft)}");
        Keep();
    }

    private static string Tries(int left) => left switch
    {
        0 => "this is its last try",
        1 => "one try is left after this one",
        _ => $"{left} tries are left after this one",
    };

    /// <summary>What is on trial is tried: it is brought back when it is gone.</summary>
    private void Keep()
    {
        foreach (var (key, value) in Now.OnTrial)
        {
            if (application.Keep(key, value.Set.Value) is { Result: null } gone)
                Say(key, value.Set.Value, gone);
        }
    }

    private void Revert(Func<BootValue, bool> isMeant, string why)
    {
        MayApply = false;
        var isNothingMeant = !Now.Values.Values.Any(isMeant);
        var reverted = Now;
        foreach (var (key, value) in Now.Values)
        {
            // What is not meant stays: it is the last known good, or waits for one more reboot.
            var stands = isMeant(value) ? GoodOf(key, value) : value.Set.Value;
            var seen = isMeant(value) ? application.Apply(key, stands) : application.Keep(key, stands);
            if (seen.Result is not { } result)
            {
                Say(key, stands, seen);
            }
            else if (isMeant(value))
            {
                var back = new PutBack(key, value.Set, value.LastGood, result, why);
                reverted = reverted.Return(back, Boot);
                report.Warn(back.Sentence);
            }
        }
        if (isNothingMeant) report.Say("the last known good is in force already: nothing is to be put back");
        try
        {
            SaveLocked(reverted);
        }
        catch (IOException e)
        {
            HasFailed = true;
            report.Warn($"what was put back cannot be remembered, so that the next boot does it again: {e.Message}");
        }
    }

    private void Say(string key, PolicyValue value, Observation seen)
    {
        HasFailed |= seen.Result is null;
        report.Tell($"{key}={value.ToLine()}", seen);
    }

    /// <summary>A key that was never set has its default, of this program's own schema where the system's does not load.</summary>
    private PolicyValue GoodOf(string key, BootValue value)
    {
        if (value.LastGood is { } good) return good.Value;
        if (PolicySchema.TryLoadFor(paths, out var schema, out _) && schema.TryGet(key, out var known)) return known.Default;
        return PolicySchema.BuiltIn.TryGet(key, out known) ? known.Default : value.Set.Value;
    }

    private void SaveLocked(BootAssessment next)
    {
        if (IsSame(next, stored)) return;
        folder.Make();
        using var held = folder.Lock();
        DurableFile.RemoveLeftovers(paths.BootDir);
        var before = Now;
        Now = next;
        try
        {
            Save();
        }
        catch
        {
            Now = before;
            throw;
        }
    }

    private static bool IsSame(BootAssessment one, BootAssessment other) => one.Write().AsSpan().SequenceEqual(other.Write());
}
