using Qwamos.ControlBus.Keys;

namespace Qwamos.ControlBus.Trust;

/// <summary>A key that counts no more from an entry of Dom0's ledger on. A thief can write any timestamp, but no index that is taken.</summary>
/// <param name="Key">Whose.</param>
/// <param name="FromIndex">The first entry that is disowned; what the key signed before it holds.</param>
public sealed record Revocation(KeyId Key, long FromIndex);
