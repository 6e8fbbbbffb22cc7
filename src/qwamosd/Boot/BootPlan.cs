using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Policy;

namespace Qwamos.Daemon.Boot;

/// <summary>What was read from the ledger and judged, before anything is written.</summary>
/// <param name="Ledger">The fold.</param>
/// <param name="Changes">What is to be applied, in the order of the keys.</param>
/// <param name="Refused">Staged keys that did not pass, with why: they keep their last known good value.</param>
/// <param name="Seen">The memory after this boot, but for the number of the next note.</param>
internal sealed record BootPlan(LoadedLedger Ledger, IReadOnlyList<StagedChange> Changes, IReadOnlyList<RefusedChange> Refused, BootMemory Seen)
{
    public PolicyState State => Ledger.State;

    /// <summary>True when there is nothing to apply and nothing new to remember: then nothing is written, whatever the disk is like.</summary>
    public bool IsIdle(BootMemory memory) => Changes.Count + Refused.Count == 0 && Seen.Write().AsSpan().SequenceEqual(memory.Write());
}
