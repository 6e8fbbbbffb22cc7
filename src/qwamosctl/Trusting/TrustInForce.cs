using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Trust;

namespace Qwamos.Client.Trusting;

/// <summary>The trust root in force, every step verified from the enrolled key on.</summary>
/// <param name="Root">The newest version, or what stands for it while there is none.</param>
/// <param name="Signed">With its signatures; null while there is none.</param>
/// <param name="SystemId">This system's; null where neither this machine nor its daemon says it.</param>
/// <param name="Status">The daemon's status that named it; null where it is the one seen last, for no daemon answered.</param>
internal sealed record TrustInForce(TrustRoot Root, SignedRoot? Signed, string? SystemId, AnswerReader? Status)
{
    /// <summary>The holder of a key, as a sentence names it.</summary>
    public string? HolderOf(KeyId key) => Root.HolderOf(key);
}
