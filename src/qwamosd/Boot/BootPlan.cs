using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Policy;
using Qwamos.ControlBus.Verification;

namespace Qwamos.Daemon.Boot;

/// <summary>What was read from the ledger and judged, before anything is written.</summary>
/// <param name="Ledger">The fold.</param>
/// <param name="Roots">Its trust roots, verified.</param>
/// <param name="Changes">What is to be applied, in the order of the keys.</param>
/// <param name="Refused">Staged keys that did not pass, with why: they keep their last known good value.</param>
/// <param name="Effective">The fold with the notes that wait for qwamosd.</param>
/// <param name="Owed">What was put back, and that the ledger and its notes do not tell of yet.</param>
/// <param name="Turned">What waited for one more reboot, and is in force now.</param>
/// <param name="Seen">The memory after this boot, but for what the notes of this run add to the number of the next one.</param>
internal sealed record BootPlan(
    LoadedLedger Ledger, RootHistory Roots, IReadOnlyList<StagedChange> Changes, IReadOnlyList<RefusedChange> Refused, PolicyState Effective, IReadOnlyList<PutBack> Owed, IReadOnlyList<BootResult> Turned, BootMemory Seen)
{
    public PolicyState State => Ledger.State;

    /// <summary>True when there is nothing to apply and nothing new to remember: then nothing is written, whatever the disk is like.</summary>
    public bool IsIdle(BootMemory memory) => Changes.Count + Refused.Count + Owed.Count + Turned.Count == 0 && Seen.Write().AsSpan().SequenceEqual(memory.Write());
}
