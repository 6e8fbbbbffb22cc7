namespace Qwamos.Gateway.Enforcing;

/// <summary>How far the enforcement of a key's value has come, and since when.</summary>
/// <param name="Enforcement">The value, and the entry that set it.</param>
/// <param name="Outcome">What became of it.</param>
/// <param name="SinceSeconds">Since when it is so, unix seconds.</param>
/// <param name="DriftedSeconds">When somebody else was last found to have changed it, unix seconds; null when nobody was since the start.</param>
internal sealed record ObservedKey(Enforcement Enforcement, EnforcementOutcome Outcome, long SinceSeconds, long? DriftedSeconds);
