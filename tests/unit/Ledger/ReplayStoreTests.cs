using CsCheck;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Ledger;
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
    public void Attack09_ANonceOutOfMemory_IsAskedOfTheLedger_WhateverItsTimestamp()
    {
        var memory = new ReplayStore(nonce => nonce == Nonce(5) ? 3 : null, 10);
        Assert.Equal(new ReplayAnswer(ReplayVerdict.Replayed, 3), memory.TryAdd(Nonce(5), 9, One, Now + 1_000_000));
    }

    [Fact]
    public void Attack10_FullStore_RefusesNewOnes_AndEvictsNone()
    {
        var memory = Memory(4);
        memory.SetNow(Now, recorded: 4);
        for (var i = 0; i < 4; i++)
            Assert.Equal(ReplayVerdict.Added, memory.TryAdd(Nonce(i), i, i % 2 == 0 ? One : Two, Now - 300).Verdict);
        Assert.Equal(ReplayVerdict.Full, memory.TryAdd(Nonce(9), 9, Three, Now).Verdict);
        Assert.Equal(4, memory.Count);
        for (var i = 0; i < 4; i++)
            Assert.Equal(ReplayVerdict.Replayed, memory.TryAdd(Nonce(i), 9, Three, Now).Verdict);

        memory.SetNow(Now + 1, recorded: 4);
        Assert.Equal(ReplayVerdict.Added, memory.TryAdd(Nonce(9), 9, Three, Now).Verdict);
        Assert.Equal(1, memory.Count);
    }

    [Fact]
    public void Attack10_FullStore_KeepsTheNoncesThatOnlyItKnows_ThoughTheyAreDead()
    {
        // One batch, not in the ledger yet; the clock is stepped forward in it, and back.
        var memory = Memory(4);
        memory.SetNow(Now, recorded: 5);
        Assert.Equal(ReplayVerdict.Added, memory.TryAdd(Nonce(1), 5, One, Now - 300).Verdict);
        Assert.Equal(ReplayVerdict.Added, memory.TryAdd(Nonce(2), 6, One, Now - 300).Verdict);
        memory.SetNow(Now + 1, recorded: 5);
        Assert.Equal(ReplayVerdict.Full, memory.TryAdd(Nonce(3), 7, One, Now + 1).Verdict);
        memory.SetNow(Now, recorded: 5);
        Assert.Equal(new ReplayAnswer(ReplayVerdict.Replayed, 5), memory.TryAdd(Nonce(1), 7, One, Now - 300));

        memory.SetNow(Now + 1, recorded: 7);
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
                memory.SetNow(now, recorded: 1);
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
        using (var store = folder.Open())
        {
            var history = new History(store);
            for (var i = 0; i < 40; i++)
            {
                history.Set("RADIO_ISOLATION", i % 3 == 0 ? "nonsense" : "off");
                nonces.Add(history.LastNonce);
                history.Now += 60;
            }
        }
        using var crashed = folder.CopyAsAfterACrash();
        using var again = crashed.Open();
        var loaded = LedgerFold.Load(again);
        var memory = new ReplayStore(again.FindNonce);
        for (var i = 0; i < nonces.Count; i++)
            Assert.Equal(new ReplayAnswer(ReplayVerdict.Replayed, i), memory.TryAdd(nonces[i], 99, One, loaded.State.FloorSeconds));
    }

    private static ReplayStore Memory(int capacity) => new(_ => null, capacity);

    private static Nonce Nonce(int i) => new((UInt128)i);
}
