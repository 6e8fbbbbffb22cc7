namespace Qwamos.ControlBus.Policy;

/// <summary>The ledger's key as the boot remembers it.</summary>
/// <param name="Key">The verifier key's line, at most 128 characters.</param>
/// <param name="SignedSeconds">When the operator's statement that named it was signed, unix seconds; null while it is only pinned.</param>
public sealed record PinnedKey(string Key, long? SignedSeconds);
