using System.Security.Cryptography;
using CsCheck;
using Qwamos.ControlBus.Ledger;
using Xunit;

namespace Qwamos.ControlBus.Tests.Ledger;

public sealed class MerkleTreeTests
{
    // The well-known leaves and roots of the Certificate Transparency reference implementation (merkletree tests).
    private static readonly string[] KnownLeaves =
        ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];

    private static readonly string[] KnownRoots =
    [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];

    [Fact]
    public void EmptyTree_HasTheHashOfNothing() =>
        Assert.Equal("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", Convert.ToHexStringLower(new MerkleTree().Root()));

    [Fact]
    public void KnownLeaves_GiveTheKnownRoots()
    {
        var tree = new MerkleTree();
        for (var i = 0; i < KnownLeaves.Length; i++)
        {
            tree.Append(MerkleTree.LeafHash(Convert.FromHexString(KnownLeaves[i])));
            Assert.Equal(i + 1, tree.Size);
            Assert.Equal(KnownRoots[i], Convert.ToHexStringLower(tree.Root()));
        }
    }

    [Fact]
    public void AnySize_AgreesWithTheRecursiveDefinition() =>
        Gen.Byte.Array[0, 8].Array[0, 300].Sample(leaves =>
        {
            var hashes = leaves.Select(leaf => MerkleTree.LeafHash(leaf)).ToArray();
            return MerkleTree.Of(hashes).Root().AsSpan().SequenceEqual(Recursive(hashes));
        }, iter: 200);

    [Fact]
    public void RestoredFromItsFrontier_GrowsAsBefore() =>
        Gen.Select(Gen.Int[0, 200], Gen.Int[0, 50]).Sample((before, after) =>
        {
            var tree = MerkleTree.Of(Hashes(before));
            Assert.True(MerkleTree.TryRestore(tree.Size, tree.Frontier(), out var restored));
            foreach (var hash in Hashes(before + after).Skip(before))
            {
                tree.Append(hash);
                restored.Append(hash);
            }
            Assert.Equal(tree.Root(), restored.Root());
            Assert.Equal(tree.Frontier(), restored.Frontier());
        }, iter: 100);

    [Theory]
    [InlineData(-1, 0)]
    [InlineData(0, 32)]
    [InlineData(3, 32)]
    [InlineData(3, 65)]
    [InlineData(4, 64)]
    public void FrontierThatDoesNotFitItsSize_IsRefused(long size, int bytes) =>
        Assert.False(MerkleTree.TryRestore(size, new byte[bytes], out _));

    [Fact]
    public void FirstDifference_NamesTheSubtreeThatHoldsTheChangedLeaf()
    {
        for (var changed = 0; changed < 21; changed++)
        {
            var hashes = Hashes(21).ToArray();
            var tree = MerkleTree.Of(hashes);
            Assert.Null(MerkleTree.FirstDifference(tree, tree.Clone()));
            hashes[changed] = MerkleTree.LeafHash("other"u8);
            var (from, to) = MerkleTree.FirstDifference(tree, MerkleTree.Of(hashes))!.Value;
            Assert.InRange(changed, from, to - 1);
        }
    }

    private static IEnumerable<byte[]> Hashes(int count) => Enumerable.Range(0, count).Select(i => MerkleTree.LeafHash(BitConverter.GetBytes(i)));

    private static byte[] Recursive(ReadOnlySpan<byte[]> hashes)
    {
        if (hashes.Length == 0)
            return SHA256.HashData([]);
        if (hashes.Length == 1)
            return hashes[0];
        var split = 1;
        while (split * 2 < hashes.Length)
            split *= 2;
        return MerkleTree.NodeHash(Recursive(hashes[..split]), Recursive(hashes[split..]));
    }
}
