using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Trust;

namespace Qwamos.ControlBus.Policy;

/// <summary>What the ledger knows of a domain: the newest statement about its key.</summary>
/// <param name="Statement">What was signed.</param>
/// <param name="Index">Its entry.</param>
/// <param name="Seconds">Only a statement signed later takes its place, unix seconds: its timestamp, but what root said of the time where that is less.</param>
public sealed record RecordedDomain(DomainKeyStatement Statement, long Index, long Seconds)
{
    /// <summary>The entry from which on its key was this one, without a break: what was said before may be another machine's word.</summary>
    public long KeyIndex { get; init; } = Index;

    /// <summary>The newest change that the domain said to be in force, or not; -1 when it spoke of none. It is not asked again about that or an older one.</summary>
    public long ReportedIndex { get; init; } = -1;

    /// <summary>Why the domain's word is not believed, or null: its key was revoked, or the key that vouched for it (ATTACKS 7).</summary>
    /// <param name="root">The trust root in force; null while there is none.</param>
    public string? WhyNot(TrustRoot? root) =>
        Statement.IsRevoked ? "its key is revoked"
        : root?.RevocationOf(Statement.Signer) is { } revocation && Index >= revocation.FromIndex ? $"the operator's key that vouched for it, {Statement.Signer}, is revoked"
        : null;
}
