using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Policy;

namespace Qwamos.ControlBus.Hosting.Pipeline;

/// <summary>What is believed after the last durable entry; immutable, replaced whole by the writer, read by everybody else.</summary>
/// <param name="Policy">The fold of the ledger.</param>
/// <param name="Tree">The tree over its entries; nobody appends to it.</param>
/// <param name="LastUpdateSeconds">When the newest entry was recorded, unix seconds; 0 before the first.</param>
public sealed record PublishedState(PolicyState Policy, MerkleTree Tree, long LastUpdateSeconds)
{
    /// <summary>Entries in the ledger.</summary>
    public long Size => Tree.Size;

    /// <summary>RFC 6962's root over them, 64 lower-case hex digits.</summary>
    public string RootHash => Convert.ToHexStringLower(Tree.Root());
}
