namespace Qwamos.Daemon.Delivery;

/// <summary>What a domain said of a change.</summary>
/// <param name="Entry">Where it is recorded.</param>
/// <param name="WhyNot">Why the change is not in force there; null when it is.</param>
internal sealed record InForceWord(long Entry, string? WhyNot);
