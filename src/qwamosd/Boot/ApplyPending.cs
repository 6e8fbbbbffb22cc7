using Qwamos.ControlBus;
using Qwamos.ControlBus.Audit;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Hosting.Commands;
using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Policy;
using Qwamos.Daemon.Restoring;

namespace Qwamos.Daemon.Boot;

/// <summary>
/// `qwamosd apply-pending` (DESIGN section 6, Boot): reads and judges everything, then writes. It never changes the ledger. Killed at any
/// point and run again it ends in the same state: what it applies it can apply again, and a result is noted once.
/// </summary>
internal sealed class ApplyPending(SystemPaths paths, BootReport report, IReadOnlyList<IApplier> appliers, TimeProvider clock, string? fallbackKeyHome)
{
    private readonly BootFolder folder = new(paths);
    private readonly Application application = new(appliers);
    private bool isQuiet;

    /// <summary>0 when it did what was possible, all else being reported; 1 when an applier failed or results could not be written.</summary>
    public int Run()
    {
        var asked = BootParameters.Read(paths, report);
        var assessor = new Assessor(paths, folder, application, report);
        var code = assessor.TryRead() ? Run(asked, assessor) : ExitCodes.Done;
        // A boot with nothing to tell writes nothing.
        if (!isQuiet || asked.Shown.Length > 0 || assessor.Now.HasTrial || assessor.HasPutBack) assessor.Tell(asked.Shown);
        return assessor.HasFailed ? ExitCodes.Failed : code;
    }

    private int Run(BootParameters asked, Assessor assessor)
    {
        if (asked is { Skips: true, Reverts: false })
        {
            report.Say($"{BootParameters.Skip} stands on the kernel command line: nothing is applied in this boot, counted or put back");
            return ExitCodes.Done;
        }
        assessor.Begin(asked.Reverts);
        if (RestorePlan.Fault(paths) is { } begun)
        {
            report.Warn($"nothing is applied and the last known good stays: {begun}");
            return ExitCodes.Done;
        }
        if (BootGrounds.Gather(paths, folder, fallbackKeyHome, report) is not { } grounds) return ExitCodes.Done;
        if (Posix.IsAbsent(paths.LedgerFile))
        {
            isQuiet = grounds.Memory.TreeSize == 0;
            if (isQuiet) report.Say("nothing is staged: there is no ledger yet");
            else report.Warn($"nothing is applied: the ledger is gone; the last boot saw {grounds.Memory.TreeSize} entries: put a backup of it back");
            return ExitCodes.Done;
        }
        if (Plan(grounds, assessor) is not { } plan) return ExitCodes.Done;
        if (plan.IsIdle(grounds.Memory))
        {
            isQuiet = true;
            if (assessor.MayApply) report.Say("nothing is staged");
            return ExitCodes.Done;
        }
        try
        {
            return Carry(plan, grounds, assessor);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            report.Warn($"the results cannot be written: {e.Message}");
            return ExitCodes.Failed;
        }
    }

    /// <summary>Reads the ledger; null when it is refused. It is closed again before anything is applied.</summary>
    private BootPlan? Plan(BootGrounds grounds, Assessor assessor)
    {
        // Before the ledger is opened: qwamosd may be running already, and keep a newer one.
        if (!KeptCheckpoint.TryLoad(paths.CheckpointFile, out var kept, out var fault))
        {
            report.Warn($"nothing is applied and the last known good stays: {fault}");
            return null;
        }
        try
        {
            LedgerCopy.RemoveLeftovers(paths.At("/run"));
            using var store = LedgerCopy.OpenForBoot(paths.LedgerFile, paths.At("/run"));
            // The plan first: what it finds in pending.conf helps to see what happened to the ledger.
            var plan = new BootPlanner(paths, grounds, store, assessor, report).Plan();
            if (kept?.Fault(store, paths) is { } older) throw new LedgerIntegrityException(older);
            var pin = new LedgerKeyPin(paths, grounds, plan.Roots, store.ReadEntry, folder, report, NowSeconds).Judge(kept, plan.State.LedgerKey, () => LedgerFold.Load(store, useSnapshot: false).State.LedgerKey?.Statement);
            return plan with { Seen = plan.Seen with { LedgerKey = pin } };
        }
        catch (Exception e) when (e is IOException or InvalidDataException or UnauthorizedAccessException)
        {
            report.Warn($"the ledger is refused, nothing is applied and the last known good stays: {e.Message}");
            return null;
        }
    }

