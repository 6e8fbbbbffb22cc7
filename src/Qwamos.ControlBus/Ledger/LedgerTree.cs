using System.Numerics;

namespace Qwamos.ControlBus.Ledger;

/// <summary>
/// The ledger's tree at each of its sizes (RFC 6962, section 2.1), read from the stored hashes: the root, inclusion and consistency proofs of
/// a ledger of n entries cost O(log n) reads each. What it gives rests on those hashes; <see cref="TreeProofs"/> and the entries' own bytes tell
/// whether they are right.
/// </summary>
public sealed class LedgerTree
{
    private readonly Func<long> _size;
    private readonly Func<TreePosition, byte[]> _readHash;

    /// <summary>The tree of a ledger's file.</summary>
    public LedgerTree(LedgerStore store) : this(() => store.Size, store.ReadHash)
    {
    }

    /// <param name="size">Gives the number of entries.</param>
    /// <param name="readHash">Gives the hash of a leaf or of a complete interior node.</param>
    internal LedgerTree(Func<long> size, Func<TreePosition, byte[]> readHash) => (_size, _readHash) = (size, readHash);

    /// <summary>The tree over the first entries: its root, its frontier, and it can be grown by the entries after them.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The ledger is not that long.</exception>
    /// <exception cref="LedgerIntegrityException">A stored hash is missing or malformed.</exception>
    public MerkleTree At(long size)
    {
        CheckSize(size);
        return MerkleTree.Of(size, TreePosition.Cover(0, size).Select(_readHash));
    }

    /// <summary>The root hash over the first entries, 32 bytes.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The ledger is not that long.</exception>
    /// <exception cref="LedgerIntegrityException">A stored hash is missing or malformed.</exception>
    public byte[] RootAt(long size) => At(size).Root();

    /// <summary>RFC 6962's audit path (2.1.1) of an entry in the tree over the first <paramref name="size"/>: the hashes from the leaf up, 32 bytes each.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The ledger is not that long, or the entry is not below that size.</exception>
    /// <exception cref="LedgerIntegrityException">A stored hash is missing or malformed.</exception>
    public IReadOnlyList<byte[]> InclusionProof(long index, long size)
    {
        CheckSize(size);
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, size);
        var proof = new List<byte[]>();
        for (long from = 0, to = size; to - from > 1;)
        {
            var middle = Middle(from, to);
            proof.Add(index < middle ? HashOf(middle, to) : HashOf(from, middle));
            (from, to) = index < middle ? (from, middle) : (middle, to);
        }
        proof.Reverse();
        return proof;
    }

    /// <summary>RFC 6962's proof (2.1.2) that the tree over the first <paramref name="newSize"/> entries extends the one over the first <paramref name="oldSize"/>; empty when either is trivial.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The ledger is not that long, or the old size is the greater one.</exception>
    /// <exception cref="LedgerIntegrityException">A stored hash is missing or malformed.</exception>
    public IReadOnlyList<byte[]> ConsistencyProof(long oldSize, long newSize)
    {
        CheckSize(newSize);
        ArgumentOutOfRangeException.ThrowIfNegative(oldSize);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(oldSize, newSize);
        if (oldSize == 0 || oldSize == newSize)
            return [];
        var proof = new List<byte[]>();
        var (from, to) = (0L, newSize);
        while (oldSize < to)
        {
            var middle = Middle(from, to);
            proof.Add(oldSize <= middle ? HashOf(middle, to) : HashOf(from, middle));
            (from, to) = oldSize <= middle ? (from, middle) : (middle, to);
        }
        // The old tree's own root is known to who asks; a subtree in its middle is not.
        if (from > 0)
            proof.Add(HashOf(from, to));
        proof.Reverse();
        return proof;
    }

    /// <summary>The largest power of two below the number of leaves, from the first one on: where RFC 6962 parts a tree.</summary>
    private static long Middle(long from, long to) => from + (1L << BitOperations.Log2((ulong)(to - from - 1)));

    private byte[] HashOf(long from, long to)
    {
        byte[]? hash = null;
        foreach (var position in TreePosition.Cover(from, to).Reverse())
            hash = hash is null ? _readHash(position) : MerkleTree.NodeHash(_readHash(position), hash);
        return hash!;
    }

    private void CheckSize(long size)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(size);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(size, _size());
    }
}
