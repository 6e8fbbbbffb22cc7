using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Ledger;

namespace Qwamos.ControlBus.Audit;

/// <summary>An entry that is surely in the ledger.</summary>
/// <param name="Index">Its place.</param>
/// <param name="Entry">What it says.</param>
/// <param name="Checkpoint">The tree that has it there.</param>
public sealed record ProvenEntry(long Index, LedgerEntry Entry, Checkpoint Checkpoint)
{
    /// <summary>The version of the trust root that was in force at it, of those that the proof has; 0 where the enrolled key signed alone.</summary>
    public long RootVersion { get; init; }

    /// <summary>The newest version that the proof has.</summary>
    public long NewestRootVersion { get; init; }

    /// <summary>Those of its signers whom a version of the proof disowns for it.</summary>
    public IReadOnlyList<KeyId> Disowned { get; init; } = [];

    /// <summary>Of a trust root: that it follows from the enrolled key by the versions of the proof.</summary>
    public bool Follows { get; init; }
}
