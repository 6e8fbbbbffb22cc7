using System.Diagnostics.CodeAnalysis;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Policy;
using Qwamos.ControlBus.Verification;

namespace Qwamos.ControlBus.Ledger;

/// <summary>The trust roots that a ledger holds, verified anew from the enrolled key on: who can write the ledger cannot author one.</summary>
public static class LedgerRoots
{
    /// <summary>Reads and verifies them. False with a sentence when one of them does not follow, or is not where the state says.</summary>
    /// <exception cref="LedgerIntegrityException">An entry is not what was recorded.</exception>
    public static bool TryVerify(
        LedgerStore store, RecordedTrust trust, VerifyingKey anchor, string? systemId, [NotNullWhen(true)] out RootHistory? history, [NotNullWhen(false)] out string? fault)
    {
        history = RootHistory.Of(anchor).BeginAnew(trust.BegunSeconds);
        foreach (long index in trust.Entries)
        {
            if (store.ReadEntry(index) is not TrustRootEntry entry)
                return Fail($"entry {index} is no trust root, and the ledger's state says it is", out history, out fault);
            if (history!.TryExtend(index, entry.TimeSeconds, entry.Root, systemId, out RootHistory longer) is { } refusal)
                return Fail($"the trust root of entry {index} does not follow from the enrolled key {anchor.Id}: {refusal.Reason}", out history, out fault);
            history = longer;
        }
        if (history.Current.Version != trust.Version || (trust.Root is { } root && root.Hash != history.Current.Hash))
            return Fail("the ledger's state names another trust root than its entries hold", out history, out fault);
        fault = null;
        return true;
    }

    private static bool Fail(string why, out RootHistory? history, out string fault)
    {
        (history, fault) = (null, why);
        return false;
    }
}
