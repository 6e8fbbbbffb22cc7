using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Policy;
using Qwamos.Gateway.Enforcing;

namespace Qwamos.Gateway.Receiving;

/// <summary>
/// Brings staged values into force at the gateway's own start, before it listens. The results are one entry; killed before that entry is
/// durable, the next start runs the hooks again.
/// </summary>
internal sealed class StagedAtStart(ReceiverSettings settings, Enforcer enforcer, TimeProvider time, LogMessages log)
{
    public LoadedLedger Apply(LedgerStore store, LoadedLedger loaded)
    {
        if (loaded.State.Staged.IsEmpty)
            return loaded;
        List<BootResult> results = [.. loaded.State.Staged.Select(staged => Apply(staged.Key, staged.Value))];
        long now = AcceptedRecord.Now(time, loaded.State);
        try
        {
            return AcceptedRecord.Append(store, sequence => BootNote.Applied(sequence, now, results), loaded, time);
        }
        catch (LedgerFullException e)
        {
            log.StagedNotRecorded(e.Message);
            return loaded;
        }
    }

    private BootResult Apply(string name, Applied staged)
    {
        BootResult result = settings.Schema.TryGet(name, out PolicyKey? key) && settings.Scope.Includes(key)
            ? Describe(name, staged.Index, enforcer.RunNow(new Enforcement(key, staged.Value, staged.Index)))
            : BootResult.Failed(name, staged.Index, "no key of this domain any more");
        log.AppliedAtStart(name, staged.Index, result.Result);
        return result;
    }

    private static BootResult Describe(string name, long index, EnforcementOutcome outcome) => outcome switch
    {
        { IsDone: true } => new BootResult(name, index, BootResult.InForce, ""),
        { IsFailure: true } => new BootResult(name, index, outcome.ToString(), ""),
        _ => new BootResult(name, index, BootResult.Recorded, ""),
    };
}
