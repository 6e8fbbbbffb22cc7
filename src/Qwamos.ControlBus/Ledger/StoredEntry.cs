namespace Qwamos.ControlBus.Ledger;

/// <summary>An entry as its row holds it, not checked yet.</summary>
/// <param name="Index">Its place in the ledger.</param>
/// <param name="Hash">The first bytes of its leaf's hash.</param>
/// <param name="Leaf">The leaf, its head put before the rest.</param>
internal readonly record struct StoredEntry(long Index, byte[] Hash, byte[] Leaf)
{
    /// <summary>How many bytes of a leaf's hash stand beside it: they find a damaged leaf. A changed one is found by the tree's hashes.</summary>
    public const int HashBytes = 8;

    /// <summary>The hash of the leaf's bytes; false when it does not begin as what stands beside them.</summary>
    public bool TryCheck(out byte[] hash)
    {
        hash = MerkleTree.LeafHash(Leaf);
        return hash.AsSpan(0, HashBytes).SequenceEqual(Hash);
    }
}
