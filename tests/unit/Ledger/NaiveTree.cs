using System.Security.Cryptography;
using Qwamos.ControlBus.Ledger;

namespace Qwamos.ControlBus.Tests.Ledger;

/// <summary>RFC 6962, section 2.1, word for word: recursive, over all leaf hashes, for the other implementations to be compared with.</summary>
internal sealed class NaiveTree(IEnumerable<byte[]> leafHashes)
{
    private readonly byte[][] _leaves = [.. leafHashes];

    /// <summary>The leaf hashes of the Certificate Transparency reference implementation's tests.</summary>
    public static IEnumerable<byte[]> KnownLeaves { get; } =
        [.. ((string[])["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"])
            .Select(leaf => MerkleTree.LeafHash(Convert.FromHexString(leaf)))];

    /// <summary>A tree of distinct leaves, with one more leaf than its size for a wrong one.</summary>
    public static NaiveTree OfSize(int size) => new(Enumerable.Range(0, size + 1).Select(i => MerkleTree.LeafHash(BitConverter.GetBytes(i))));

    public byte[] Leaf(int index) => _leaves[index];

    public byte[] Root(int size) => Hash(_leaves.AsSpan(0, size));

    public IReadOnlyList<byte[]> InclusionProof(int index, int size) => Path(index, _leaves.AsSpan(0, size));

    /// <summary>Empty for an old tree of no entries, which the RFC leaves out.</summary>
    public IReadOnlyList<byte[]> ConsistencyProof(int oldSize, int newSize) => oldSize == 0 ? [] : Subproof(oldSize, _leaves.AsSpan(0, newSize), true);

    private static byte[] Hash(ReadOnlySpan<byte[]> leaves) => leaves.Length switch
    {
        0 => SHA256.HashData([]),
        1 => leaves[0],
        _ => MerkleTree.NodeHash(Hash(leaves[..Split(leaves.Length)]), Hash(leaves[Split(leaves.Length)..])),
    };

    private static byte[][] Path(int index, ReadOnlySpan<byte[]> leaves)
    {
        if (leaves.Length == 1)
            return [];
        var split = Split(leaves.Length);
        return index < split
            ? [.. Path(index, leaves[..split]), Hash(leaves[split..])]
            : [.. Path(index - split, leaves[split..]), Hash(leaves[..split])];
    }

    private static byte[][] Subproof(int oldSize, ReadOnlySpan<byte[]> leaves, bool isWhole)
    {
        if (oldSize == leaves.Length)
            return isWhole ? [] : [Hash(leaves)];
        var split = Split(leaves.Length);
        return oldSize <= split
            ? [.. Subproof(oldSize, leaves[..split], isWhole), Hash(leaves[split..])]
            : [.. Subproof(oldSize - split, leaves[split..], false), Hash(leaves[..split])];
    }

    private static int Split(int count)
    {
        var split = 1;
        while (split * 2 < count)
            split *= 2;
        return split;
    }
}