    private int Carry(BootPlan plan, BootGrounds grounds, Assessor assessor)
    {
        folder.Make();
        using var held = folder.Lock();
        if (!folder.TryReadMemory(out var memory, out _) || !memory.Write().AsSpan().SequenceEqual(grounds.Memory.Write()))
            throw new IOException("another of root's commands changed the boot's memory meanwhile: run this again");
        DurableFile.RemoveLeftovers(paths.BootDir);
        DurableFile.RemoveLeftovers(paths.BootNotesDir);
        BootNotes.Prune(paths, plan.State.LastNote);
        if (!BootNotes.TryReadAfter(paths, plan.State.LastNote, out var notes, out var fault)) throw new IOException(fault);
        var earlier = notes.SelectMany(note => note.Results).ToList();
        var news = Apply(plan, grounds.Schema, earlier, assessor).Except(earlier).ToList();
        Remember(plan, grounds, news);
        assessor.Save();
        if (news.Count > 0) report.Say("qwamosd shows this in status from its next start on");
        return ExitCodes.Done;
    }

    private List<BootResult> Apply(BootPlan plan, PolicySchema schema, List<BootResult> earlier, Assessor assessor)
    {
        List<BootResult> results = [];
        foreach (var refused in plan.Refused)
        {
            report.Warn($"{refused.Key} (entry {refused.Index}) is not applied and keeps its last known good: {refused.Why}");
            if (schema.TryGet(refused.Key, out _)) results.Add(Failed(refused.Key, refused.Index, refused.Why));
        }
        bool IsNoted(StagedChange change) => earlier.Any(result => result.IsInForce && result.Key == change.Key.Name && result.Index == change.Index);
        var news = plan.Changes.Where(change => !IsNoted(change)).ToList();
        if (news.Count > 0) BackUpStatus(plan.Ledger, schema);
        if (news.Count + plan.Turned.Count > 0) assessor.Try(news, plan.Effective, Tries(schema));
        // A newer change of the key goes before what became of the older.
        foreach (var turned in plan.Turned.Where(turned => news.All(change => change.Key.Name != turned.Key)))
        {
            report.Say($"{turned.Key} (entry {turned.Index}): {turned.Result} now, a reboot after it was applied");
            assessor.Observed(turned.Key, turned.Index, turned.Result);
            results.Add(turned);
        }
        foreach (var change in plan.Changes)
        {
            var isNoted = IsNoted(change);
            var observed = isNoted ? application.Keep(change) : application.Apply(change);
            if (observed.Result is { } seen) assessor.Observed(change.Key.Name, change.Index, seen);
            else assessor.Failed(change.Key.Name);
            report.Tell(change.Shown, observed);
            if (isNoted) continue;
            results.Add(observed.Result is { } result
                ? new BootResult(change.Key.Name, change.Index, result, observed.Detail)
                : Failed(change.Key.Name, change.Index, observed.Detail));
        }
        if (assessor.MayApply && plan.Changes.Count + plan.Refused.Count == 0) report.Say("nothing is staged");
        return results;
    }

    /// <summary>A configuration that stops qwamosd does not stop the boot.</summary>
    private int Tries(PolicySchema schema)
    {
        if (DaemonConfig.TryLoad(paths, schema, out var config, out var fault)) return config.BootTries;
        report.Warn($"a staged value gets {Limits.DefaultBootTries} boots: {fault}");
        return Limits.DefaultBootTries;
    }

    /// <summary>The note first: a kill between the two repeats neither the number nor the results.</summary>
    private void Remember(BootPlan plan, BootGrounds grounds, List<BootResult> results)
    {
        var next = BootNotes.NextSequence(paths, grounds.Memory.NextSequence, plan.State.LastNote);
        if (results.Count > 0)
        {
            BootNotes.Write(paths, BootNote.Applied(next, NowSeconds, results), folder.Gid);
            next++;
        }
        if (plan.Owed.Count > 0)
        {
            BootNotes.Write(paths, BootNote.PutBackTo(next, NowSeconds, plan.Owed), folder.Gid);
            next++;
        }
        var memory = plan.Seen with { NextSequence = next };
        if (!memory.Write().AsSpan().SequenceEqual(grounds.Memory.Write())) folder.WriteMemory(memory);
    }

    private void BackUpStatus(LoadedLedger ledger, PolicySchema schema) => new StatusBackup(paths.BootDir, BootFolder.FileMode, folder.Gid)
        .Keep(Projections.Status(ledger.State, schema, ledger.LastTimeSeconds, ledger.Tree), NowSeconds);

    private long NowSeconds => Math.Max(0, clock.GetUtcNow().ToUnixTimeSeconds());

    /// <summary>As a note keeps it, shortened, so that the same failure twice is seen to be the same.</summary>
    private static BootResult Failed(string key, long index, string why) => BootNote.Applied(1, 0, [BootResult.Failed(key, index, why)]).Results[0];
}
