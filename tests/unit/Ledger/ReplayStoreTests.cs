using CsCheck;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Verification;
using Xunit;

namespace Qwamos.ControlBus.Tests.Ledger;

public sealed class ReplayStoreTests
{
    private const long Now = History.StartSeconds;

    private static readonly KeyId One = KeyId.Of(KeyType.Ed25519, new byte[32]);
    private static readonly KeyId Two = KeyId.Of(KeyType.Ed25519, [.. new byte[31], 1]);
    private static readonly KeyId Three = KeyId.Of(KeyType.Ed25519, [.. new byte[31], 2]);

    [Fact]
    public void UndecidedAnswer_IsARefusal() => Assert.Equal(ReplayVerdict.Full, default(ReplayAnswer).Verdict);

    [Fact]
    public void Attack09_ANonceTwice_IsReplayed_WithTheIndexOfTheFirst()
    {
        var memory = Memory(10);
        Assert.Equal(ReplayVerdict.Added, memory.TryAdd(Nonce(1), 7, One, Now).Verdict);
        Assert.Equal(new ReplayAnswer(ReplayVerdict.Replayed, 7), memory.TryAdd(Nonce(1), 8, Two, Now + 5));
    }

    [Fact]
    public void Attack09_AfterTenThousandNewerMessages_IsStillReplayed()
    {
        var memory = Memory(100_000);
        for (var i = 0; i <= 10_000; i++)
            Assert.Equal(ReplayVerdict.Added, memory.TryAdd(Nonce(i), i, One, Now).Verdict);
        Assert.Equal(new ReplayAnswer(ReplayVerdict.Replayed, 0), memory.TryAdd(Nonce(0), 10_001, One, Now));
    }

    [Fact]
    public void Attack09_AMessageOutOfMemory_IsAskedOfTheLedger_WhateverTheTimeIs()
    {
        using var recorded = new Recorded();
        foreach (var now in (long[])[0, Now - 100_000, Now, Now + 100_000])
        {
            var memory = new ReplayStore(recorded.Store, 10);
            memory.SetNow(At(now), recorded.Store.Size);
            Assert.Equal(new ReplayAnswer(ReplayVerdict.Replayed, 1), memory.TryAdd(recorded.Nonces[1], 9, One, recorded.Times[1]));
        }
    }

    [Theory]
    [InlineData(0, 2)]
    [InlineData(300, 2)]
    [InlineData(-300, 2)]
    [InlineData(301, null)]
    public void Attack09_AfterARestart_ANonceIsUniqueAmongWhatCanBeAccepted_WhateverItsNewTime(int later, int? index)
    {
        using var recorded = new Recorded();
        var memory = new ReplayStore(recorded.Store, 10);
        memory.SetNow(At(recorded.Times[2] + later), recorded.Store.Size);
        var answer = memory.TryAdd(recorded.Nonces[2], 9, One, recorded.Times[2] + later + 7);
        Assert.Equal(index is { } known ? new ReplayAnswer(ReplayVerdict.Replayed, known) : new ReplayAnswer(ReplayVerdict.Added, 9), answer);
    }

    [Fact]
    public void Attack09_AClockThatIsSetBackOrForward_FindsTheNoncesOfItsHour()
    {
        using var recorded = new Recorded();
        var memory = new ReplayStore(recorded.Store, 10);
        foreach (var i in (int[])[2, 0, 1, 2, 1])
        {
            memory.SetNow(At(recorded.Times[i]), recorded.Store.Size);
            Assert.Equal(new ReplayAnswer(ReplayVerdict.Replayed, i), memory.TryAdd(recorded.Nonces[i], 9, One, recorded.Times[i] + 1));
        }
    }

    [Fact]
    public void Attack11_WhileTheClockIsBehindTheFloor_EveryNonceOfTheLedgerIsAsked()
    {
        using var recorded = new Recorded();
        var memory = new ReplayStore(recorded.Store, 10);
        memory.SetNow(new EffectiveTime(0, recorded.Times[2]), recorded.Store.Size);
        Assert.Equal(new ReplayAnswer(ReplayVerdict.Replayed, 0), memory.TryAdd(recorded.Nonces[0], 9, One, recorded.Times[2]));
        Assert.Equal(ReplayVerdict.Added, memory.TryAdd(Nonce(5), 9, One, recorded.Times[2]).Verdict);
    }

