namespace Qwamos.ControlBus.Ledger;

/// <summary>An entry to be appended.</summary>
/// <param name="Leaf">The leaf's exact bytes, at most 65,535.</param>
/// <param name="Key">The message's time and nonce; null for an entry without a message.</param>
/// <param name="ConfidentialEnvelope">The envelope of a confidential change, whose hash is in the leaf; otherwise null.</param>
/// <param name="HeadBytes">How many of the leaf's first bytes many entries have alike, so that it is worth storing them once; 0 for none.</param>
public sealed record NewEntry(ReadOnlyMemory<byte> Leaf, ReplayKey? Key = null, ReadOnlyMemory<byte>? ConfidentialEnvelope = null, int HeadBytes = 0);
