using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Verification;

namespace Qwamos.ControlBus.Hosting.Pipeline;

/// <summary>A proven delivery, and what became of its signatures. The zero value is none.</summary>
/// <param name="Proven">Where it stands, and what is in it.</param>
/// <param name="Message">The change that was verified; null for a trust root, and with <paramref name="Refusal"/>.</param>
/// <param name="Refusal">Why what is in it is not believed; null when it is.</param>
/// <param name="RootVersion">The version of the trust root that it was judged by.</param>
/// <param name="Doubted">The time here, where nobody vouches for the ledger's.</param>
/// <param name="IsHeld">The refusal is of the time here alone: it waits until somebody vouches.</param>
internal readonly record struct JudgedDelivery(ProvenDelivery? Proven, VerifiedMessage? Message, Refusal? Refusal, long RootVersion, EffectiveTime? Doubted, bool IsHeld = false)
{
    /// <summary>Those of the changes that it is said the domain missed that are believed, and their entries in Dom0's ledger.</summary>
    public IReadOnlyList<(Message Message, EntryReference Entry)> Missed { get; init; } = [];
}