    [Fact]
    public void Attack10_AfterARestart_WhatIsStillFresh_TakesItsRoom()
    {
        using var recorded = new Recorded();
        var memory = new ReplayStore(recorded.Store, 2);
        memory.SetNow(At(recorded.Times[2]), recorded.Store.Size);
        Assert.Equal(ReplayVerdict.Added, memory.TryAdd(Nonce(1), 9, One, recorded.Times[2]).Verdict);
        Assert.Equal(ReplayVerdict.Full, memory.TryAdd(Nonce(2), 10, Two, recorded.Times[2]).Verdict);
        memory.SetNow(At(recorded.Times[2] + 301), 10);
        Assert.Equal(ReplayVerdict.Added, memory.TryAdd(Nonce(2), 10, Two, recorded.Times[2] + 301).Verdict);
    }

    [Fact]
    public void Attack10_FullStore_RefusesNewOnes_AndEvictsNone()
    {
        var memory = Memory(4);
        memory.SetNow(At(Now), recorded: 4);
        for (var i = 0; i < 4; i++)
            Assert.Equal(ReplayVerdict.Added, memory.TryAdd(Nonce(i), i, i % 2 == 0 ? One : Two, Now - 300).Verdict);
        Assert.Equal(ReplayVerdict.Full, memory.TryAdd(Nonce(9), 9, Three, Now).Verdict);
        Assert.Equal(4, memory.Count);
        for (var i = 0; i < 4; i++)
            Assert.Equal(ReplayVerdict.Replayed, memory.TryAdd(Nonce(i), 9, Three, Now).Verdict);

        memory.SetNow(At(Now + 1), recorded: 4);
        Assert.Equal(ReplayVerdict.Added, memory.TryAdd(Nonce(9), 9, Three, Now).Verdict);
        Assert.Equal(1, memory.Count);
    }

    [Fact]
    public void Attack10_FullStore_KeepsTheNoncesThatOnlyItKnows_ThoughTheyAreDead()
    {
        // One batch, not in the ledger yet; the clock is stepped forward in it, and back.
        var memory = Memory(4);
        memory.SetNow(At(Now), recorded: 5);
        Assert.Equal(ReplayVerdict.Added, memory.TryAdd(Nonce(1), 5, One, Now - 300).Verdict);
        Assert.Equal(ReplayVerdict.Added, memory.TryAdd(Nonce(2), 6, One, Now - 300).Verdict);
        memory.SetNow(At(Now + 1), recorded: 5);
        Assert.Equal(ReplayVerdict.Full, memory.TryAdd(Nonce(3), 7, One, Now + 1).Verdict);
        memory.SetNow(At(Now), recorded: 5);
        Assert.Equal(new ReplayAnswer(ReplayVerdict.Replayed, 5), memory.TryAdd(Nonce(1), 7, One, Now - 300));

        memory.SetNow(At(Now + 1), recorded: 7);
        Assert.Equal(ReplayVerdict.Added, memory.TryAdd(Nonce(3), 7, One, Now + 1).Verdict);
    }

    [Fact]
    public void OneKey_HoldsHalfAtMost_AndKeepsNoOtherOut()
    {
        var memory = Memory(10);
        for (var i = 0; i < 5; i++)
            Assert.Equal(ReplayVerdict.Added, memory.TryAdd(Nonce(i), i, One, Now).Verdict);
        Assert.Equal(ReplayVerdict.Full, memory.TryAdd(Nonce(5), 5, One, Now).Verdict);
        Assert.Equal(ReplayVerdict.Added, memory.TryAdd(Nonce(5), 5, Two, Now).Verdict);
    }

    [Fact]
    public void DroppedBatch_GivesItsRoomBack()
    {
        var memory = Memory(2);
        Assert.Equal(ReplayVerdict.Added, memory.TryAdd(Nonce(1), 0, One, Now).Verdict);
        Assert.Equal(ReplayVerdict.Full, memory.TryAdd(Nonce(2), 1, One, Now).Verdict);
        memory.Forget(Nonce(1));
        memory.Forget(Nonce(1));
        Assert.Equal(0, memory.Count);
        Assert.Equal(ReplayVerdict.Added, memory.TryAdd(Nonce(1), 0, One, Now).Verdict);
    }

