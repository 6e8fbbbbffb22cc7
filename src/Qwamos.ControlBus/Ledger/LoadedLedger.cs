using Qwamos.ControlBus.Policy;

namespace Qwamos.ControlBus.Ledger;

/// <summary>The fold of a whole ledger, whose tail was checked.</summary>
/// <param name="State">What is policy, what is staged, timestamps and floor.</param>
/// <param name="Tree">The tree over all entries.</param>
/// <param name="LastTimeSeconds">When the newest entry was recorded, unix seconds; 0 for an empty ledger.</param>
/// <param name="FoldedFrom">The first entry that was read: the snapshot's size, or 0.</param>
public sealed record LoadedLedger(PolicyState State, MerkleTree Tree, long LastTimeSeconds, long FoldedFrom);
