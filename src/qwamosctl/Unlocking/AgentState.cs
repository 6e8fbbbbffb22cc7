namespace Qwamos.Client.Unlocking;

/// <summary>What an agent says of itself.</summary>
/// <param name="KeyId">The key that it holds, or held until it was locked.</param>
/// <param name="IsLocked">It has forgotten the private key.</param>
/// <param name="LocksInSeconds">When it will, if it signs nothing until then.</param>
internal readonly record struct AgentState(string KeyId, bool IsLocked, long? LocksInSeconds);
