namespace Qwamos.ControlBus.Envelopes;

/// <summary>One entry of Dom0's ledger. Its place alone would be another entry's once root put an older ledger back.</summary>
/// <param name="Index">Its place, from 0.</param>
/// <param name="LeafHash">RFC 6962's hash of its leaf, 64 lower-case hex digits.</param>
public sealed record EntryReference(long Index, string LeafHash);
