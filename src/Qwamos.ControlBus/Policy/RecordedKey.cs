using Qwamos.ControlBus.Envelopes;

namespace Qwamos.ControlBus.Policy;

/// <summary>The newest recorded statement about the ledger's own key.</summary>
/// <param name="Statement">What was signed.</param>
/// <param name="Index">Its entry.</param>
public sealed record RecordedKey(LedgerKeyStatement Statement, long Index);
