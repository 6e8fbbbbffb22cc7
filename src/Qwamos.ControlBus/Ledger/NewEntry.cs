using Qwamos.ControlBus.Envelopes;

namespace Qwamos.ControlBus.Ledger;

/// <summary>An entry to be appended.</summary>
/// <param name="Leaf">The leaf's exact bytes, at most 65,535.</param>
/// <param name="Nonce">The message's nonce; null for an entry without a message.</param>
/// <param name="ConfidentialEnvelope">The envelope of a confidential change, whose hash is in the leaf; otherwise null.</param>
public sealed record NewEntry(ReadOnlyMemory<byte> Leaf, Nonce? Nonce = null, ReadOnlyMemory<byte>? ConfidentialEnvelope = null);
