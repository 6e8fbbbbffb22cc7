using CsCheck;
using Qwamos.ControlBus.Ledger;
using Xunit;

namespace Qwamos.ControlBus.Tests.Ledger;

public sealed class LedgerTreeTests : IDisposable
{
    private const int Entries = 140;

    private readonly LedgerFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void EveryRootAndProof_OfEverySize_IsTheNaiveTreesOne()
    {
        using var store = Fill();
        var tree = new LedgerTree(store);
        var naive = new NaiveTree(store.ReadLeafHashes(0, Entries));
        for (var size = 0; size <= Entries; size++)
        {
            Assert.Equal(naive.Root(size), tree.RootAt(size));
            for (var other = 0; other < size; other++)
            {
                Assert.Equal(naive.InclusionProof(other, size), tree.InclusionProof(other, size));
                Assert.Equal(naive.ConsistencyProof(other, size), tree.ConsistencyProof(other, size));
            }
            Assert.Empty(tree.ConsistencyProof(size, size));
        }
    }

    [Fact]
    public void AnyBatches_StoreTheSameHashes() =>
        Gen.Int[0, 40].Array[0, 12].Sample(
            batches =>
            {
                using var folder = new LedgerFolder();
                using (var store = folder.Open())
                {
                    var next = 0;
                    foreach (var count in batches)
                    {
                        store.AppendBatch([.. Enumerable.Range(next, count).Select(Entry)]);
                        next += count;
                    }
                }
                using var again = folder.Open(LedgerOpenMode.ReadOnly);
                var size = (int)again.Size;
                var naive = new NaiveTree(again.ReadLeafHashes(0, size));
                Assert.Equal(naive.Root(size), again.Tree().Root());
                for (var half = size; half > 0; half /= 2)
                    Assert.Equal(naive.Root(half), new LedgerTree(again).RootAt(half));
            },
            iter: 40,
            threads: 1);

    [Fact]
    public void ATreeOfAnEarlierSize_GrowsToThePresentOne()
    {
        using var store = Fill();
        for (var size = 0; size <= Entries; size += 7)
        {
            var tree = new LedgerTree(store).At(size);
            foreach (var hash in store.ReadLeafHashes(size, Entries))
                tree.Append(hash);
            Assert.Equal(store.Tree().Root(), tree.Root());
        }
    }

    [Fact]
    public void SizesThatTheLedgerDoesNotHave_AreRefused()
    {
        using var store = Fill();
        var tree = new LedgerTree(store);
        Assert.Throws<ArgumentOutOfRangeException>(() => tree.RootAt(Entries + 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => tree.RootAt(-1));
        Assert.Throws<ArgumentOutOfRangeException>(() => tree.InclusionProof(5, 5));
        Assert.Throws<ArgumentOutOfRangeException>(() => tree.InclusionProof(-1, 5));
        Assert.Throws<ArgumentOutOfRangeException>(() => tree.ConsistencyProof(6, 5));
        Assert.Throws<ArgumentOutOfRangeException>(() => tree.ConsistencyProof(5, Entries + 1));
    }

    [Fact]
    public void StoredNodesAreNumberedInTheOrderOfTheirCompletion_WithoutAGap()
    {
        long next = 0;
        for (long leaf = 0; leaf < 5000; leaf++)
        {
            for (var level = TreePosition.StoredLevel; ((leaf + 1) & ((1L << level) - 1)) == 0; level++)
            {
                var position = new TreePosition(level, leaf >> level);
                Assert.Equal(next++, position.Number);
                Assert.Equal(leaf + 1, position.To);
            }
            Assert.Equal(next, TreePosition.StoredNodes(leaf + 1));
        }
        Assert.Throws<InvalidOperationException>(() => new TreePosition(TreePosition.StoredLevel - 1, 0).Number);
    }

    private LedgerStore Fill()
    {
        var store = _folder.Open();
        for (int next = 0, count = 1; next < Entries; next += count, count = Math.Min(count + 1, Entries - next - count))
            store.AppendBatch([.. Enumerable.Range(next, Math.Min(count, Entries - next)).Select(Entry)]);
        return store;
    }

    private static NewEntry Entry(int i) => new(BitConverter.GetBytes(i));
}
