using Qwamos.ControlBus.Ledger;
using Xunit;

namespace Qwamos.ControlBus.Tests.Ledger;

public sealed class TreeProofsTests
{
    private const int MaxSize = 70;

    // Of the Certificate Transparency reference implementation, over the leaves of MerkleTreeTests.
    private const string Leaf0 = "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d";
    private const string Leaf1 = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7";
    private const string Leaf4 = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b";
    private const string Over0To2 = "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125";
    private const string Over2To4 = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e";
    private const string Over4To6 = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a";
    private const string Over6To8 = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0";
    private const string Over0To4 = "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7";
    private const string Over4To8 = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4";

    [Theory]
    [InlineData(0, 1)]
    [InlineData(0, 8, Leaf1, Over2To4, Over4To8)]
    [InlineData(5, 8, Leaf4, Over6To8, Over0To4)]
    [InlineData(2, 3, Over0To2)]
    [InlineData(1, 5, Leaf0, Over2To4, Leaf4)]
    public void KnownInclusionProofs_AreMadeAndVerify(int index, int size, params string[] proof)
    {
        var tree = new NaiveTree(NaiveTree.KnownLeaves);
        Assert.Equal(proof, tree.InclusionProof(index, size).Select(Convert.ToHexStringLower));
        Assert.True(TreeProofs.VerifyInclusion(tree.Leaf(index), index, size, [.. proof.Select(Convert.FromHexString)], tree.Root(size)));
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(1, 8, Leaf1, Over2To4, Over4To8)]
    [InlineData(6, 8, Over4To6, Over6To8, Over0To4)]
    [InlineData(2, 5, Over2To4, Leaf4)]
    public void KnownConsistencyProofs_AreMadeAndVerify(int oldSize, int newSize, params string[] proof)
    {
        var tree = new NaiveTree(NaiveTree.KnownLeaves);
        Assert.Equal(proof, tree.ConsistencyProof(oldSize, newSize).Select(Convert.ToHexStringLower));
        Assert.True(TreeProofs.VerifyConsistency(oldSize, tree.Root(oldSize), newSize, tree.Root(newSize), [.. proof.Select(Convert.FromHexString)]));
    }

    [Fact]
    public void EveryInclusionProof_Verifies_AndNoneThatIsChanged()
    {
        var tree = NaiveTree.OfSize(MaxSize);
        for (var size = 1; size <= MaxSize; size++)
        {
            var root = tree.Root(size);
            for (var index = 0; index < size; index++)
            {
                var (at, of, proof, leaf) = (index, size, tree.InclusionProof(index, size), tree.Leaf(index));
                Assert.True(TreeProofs.VerifyInclusion(leaf, index, size, proof, root));
                Assert.False(TreeProofs.VerifyInclusion(tree.Leaf(index + 1), index, size, proof, root));
                Assert.False(TreeProofs.VerifyInclusion(leaf, index, size, proof, tree.Root(size + 1)));
                for (var other = 0; other < size; other++)
                    Assert.Equal(other == index, TreeProofs.VerifyInclusion(leaf, other, size, proof, root));
                Assert.All(Changed(proof), changed => Assert.False(TreeProofs.VerifyInclusion(leaf, at, of, changed, root)));
            }
        }
    }

    [Fact]
    public void EveryConsistencyProof_Verifies_AndNoneThatIsChanged()
    {
        var tree = NaiveTree.OfSize(MaxSize);
        for (var newSize = 0; newSize <= MaxSize; newSize++)
        {
            for (var oldSize = 0; oldSize <= newSize; oldSize++)
            {
                var (from, to, proof) = (oldSize, newSize, tree.ConsistencyProof(oldSize, newSize));
                var (oldRoot, newRoot) = (tree.Root(oldSize), tree.Root(newSize));
                Assert.True(TreeProofs.VerifyConsistency(oldSize, oldRoot, newSize, newRoot, proof));
                Assert.False(TreeProofs.VerifyConsistency(oldSize, tree.Leaf(MaxSize), newSize, newRoot, proof));
                if (oldSize > 0)
                    Assert.False(TreeProofs.VerifyConsistency(oldSize, oldRoot, newSize, tree.Leaf(MaxSize), proof));
                if (newSize > oldSize)
                    Assert.False(TreeProofs.VerifyConsistency(newSize, newRoot, oldSize, oldRoot, proof));
                Assert.All(Changed(proof), changed => Assert.False(TreeProofs.VerifyConsistency(from, oldRoot, to, newRoot, changed)));
            }
        }
    }

    [Fact]
    public void WhatIsNoProof_IsRefusedWithoutAnException()
    {
        var tree = NaiveTree.OfSize(4);
        var (leaf, root, proof) = (tree.Leaf(0), tree.Root(3), tree.InclusionProof(0, 3));
        Assert.False(TreeProofs.VerifyInclusion(leaf, -1, 3, proof, root));
        Assert.False(TreeProofs.VerifyInclusion(leaf, 3, 3, proof, root));
        Assert.False(TreeProofs.VerifyInclusion(leaf, 0, 0, [], root));
        Assert.False(TreeProofs.VerifyInclusion(leaf, 0, long.MaxValue, proof, root));
        Assert.False(TreeProofs.VerifyInclusion(leaf.AsSpan(0, 31), 0, 3, proof, root));
        Assert.False(TreeProofs.VerifyInclusion(leaf, 0, 3, [proof[0], null!], root));
        Assert.False(TreeProofs.VerifyInclusion(leaf, 0, 3, [.. Enumerable.Repeat(leaf, 1000)], root));
        Assert.False(TreeProofs.VerifyConsistency(-1, root, 3, root, []));
        Assert.False(TreeProofs.VerifyConsistency(3, root, 3, leaf, []));
        Assert.False(TreeProofs.VerifyConsistency(1, leaf, 3, root, []));
        Assert.False(TreeProofs.VerifyConsistency(1, leaf, 3, root, [new byte[31]]));
        Assert.False(TreeProofs.VerifyConsistency(1, leaf, long.MaxValue, root, proof));
        Assert.False(TreeProofs.VerifyConsistency(0, [], 3, root, []));
    }

    /// <summary>The proof with one bit changed in each hash, one hash left out, one doubled, one put before or after it, two swapped.</summary>
    private static IEnumerable<byte[][]> Changed(IReadOnlyList<byte[]> proof)
    {
        byte[] extra = new byte[32];
        yield return [.. proof, extra];
        yield return [extra, .. proof];
        for (var i = 0; i < proof.Count; i++)
        {
            byte[] flipped = [.. proof[i]];
            flipped[i % 32] ^= 1;
            yield return [.. proof.Take(i), flipped, .. proof.Skip(i + 1)];
            yield return [.. proof.Take(i), .. proof.Skip(i + 1)];
            yield return [.. proof.Take(i + 1), .. proof.Skip(i)];
            if (i > 0)
                yield return [.. proof.Take(i - 1), proof[i], proof[i - 1], .. proof.Skip(i + 1)];
        }
    }
}
