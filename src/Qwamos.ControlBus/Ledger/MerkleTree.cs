using System.Buffers;
using System.Numerics;
using Qwamos.ControlBus.Keys;

namespace Qwamos.ControlBus.Ledger;

// RFC 6962, section 2.1, with SHA-256.
//   leaf hash      SHA-256(0x00 || leaf bytes)
//   node hash      SHA-256(0x01 || left || right)
//   empty tree     SHA-256 of nothing
// Kept as its frontier: the roots of the perfect subtrees that the tree is made of, the largest (oldest) first, one for each bit set
// in the size. An append touches at most log2(size) of them, so its cost does not grow with history, and 2,048 bytes hold any tree.

/// <summary>An append-only Merkle tree as RFC 6962 defines it, of which only the frontier is kept. Not safe for use from several threads.</summary>
public sealed class MerkleTree
{
    /// <summary>Bytes of a hash: SHA-256.</summary>
    public const int HashBytes = 32;

    /// <summary>Levels above the leaves that a tree of the greatest size has.</summary>
    internal const int MaxLevels = 63;

    private readonly byte[] _frontier = new byte[(MaxLevels + 1) * HashBytes];

    /// <summary>Leaves in the tree.</summary>
    public long Size { get; private set; }

    /// <summary>The hash of a leaf's bytes.</summary>
    public static byte[] LeafHash(ReadOnlySpan<byte> leaf)
    {
        var hash = new byte[HashBytes];
        LeafHash(leaf, hash);
        return hash;
    }

    /// <summary>The same, into 32 bytes.</summary>
    internal static void LeafHash(ReadOnlySpan<byte> leaf, Span<byte> hash)
    {
        // One call over one buffer: an incremental hash costs more than this copy for all but the longest leaves.
        var buffer = ArrayPool<byte>.Shared.Rent(1 + leaf.Length);
        try
        {
            buffer[0] = 0x00;
            leaf.CopyTo(buffer.AsSpan(1));
            Primitives.Sha256(buffer.AsSpan(0, 1 + leaf.Length), hash);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>The hash of a node over two 32-byte hashes.</summary>
    public static byte[] NodeHash(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right)
    {
        var hash = new byte[HashBytes];
        NodeHash(left, right, hash);
        return hash;
    }

    /// <summary>The same, into 32 bytes, which may be one of the two.</summary>
    internal static void NodeHash(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right, Span<byte> hash)
    {
        Span<byte> bytes = stackalloc byte[1 + (2 * HashBytes)];
        bytes[0] = 0x01;
        left.CopyTo(bytes[1..]);
        right.CopyTo(bytes[(1 + HashBytes)..]);
        Primitives.Sha256(bytes, hash);
    }

    /// <summary>The tree over these leaf hashes, in this order.</summary>
    public static MerkleTree Of(IEnumerable<byte[]> leafHashes)
    {
        var tree = new MerkleTree();
        foreach (var hash in leafHashes)
            tree.Append(hash);
        return tree;
    }

    /// <summary>Restores a tree from its size and frontier; false when the two cannot belong together.</summary>
    public static bool TryRestore(long size, ReadOnlySpan<byte> frontier, out MerkleTree tree)
    {
        tree = new MerkleTree();
        if (size < 0 || frontier.Length != BitOperations.PopCount((ulong)size) * HashBytes)
            return false;
        frontier.CopyTo(tree._frontier);
        tree.Size = size;
        return true;
    }

    /// <summary>The tree of a size from the hashes of its perfect subtrees, the largest first: one for each bit set in the size.</summary>
    internal static MerkleTree Of(long size, IEnumerable<byte[]> frontier)
    {
        var tree = new MerkleTree { Size = size };
        var at = 0;
        foreach (var hash in frontier)
            hash.CopyTo(tree.At(at++));
        return tree;
    }

    /// <summary>Appends a leaf by its 32-byte hash.</summary>
    public void Append(ReadOnlySpan<byte> leafHash) => Append(leafHash, stackalloc byte[MaxLevels * HashBytes]);

    /// <summary>
    /// The same. <paramref name="completed"/>, which has room for <see cref="MaxLevels"/> hashes, gets those of the interior nodes that it
    /// completes, from level 1 up; gives how many.
    /// </summary>
    public int Append(ReadOnlySpan<byte> leafHash, Span<byte> completed)
    {
        if (leafHash.Length != HashBytes)
            throw new ArgumentException($"A leaf hash has {HashBytes} bytes.", nameof(leafHash));
        // As many of the frontier's last subtrees, with the leaf, make one as there are ones at the end of the size.
        var levels = BitOperations.TrailingZeroCount(~Size);
        var place = BitOperations.PopCount((ulong)Size);
        var node = leafHash;
        for (var level = 0; level < levels; level++)
        {
            var parent = completed.Slice(level * HashBytes, HashBytes);
            NodeHash(At(--place), node, parent);
            node = parent;
        }
        node.CopyTo(At(place));
        Size++;
        return levels;
    }

    /// <summary>The root hash: 32 bytes.</summary>
    public byte[] Root()
    {
        var count = BitOperations.PopCount((ulong)Size);
        if (count == 0)
            return Primitives.Sha256([]);
        var root = At(count - 1).ToArray();
        for (var i = count - 2; i >= 0; i--)
            NodeHash(At(i), root, root);
        return root;
    }

    /// <summary>The frontier, largest subtree first: 32 bytes for each bit set in <see cref="Size"/>.</summary>
    public byte[] Frontier() => _frontier[..(BitOperations.PopCount((ulong)Size) * HashBytes)];

    /// <summary>A copy that grows on its own: a batch is tried on a copy, which takes the place of the tree when it is durable.</summary>
    public MerkleTree Clone()
    {
        var copy = new MerkleTree { Size = Size };
        _frontier.CopyTo(copy._frontier, 0);
        return copy;
    }

    /// <summary>The first leaves, as a half-open range, on whose hashes two trees of one size differ; null when they are the same.</summary>
    public static (long From, long To)? FirstDifference(MerkleTree one, MerkleTree other)
    {
        if (one.Size != other.Size)
            throw new ArgumentException("Only trees of one size are compared.");
        long from = 0;
        for (var i = 0; from < one.Size; i++)
        {
            var width = 1L << BitOperations.Log2((ulong)(one.Size - from));
            if (!one.At(i).SequenceEqual(other.At(i)))
                return (from, from + width);
            from += width;
        }
        return null;
    }

    private Span<byte> At(int place) => _frontier.AsSpan(place * HashBytes, HashBytes);
}
