namespace Qwamos.ControlBus.Ledger;

/// <summary>The answer about a nonce.</summary>
/// <param name="Verdict">New, known, or no room.</param>
/// <param name="Index">The entry that has the nonce, when it is known.</param>
public readonly record struct ReplayAnswer(ReplayVerdict Verdict, long Index);
