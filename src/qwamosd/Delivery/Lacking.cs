namespace Qwamos.Daemon.Delivery;

/// <summary>What a domain's report has not, of what the domain is said to have taken before it was asked.</summary>
/// <param name="Keys">By key, the change that the report has something else than.</param>
/// <param name="Root">The newest trust root, where the report has an older one; null where it has not.</param>
/// <param name="IsAllKnown">Whether the report says enough to be sure that nothing else is lacking.</param>
internal sealed record Lacking(IReadOnlyDictionary<string, LackedKey> Keys, LackedRoot? Root, bool IsAllKnown)
{
    public bool IsNothing => Keys.Count == 0 && Root is null && IsAllKnown;
}
