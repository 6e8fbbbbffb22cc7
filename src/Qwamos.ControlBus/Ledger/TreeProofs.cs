using System.Numerics;
using Qwamos.ControlBus.Keys;

namespace Qwamos.ControlBus.Ledger;

// RFC 6962, section 2.1, checked by the algorithms of RFC 9162, sections 2.1.3.2 and 2.1.4.2, which say the same of the same proofs.
// Hashes have 32 bytes; a proof over sizes below 2^63 has at most 64 of them; nothing here is secret, so nothing needs constant time.

/// <summary>Checks proofs about a tree by hashes alone: pure, and false for whatever is not exactly the proof.</summary>
public static class TreeProofs
{
    /// <summary>Whether the leaf with this hash is the one at this index of the tree of this size and root.</summary>
    public static bool VerifyInclusion(ReadOnlySpan<byte> leafHash, long index, long size, IReadOnlyList<byte[]> proof, ReadOnlySpan<byte> root)
    {
        ArgumentNullException.ThrowIfNull(proof);
        if (index < 0 || index >= size || !AreHashes(proof) || leafHash.Length != MerkleTree.HashBytes || root.Length != MerkleTree.HashBytes)
            return false;
        var (node, last) = (index, size - 1);
        var hash = leafHash.ToArray();
        foreach (var sibling in proof)
        {
            if (last == 0)
                return false;
            if ((node & 1) == 1 || node == last)
            {
                hash = NodeHash(sibling, hash);
                // A last node without a right sibling goes up as it is.
                var up = node == 0 ? 0 : BitOperations.TrailingZeroCount(node);
                (node, last) = (node >> up, last >> up);
            }
            else
            {
                hash = NodeHash(hash, sibling);
            }
            (node, last) = (node >> 1, last >> 1);
        }
        return last == 0 && root.SequenceEqual(hash);
    }

    /// <summary>
    /// Whether the tree of the new size and root has the tree of the old size and root as its beginning. An old tree of no entries, and one of
    /// the same size, need an empty proof, and their root must be the empty tree's, or the same.
    /// </summary>
    public static bool VerifyConsistency(
        long oldSize, ReadOnlySpan<byte> oldRoot, long newSize, ReadOnlySpan<byte> newRoot, IReadOnlyList<byte[]> proof)
    {
        ArgumentNullException.ThrowIfNull(proof);
        if (oldSize < 0 || oldSize > newSize || !AreHashes(proof) || oldRoot.Length != MerkleTree.HashBytes || newRoot.Length != MerkleTree.HashBytes)
            return false;
        if (oldSize == newSize && !oldRoot.SequenceEqual(newRoot))
            return false;
        if (oldSize == 0)
            return proof.Count == 0 && oldRoot.SequenceEqual(Primitives.Sha256([]));
        if (oldSize == newSize)
            return proof.Count == 0;
        return proof.Count > 0 && Climb(oldSize, oldRoot, newSize, newRoot, proof);
    }

    private static bool Climb(long oldSize, ReadOnlySpan<byte> oldRoot, long newSize, ReadOnlySpan<byte> newRoot, IReadOnlyList<byte[]> proof)
    {
        // An old tree that is one perfect subtree is where the climb starts; else the proof begins with the subtree that is.
        var next = 0;
        var start = BitOperations.IsPow2(oldSize) ? oldRoot.ToArray() : proof[next++];
        var (oldHash, newHash) = (start, start);
        var shift = BitOperations.TrailingZeroCount(oldSize);
        var (node, last) = ((oldSize - 1) >> shift, (newSize - 1) >> shift);
        for (; next < proof.Count; next++)
        {
            if (last == 0)
                return false;
            if ((node & 1) == 1 || node == last)
            {
                oldHash = NodeHash(proof[next], oldHash);
                newHash = NodeHash(proof[next], newHash);
                var up = node == 0 ? 0 : BitOperations.TrailingZeroCount(node);
                (node, last) = (node >> up, last >> up);
            }
            else
            {
                newHash = NodeHash(newHash, proof[next]);
            }
            (node, last) = (node >> 1, last >> 1);
        }
        return last == 0 && oldRoot.SequenceEqual(oldHash) && newRoot.SequenceEqual(newHash);
    }

    // Not the tree's own SHA-256: a client that checks one proof would load OpenSSL for it.
    private static byte[] NodeHash(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right) => Primitives.Sha256([0x01, .. left, .. right]);

    private static bool AreHashes(IReadOnlyList<byte[]> proof)
    {
        if (proof.Count > MerkleTree.MaxLevels + 1)
            return false;
        foreach (var hash in proof)
        {
            if (hash is not { Length: MerkleTree.HashBytes })
                return false;
        }
        return true;
    }
}
