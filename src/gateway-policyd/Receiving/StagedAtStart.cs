using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Policy;
using Qwamos.ControlBus.Verification;
using Qwamos.Gateway.Enforcing;

namespace Qwamos.Gateway.Receiving;

/// <summary>
/// Brings staged values into force at the gateway's own start, before it listens. Each result is an entry as soon as it is known; killed
/// before that entry is durable, the next start runs the hook again. All hooks have one time together, so that the gateway always listens
/// before its service manager gives it up: what has not begun by then stays staged.
/// </summary>
/// <param name="settings">Whom to believe, and which domain this is.</param>
/// <param name="roots">The trust roots of the record.</param>
/// <param name="enforcer">Runs the hooks.</param>
/// <param name="time">The clock.</param>
/// <param name="log">The log.</param>
internal sealed class StagedAtStart(ReceiverSettings settings, RootHistory roots, Enforcer enforcer, TimeProvider time, LogMessages log)
{
    /// <summary>No hook begins later; with the last one's own time it stays below the 90 s that systemd gives a start.</summary>
    public const int MaxSeconds = 60;

    private readonly Verifier _verifier = settings.Verifier();

    /// <exception cref="OperationCanceledException">Stopped; what is recorded stands, the rest stays staged.</exception>
    public LoadedLedger Apply(LedgerStore store, LoadedLedger loaded, CancellationToken stop)
    {
        long start = time.GetTimestamp();
        var disbelieved = loaded.State.Staged.ToDictionary(pair => pair.Key, pair => Judge(store, pair.Value.Index));
        enforcer.RunStaged(loaded.State.Staged.Where(pair => disbelieved[pair.Key] is null).Select(pair => For(pair.Key, pair.Value)).OfType<Enforcement>(), stop);
        foreach ((string name, Applied staged) in loaded.State.Staged)
        {
            stop.ThrowIfCancellationRequested();
            BootResult result = disbelieved[name] is { } why
                ? BootResult.Failed(name, staged.Index, why)
                : Apply(name, staged, time.GetElapsedTime(start).TotalSeconds >= MaxSeconds, stop);
            loaded = Record(store, loaded, result);
            log.AppliedAtStart(name, staged.Index, result.Result);
        }

        return loaded;
    }

    /// <summary>
    /// Why the change that staged a value is not believed any more, or null (ATTACKS 7, 22). A revocation's cut-off is an entry of Dom0's ledger, which nobody here knows:
    /// nothing that a revoked key staged is applied, whenever that was, but where the other signers suffice.
    /// </summary>
    private string? Judge(LedgerStore store, long index)
    {
        if (store.ReadEntry(index) is not MessageEntry { IsAccepted: true } entry)
            return $"entry {index} is no accepted change";
        if (_verifier.CheckRecorded(entry.Envelope, entry.TimeSeconds, roots.InForce(index), roots.Current, IsRevoked).TryGet(out _, out Refusal? refusal))
            return null;
        return entry.Signers.Any(IsRevoked)
            ? $"the key {entry.Signers.First(IsRevoked)}, which signed entry {index}, is revoked: set it again with another key"
            : $"the envelope of entry {index} does not verify ({ErrorCodes.Name(refusal.Code)}: {refusal.Reason})";
    }

    private bool IsRevoked(KeyId signer) => roots.Current.RevocationOf(signer) is not null;

    private BootResult Apply(string name, Applied staged, bool isLate, CancellationToken stop)
    {
        if (For(name, staged) is not { } enforcement)
            return BootResult.Failed(name, staged.Index, "no key of this domain any more");
        return Describe(name, staged.Index, isLate && !enforcer.IsBuiltIn(enforcement.Key)
            ? enforcer.Skip(enforcement, $"not begun: the hooks before it took {MaxSeconds} s of this start")
            : enforcer.RunNow(enforcement, stop));
    }

    private Enforcement? For(string name, Applied staged) =>
        settings.Schema.TryGet(name, out PolicyKey? key) && settings.Scope.Includes(key) ? new Enforcement(key, staged.Value, staged.Index) : null;

    private LoadedLedger Record(LedgerStore store, LoadedLedger loaded, BootResult result)
    {
        long now = AcceptedRecord.Now(time, loaded.State);
        try
        {
            return AcceptedRecord.Append(store, sequence => BootNote.Applied(sequence, now, [result]), loaded, time);
        }
        catch (IOException e) when (e is LedgerFullException or LedgerBusyException)
        {
            log.StagedNotRecorded(e.Message);
            return loaded;
        }
    }

    private static BootResult Describe(string name, long index, EnforcementOutcome outcome) => outcome switch
    {
        { IsDone: true } => new BootResult(name, index, BootResult.InForce, ""),
        { IsFailure: true } => new BootResult(name, index, outcome.ToString(), ""),
        _ => new BootResult(name, index, BootResult.Recorded, ""),
    };
}
