namespace Qwamos.ControlBus.Ledger;

/// <summary>An entry as it is stored; its leaf's bytes have been checked against its hash.</summary>
/// <param name="Index">Its place in the ledger, from 0.</param>
/// <param name="Leaf">The leaf's exact bytes.</param>
/// <param name="LeafHash">RFC 6962's hash of them: 32 bytes.</param>
public sealed record LedgerRow(long Index, byte[] Leaf, byte[] LeafHash);
