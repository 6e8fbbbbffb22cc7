namespace Qwamos.Client.Trusting;

/// <summary>What was asked of a trust root that is drawn up.</summary>
/// <param name="LifetimeSeconds">How long it lasts from now on; null where nobody said.</param>
/// <param name="File">Where to write it in place of sending it; null to send it.</param>
/// <param name="IsConfirmed">Nobody is asked.</param>
internal sealed record RootTerms(long? LifetimeSeconds, string? File, bool IsConfirmed);
