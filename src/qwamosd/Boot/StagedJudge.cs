using System.Diagnostics.CodeAnalysis;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Policy;
using Qwamos.ControlBus.Verification;

namespace Qwamos.Daemon.Boot;

/// <summary>
/// Judges each staged key again, from its entry's bytes alone: what is applied is what the operator signed (ATTACKS 22 and 28).
/// </summary>
internal sealed class StagedJudge(BootGrounds grounds, RootHistory roots, Func<long, LedgerEntry?> readEntry, NewestChanges newest)
{
    /// <summary>This machine's domain.</summary>
    public const string Domain = "dom0";

    /// <summary>The change to apply, or one sentence why not.</summary>
    public bool TryJudge(string key, Applied staged, [NotNullWhen(true)] out StagedChange? change, [NotNullWhen(false)] out string? fault)
    {
        change = null;
        if (!TryVerify(staged.Index, out var entry, out fault)) return false;
        var message = entry.Message;
        fault = ValueFault(key, staged.Value, message, out var known)
            ?? (entry.Outcome!.Staged.Contains(key) ? null : $"entry {staged.Index} does not stage it")
            ?? OrderFault(key, staged.Index, message.Timestamp!.Value);
        if (fault is not null) return false;
        change = new StagedChange(known!, staged.Value, staged.Index, message.Audience?.Contains(Domain) ?? true);
        return true;
    }

    /// <summary>Reads an accepted change and verifies its signature, that it was fresh when it was recorded, and that its signers could sign it then and are not disowned since.</summary>
    public bool TryVerify(long index, [NotNullWhen(true)] out MessageEntry? entry, [NotNullWhen(false)] out string? fault)
    {
        fault = null;
        entry = readEntry(index) as MessageEntry;
        if (entry is not { IsAccepted: true, Message.Command: Commands.SetPolicy })
            fault = $"entry {index} is no accepted change";
        else if (!grounds.Verifier.CheckRecorded(entry.Envelope, entry.TimeSeconds, roots, index).TryGet(out _, out var refusal))
            fault = $"the envelope of entry {index} does not verify ({ErrorCodes.Name(refusal.Code)}: {refusal.Reason})";
        return fault is null;
    }

    private string? ValueFault(string name, PolicyValue staged, Message message, out PolicyKey? key)
    {
        if (!grounds.Schema.TryGet(name, out key)) return "the schema of this system has no such key";
        if (message.Args is null || !message.Args.TryGet(name, out var json) || !PolicyValue.TryFrom(json, out var signed) || signed != staged)
            return "the signed change does not set it to the staged value";
        if (!key.Admits(signed) || EventValues.IsFire(signed)) return "the schema of this system does not admit the value";
        return key.Apply == PolicyApply.Reboot || message.Mode == ChangeMode.Staged ? null : "it is a runtime key, and its change does not ask to be staged";
    }

    private string? OrderFault(string key, long index, long timestamp)
    {
        if (grounds.Memory.Timestamps.TryGetValue(key, out var remembered) && timestamp < remembered)
            return $"an earlier boot saw a change of it signed {remembered - timestamp} s later";
        return newest.Of(key) is { } last && last.Index != index ? $"entry {last.Index} is a newer change of it" : null;
    }
}
