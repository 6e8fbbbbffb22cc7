using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Policy;
using Qwamos.ControlBus.Trust;

namespace Qwamos.Daemon.Delivery;

/// <summary>Whose word is a domain's.</summary>
/// <param name="Key">Its key; null where none is believed.</param>
/// <param name="TlsKey">The fingerprint of the key of its end of a link over TLS; null where none is believed.</param>
/// <param name="WhyNot">Why not; empty where one is.</param>
internal sealed record EnrolledDomain(VerifyingKey? Key, string? TlsKey, string WhyNot)
{
    /// <summary>As a ledger has it.</summary>
    public static EnrolledDomain Of(RecordedDomain domain, TrustRoot? root) => domain.WhyNot(root) is null && domain.Statement.TryLoadKey(out VerifyingKey? key, out _)
        ? new EnrolledDomain(key, domain.Statement.TlsKey, "")
        : None with { WhyNot = domain.WhyNot(root) ?? None.WhyNot };

    public static EnrolledDomain None { get; } = new(null, null, "no operator has vouched for its key");
}