    [Fact]
    public void AnyUse_NeverForgetsWhatCanStillBeAccepted_NorExceedsItsCapacity() =>
        Gen.Select(Gen.Int[0, 60], Gen.Int[0, 2], Gen.Int[-300, 300], Gen.Int[0, 200]).Array[0, 200].Sample(steps =>
        {
            var memory = Memory(20);
            var held = new Dictionary<Nonce, long>();
            var now = Now;
            foreach (var (nonce, key, lag, advance) in steps)
            {
                now += advance;
                memory.SetNow(At(now), recorded: 1);
                var answer = memory.TryAdd(Nonce(nonce), 0, key switch { 0 => One, 1 => Two, _ => Three }, now + lag);
                if (answer.Verdict == ReplayVerdict.Added)
                {
                    // Added again only when it was dead: at this time no message that old is accepted.
                    Assert.True(!held.TryGetValue(Nonce(nonce), out var timestamp) || timestamp < now - 300);
                    held[Nonce(nonce)] = now + lag;
                }
                Assert.True(memory.Count <= 20);
            }
        }, iter: 300);

    [Fact]
    public void Attack09_AfterARestart_EveryRecordedNonceIsReplayed_RefusedOnesToo()
    {
        using var folder = new LedgerFolder();
        var nonces = new List<Nonce>();
        var times = new List<long>();
        using (var store = folder.Open())
        {
            var history = new History(store);
            for (var i = 0; i < 40; i++)
            {
                history.Set("RADIO_ISOLATION", i % 3 == 0 ? "nonsense" : "off");
                nonces.Add(history.LastNonce);
                times.Add(history.Now);
                history.Now += 60;
            }
        }
        using var crashed = folder.CopyAsAfterACrash();
        using var again = crashed.Open();
        var loaded = LedgerFold.Load(again);
        var memory = new ReplayStore(again);
        memory.SetNow(At(loaded.State.FloorSeconds), again.Size);
        for (var i = 0; i < nonces.Count; i++)
            Assert.Equal(new ReplayAnswer(ReplayVerdict.Replayed, i), memory.TryAdd(nonces[i], 99, One, times[i]));
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void Attack10_AfterARestart_WithMoreFreshMessagesThanItHolds_EachIsStillReplayed(int capacity)
    {
        using var recorded = new Recorded(secondsBetween: 10);
        var memory = new ReplayStore(recorded.Store, capacity);
        memory.SetNow(At(recorded.Times[2]), recorded.Store.Size);
        for (var i = 2; i >= 0; i--)
            Assert.Equal(new ReplayAnswer(ReplayVerdict.Replayed, i), memory.TryAdd(recorded.Nonces[i], 9, One, recorded.Times[i]));
        Assert.Equal(capacity > 3 ? ReplayVerdict.Added : ReplayVerdict.Full, memory.TryAdd(Nonce(1), 9, One, recorded.Times[2]).Verdict);
    }

    private static ReplayStore Memory(int capacity) => new(null, capacity);

    private static Nonce Nonce(int i) => new((UInt128)i);

    private static EffectiveTime At(long seconds) => new(seconds, 0);

    /// <summary>A ledger of three messages, each so much later than the one before.</summary>
    private sealed class Recorded : IDisposable
    {
        private readonly LedgerFolder _folder = new();

        public Recorded(int secondsBetween = 1_000)
        {
            Store = _folder.Open();
            var history = new History(Store);
            for (var i = 0; i < 3; i++)
            {
                history.Set("RADIO_ISOLATION", "off");
                Nonces.Add(history.LastNonce);
                Times.Add(history.Now);
                history.Now += secondsBetween;
            }
        }

        public LedgerStore Store { get; }

        public List<Nonce> Nonces { get; } = [];

        public List<long> Times { get; } = [];

        public void Dispose()
        {
            Store.Dispose();
            _folder.Dispose();
        }
    }
}
