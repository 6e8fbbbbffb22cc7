using Qwamos.ControlBus.Keys;

namespace Qwamos.Daemon.Delivery;

/// <summary>Whose word is a domain's.</summary>
/// <param name="Key">Its key; null where none is believed.</param>
/// <param name="WhyNot">Why not; empty where one is.</param>
internal sealed record EnrolledDomain(VerifyingKey? Key, string WhyNot)
{
    public static EnrolledDomain None { get; } = new(null, "no operator has vouched for its key");
}
