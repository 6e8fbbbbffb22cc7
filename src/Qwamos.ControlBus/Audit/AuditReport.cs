using Qwamos.ControlBus.Policy;

namespace Qwamos.ControlBus.Audit;

/// <summary>What the verification of an export found. Sound is what was checked to its end; the zero value is not.</summary>
public sealed record AuditReport
{
    /// <summary>The first thing found wrong; null when all of it is sound.</summary>
    public AuditFault? Fault { get; init; }

    /// <summary>What the ledger's key signed; null when there is no such thing in the export.</summary>
    public Checkpoint? Checkpoint { get; init; }

    /// <summary>Entries checked and found sound, from the first on.</summary>
    public long Entries { get; init; }

    /// <summary>Signatures of envelopes that were verified.</summary>
    public long Signatures { get; init; }

    /// <summary>Entries whose confidential envelope is not in the export: their signatures and values were not checked.</summary>
    public long Withheld { get; init; }

    /// <summary>
    /// Entries signed by a key that is revoked from an entry before them on, or was when the trust began anew after them: they stand, and nobody answers for them. Of a withheld one
    /// the ledger's word for its signer counts.
    /// </summary>
    public long Disowned { get; init; }

    /// <summary>The entries at which the trust began anew, rising: by the ledger's word, root replaced the enrolled key there.</summary>
    public IReadOnlyList<long> BegunAnew { get; init; } = [];

    /// <summary>The trusted witnesses that cosigned the checkpoint, and when by their clocks, unix seconds; empty when none were asked for.</summary>
    public IReadOnlyList<(CosignatureKey Witness, long TimeSeconds)> Witnesses { get; init; } = [];

    /// <summary>Signature lines under the checkpoint of keys that were not given: anything may stand in them.</summary>
    public int UncheckedLines => Math.Max(0, (Checkpoint?.OtherLines ?? 0) - Witnesses.Count);

    /// <summary>The fold of the entries checked, without the confidential ones.</summary>
    public PolicyState State { get; init; } = PolicyState.Empty;

    /// <summary>True when everything there was checked and holds.</summary>
    public bool IsSound => Fault is null && Checkpoint is { } checkpoint && checkpoint.Size == Entries;
}
