using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Trust;

namespace Qwamos.ControlBus.Audit;

/// <summary>What an auditor found of one leaf; the zero value is a leaf that nobody looked at.</summary>
/// <param name="Entry">What it says; null when it could not be read.</param>
/// <param name="Fault">Why it is not believed; null when it is. A sentence without its full stop.</param>
/// <param name="Root">The trust root that it was judged by: by another one it must be judged again.</param>
internal readonly record struct AuditedEntry(LedgerEntry? Entry, string? Fault, TrustRoot? Root = null)
{
    public bool IsSound => Entry is not null && Fault is null;
}
