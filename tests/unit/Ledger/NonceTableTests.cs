using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Ledger;
using Xunit;

namespace Qwamos.ControlBus.Tests.Ledger;

public sealed class NonceTableTests
{
    [Theory]
    [InlineData(60, 20_000)]
    [InlineData(3_000, 40_000)]
    public void AnyUse_HoldsWhatWasAddedAndNotRemoved(int nonces, int steps)
    {
        var random = new Random(nonces);
        var table = new NonceTable();
        var held = new Dictionary<Nonce, (long Index, long Timestamp, int Key)>();
        for (var step = 0; step < steps; step++)
        {
            var nonce = Nonce(random.Next(nonces));
            if (random.Next(500) == 0)
            {
                var (from, below) = (random.Next(100), random.Next(steps));
                var removed = new List<int>();
                var oldest = table.RemoveOlder(from, below, removed.Add);
                var dead = held.Where(pair => pair.Value.Timestamp < from && pair.Value.Index < below).ToList();
                Assert.Equal(dead.Select(pair => pair.Value.Key).Order(), removed.Order());
                dead.ForEach(pair => held.Remove(pair.Key));
                Assert.Equal(held.Values.Select(value => value.Timestamp).DefaultIfEmpty(long.MaxValue).Min(), oldest);
            }
            else if (random.Next(3) == 0)
            {
                Assert.Equal(held.Remove(nonce, out var known) ? known.Key : null, table.Remove(nonce));
            }
            else
            {
                var value = ((long)step << 20, (long)random.Next(100), random.Next(NonceTable.MaxKeys));
                Assert.Equal(held.TryAdd(nonce, value), table.TryAdd(nonce, value.Item1, value.Item2, value.Item3));
            }
            var other = Nonce(random.Next(nonces));
            Assert.Equal(held.TryGetValue(other, out var found) ? found.Index : null, table.Find(other));
            Assert.Equal(held.Count, table.Count);
        }
        Assert.NotEmpty(held);
    }

    [Fact]
    public void RemovedNonces_GiveTheirRoomBack()
    {
        var table = new NonceTable();
        for (var i = 0; i < 1_000; i++)
            table.TryAdd(Nonce(i), i, i, 0);
        var before = GC.GetAllocatedBytesForCurrentThread();
        var isDone = true;
        for (var i = 1_000; i < 500_000; i++)
            isDone &= table.Remove(Nonce(i - 1_000)) == 0 && table.TryAdd(Nonce(i), i, i, 0);
        Assert.True(isDone);
        Assert.Equal(1_000, table.Count);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 4_096);
    }

    [Fact]
    public void AMillionNonces_TakeLessThan48BytesEach()
    {
        const int Count = 1_000_000;
        var table = new NonceTable();
        var before = GC.GetTotalMemory(forceFullCollection: true);
        for (var i = 0; i < Count; i++)
            table.TryAdd(Nonce(i), i, i, 0);
        Assert.InRange(GC.GetTotalMemory(forceFullCollection: true) - before, 0, Count * 48L);
        Assert.Equal(Count - 1, table.Find(Nonce(Count - 1)));
    }

    // Both halves alike, as a signer may choose them.
    private static Nonce Nonce(int i) => new(((UInt128)(uint)i << 64) | (uint)i);
}
