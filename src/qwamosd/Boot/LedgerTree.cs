using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Policy;

namespace Qwamos.Daemon.Boot;

/// <summary>Compares the ledger with the tree that the last boot saw, from its leaf hashes up: the frontier that the ledger keeps is not asked.</summary>
internal static class LedgerTree
{
    /// <summary>The tree over the whole ledger, which extends the remembered one; else throws <see cref="LedgerIntegrityException"/>.</summary>
    public static MerkleTree Check(LedgerStore store, BootMemory memory)
    {
        if (store.Size < memory.TreeSize)
            throw new LedgerIntegrityException($"It has {store.Size} entries, and the last boot saw {memory.TreeSize}: it is an older one, or cut off.");
        var tree = MerkleTree.Of(store.ReadLeafHashes(0, memory.TreeSize));
        if (memory.RootHash is not null && Convert.ToHexStringLower(tree.Root()) != memory.RootHash)
            throw new LedgerIntegrityException($"Its first {memory.TreeSize} entries are not those that the last boot saw.");
        foreach (var hash in store.ReadLeafHashes(memory.TreeSize, store.Size)) tree.Append(hash);
        return tree.Root().AsSpan().SequenceEqual(store.Tree().Root())
            ? tree
            : throw new LedgerIntegrityException("Its entries do not make the tree that it keeps.");
    }
}
