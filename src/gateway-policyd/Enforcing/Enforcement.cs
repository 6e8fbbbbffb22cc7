using Qwamos.ControlBus.Policy;

namespace Qwamos.Gateway.Enforcing;

/// <summary>One value to be put in force: what a hook is told.</summary>
/// <param name="Index">The entry of accepted.db that set the value, and so durable before any hook runs.</param>
/// <param name="SignedSeconds">For an event, when it was signed (unix seconds); null for a state.</param>
internal sealed record Enforcement(PolicyKey Key, PolicyValue Value, long Index, long? SignedSeconds = null)
{
    /// <summary>An event happens at most once and is never merged with another value; a state is only ever wanted as it is last.</summary>
    public bool IsEvent => SignedSeconds is not null;
}
