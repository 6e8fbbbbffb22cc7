namespace Qwamos.Client.Changing;

/// <summary>What a change carries beside its keys and values; null where the message shall not have the member.</summary>
/// <param name="DryRun">Show the message, sign and send nothing.</param>
/// <param name="Reason">Why, for the record.</param>
/// <param name="Audience">The domains it is for.</param>
/// <param name="LifetimeSeconds">After how many seconds it expires.</param>
/// <param name="Base">Class to hash of the policy it builds on.</param>
/// <param name="Staged">True to stage every key until the next boot.</param>
/// <param name="File">Where to write it for several to sign; null to sign and send it.</param>
/// <param name="WaitSeconds">How long to wait until it is in force in every domain; null not to wait.</param>
internal sealed record ChangeTerms(
    bool DryRun,
    string? Reason,
    IReadOnlyList<string>? Audience,
    long? LifetimeSeconds,
    IReadOnlyDictionary<string, string>? Base,
    bool Staged,
    string? File,
    long? WaitSeconds = null);
