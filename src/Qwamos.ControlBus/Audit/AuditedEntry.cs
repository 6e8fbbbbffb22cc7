using Qwamos.ControlBus.Ledger;

namespace Qwamos.ControlBus.Audit;

/// <summary>What an auditor found of one leaf; the zero value is a leaf that nobody looked at.</summary>
/// <param name="Entry">What it says; null when it could not be read.</param>
/// <param name="Fault">Why it is not believed; null when it is. A sentence without its full stop.</param>
internal readonly record struct AuditedEntry(LedgerEntry? Entry, string? Fault)
{
    public bool IsSound => Entry is not null && Fault is null;
}
