namespace Qwamos.Client.Trusting;

/// <summary>How a key is replaced.</summary>
/// <param name="EverySeconds">Only a key that is older; null whatever its age.</param>
/// <param name="TimeoutSeconds">How long to wait for the domains to take a version.</param>
/// <param name="IsConfirmed">Nobody is asked.</param>
/// <param name="File">Where a version that others must sign is to be written, or is by now; null for this folder, or where it was written.</param>
internal sealed record RotationTerms(long? EverySeconds, long TimeoutSeconds, bool IsConfirmed, string? File = null);
