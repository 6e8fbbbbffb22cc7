using System.Text;
using CsCheck;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Policy;
using Qwamos.ControlBus.Verification;
using Xunit;

namespace Qwamos.ControlBus.Tests.Ledger;

public sealed class LedgerFoldTests : IDisposable
{
    private readonly LedgerFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void AnyHistory_FoldsToTheWritersState_FromSnapshotOrFromZero_ReopenedOrCrashed() =>
        History.AnySteps.Sample(
            steps =>
            {
                using var folder = new LedgerFolder();
                using var store = folder.Open();
                var history = new History(store);
                foreach (var step in steps)
                    step(history);
                AssertFoldsTo(history.State, store);
                using (var crashed = folder.CopyAsAfterACrash())
                using (var reopened = crashed.Open())
                    AssertFoldsTo(history.State, reopened);
                Assert.True(store.FoldWal());
                store.Dispose();
                using var again = folder.Open(LedgerOpenMode.ReadOnly);
                AssertFoldsTo(history.State, again);
            },
            iter: 150);

    [Fact]
    public void Snapshot_SparesTheEntriesBeforeIt()
    {
        using var store = _folder.Open();
        var history = new History(store);
        for (var i = 0; i < 20; i++)
            history.Set("RADIO_ISOLATION", i % 2 == 0 ? "off" : "on");
        history.Snapshot();
        history.Set("TOR_ISOLATION", "mandatory");
        var loaded = LedgerFold.Load(store);
        Assert.Equal(20, loaded.FoldedFrom);
        Assert.Equal(history.Now, loaded.LastTimeSeconds);
        AssertFoldsTo(history.State, store);
    }

    [Theory]
    [InlineData("not json")]
    [InlineData("{}")]
    [InlineData("""{"format":1,"policy":{},"staged":{},"timestamps":{},"floor":0,"last_note":0}""")]
    [InlineData("""{"format":3,"policy":{},"staged":{},"earlier":{},"timestamps":{},"floor":0,"last_note":0}""")]
    [InlineData("""{"format":3,"policy":{},"staged":{},"earlier":{},"timestamps":{},"floor":0,"last_note":0,"ledger_key":{"index":0}}""")]
    [InlineData("""{"format":2,"policy":{},"staged":{},"timestamps":{},"floor":0,"last_note":0,"ledger_key":null}""")]
    [InlineData("""{"format":4,"policy":{},"staged":{},"earlier":{},"timestamps":{},"floor":0,"last_note":0,"ledger_key":null,"trust":{"root":null,"entries":[],"begun":0}}""")]
    [InlineData("""{"format":5,"policy":{},"staged":{},"earlier":{},"timestamps":{},"floor":0,"last_note":0,"ledger_key":null,"trust":{"root":null,"entries":[],"begun":0},"lost":{"from":1,"to":2}}""")]
    public void SnapshotThatDoesNotParse_IsFoldedAnew(string state)
    {
        using var store = _folder.Open();
        var history = new History(store);
        history.Set("RADIO_ISOLATION", "off");
        store.SaveSnapshot(new LedgerSnapshot(1, store.Tree().Frontier(), Encoding.UTF8.GetBytes(state)));
        Assert.Equal(0, LedgerFold.Load(store).FoldedFrom);
        AssertFoldsTo(history.State, store);
    }

    [Fact]
    public void SnapshotOfAnotherTree_IsFoldedAnew()
    {
        using var store = _folder.Open();
        var history = new History(store);
        history.Set("RADIO_ISOLATION", "off");
        history.Set("RADIO_ISOLATION", "on");
        var other = MerkleTree.Of([MerkleTree.LeafHash("other"u8)]);
        store.SaveSnapshot(LedgerFold.Snapshot(PolicyState.Empty, other));
        Assert.Equal(0, LedgerFold.Load(store).FoldedFrom);
        AssertFoldsTo(history.State, store);
        store.SaveSnapshot(new LedgerSnapshot(9, MerkleTree.Of(Enumerable.Repeat(new byte[32], 9)).Frontier(), []));
        Assert.Equal(0, LedgerFold.Load(store).FoldedFrom);
    }

    [Fact]
    public void BootResults_MoveStagedToPolicy_ExceptFailures()
    {
        using var store = _folder.Open();
        var history = new History(store);
        var index = history.Set("KERNEL_HARDENING", "strict");
        history.Boot("failed: read-only disk");
        Assert.True(LedgerFold.Load(store).State.Staged.ContainsKey("KERNEL_HARDENING"));
        Assert.Empty(LedgerFold.Load(store).State.Policy);
        history.Boot(BootResult.InForceAfterReboot);
        var state = LedgerFold.Load(store).State;
        Assert.Empty(state.Staged);
        Assert.Equal(new Applied(PolicyValue.Of("strict"), index), state.Policy["KERNEL_HARDENING"]);
        Assert.Equal(2, state.LastNote);
    }

    [Fact]
    public void AnchorReplacement_IsRecordedAndChangesNoPolicy()
    {
        using var store = _folder.Open();
        var history = new History(store);
        history.Set("RADIO_ISOLATION", "off");
        history.Import(BootNote.AnchorReplaced(1, history.Now, new string('a', 64), new string('b', 64)));
        var state = LedgerFold.Load(store).State;
        Assert.Equal(1, state.LastNote);
        Assert.Equal(PolicyValue.Of("off"), state.Policy["RADIO_ISOLATION"].Value);
        var note = Assert.IsType<NoteEntry>(store.ReadEntry(1));
        Assert.Equal(new string('b', 64), note.Note.NewAnchor);
    }

    [Fact]
    public void FiredEvent_LeavesItDisarmed_WithoutTheSchemaOfItsTime()
    {
        using var store = _folder.Open();
        var history = new History(store);
        history.Set("GHOST.trigger", "armed");
        var fired = history.Set("GHOST.trigger", "fire");
        Assert.Equal(new Applied(PolicyValue.Of("disarmed"), fired), LedgerFold.Load(store).State.Policy["GHOST.trigger"]);
    }

    [Fact]
    public void Attack12_ALoweredFloor_LowersLastTimestamps_AndNoncesStay()
    {
        using var store = _folder.Open();
        var history = new History(store, startSeconds: 4_102_444_800);
        history.Set("RADIO_ISOLATION", "off");
        var future = history.LastNonce;
        history.Now = History.StartSeconds;
        history.LowerFloor(History.StartSeconds);
        var state = LedgerFold.Load(store).State;
        Assert.Equal(History.StartSeconds, state.FloorSeconds);
        Assert.Equal(History.StartSeconds, state.LastTimestamps["RADIO_ISOLATION"]);
        var again = new ReplayStore(store);
        again.SetNow(new EffectiveTime(4_102_444_800, state.FloorSeconds), store.Size);
        Assert.Equal(new ReplayAnswer(ReplayVerdict.Replayed, 0), again.TryAdd(future, store.Size, History.Signer, 4_102_444_800));
    }

    [Fact]
    public void TheNewestStatementAboutTheLedgersKey_IsKept_FromSnapshotToo_UntilTheFloorIsLoweredBelowIt()
    {
        using var store = _folder.Open();
        var history = new History(store);
        var system = new string('d', 32);
        history.Set("RADIO_ISOLATION", "off");
        Assert.Equal(1, history.SignKey($"qwamos/{system}+one", system, history.Now - 5));
        history.SignKey($"qwamos/{system}+older", system, history.Now - 6);
        history.SignKey($"qwamos/{system}+same-second", system, history.Now - 5);
        Assert.Equal((1, $"qwamos/{system}+one"), (LedgerFold.Load(store).State.LedgerKey!.Index, LedgerFold.Load(store).State.LedgerKey!.Statement.Key));
        history.Snapshot();
        AssertFoldsTo(history.State, store);
        Assert.NotNull(LedgerFold.Load(store).State.LedgerKey);
        history.SignKey($"qwamos/{system}+two", system, history.Now);
        Assert.Equal(4, LedgerFold.Load(store).State.LedgerKey!.Index);
        history.LowerFloor(history.Now);
        Assert.Equal(4, LedgerFold.Load(store).State.LedgerKey!.Index);
        history.LowerFloor(history.Now - 1);
        Assert.Null(LedgerFold.Load(store).State.LedgerKey);
        AssertFoldsTo(history.State, store);
    }

    [Fact]
    public void Attack13_ALedgerPutBack_IsRefused_NamingTheFirstMissingEntry()
    {
        using var store = _folder.Open();
        var history = new History(store);
        history.Set("RADIO_ISOLATION", "off");
        using var older = _folder.CopyAsAfterACrash();
        history.Set("RADIO_ISOLATION", "on");
        var remembered = new RememberedTree(2, Convert.ToHexStringLower(store.Tree().Root()));
        Assert.Equal(2, LedgerFold.Load(store, remembered).Tree.Size);
        using var put = older.Open();
        var refusal = Assert.Throws<LedgerIntegrityException>(() => LedgerFold.Load(put, remembered));
        Assert.Equal(1, refusal.Index);
    }

    [Theory]
    [InlineData(0, 5)]
    [InlineData(3, 3)]
    [InlineData(3, 5)]
    [InlineData(5, 3)]
    [InlineData(6, 6)]
    public void Attack13_AnotherHistory_IsRefused_WhereverTheSnapshotStands(int snapshotAt, int rememberedAt)
    {
        using var otherFolder = new LedgerFolder();
        using var other = otherFolder.Open();
        using var store = _folder.Open();
        var history = new History(store);
        var otherHistory = new History(other);
        for (var i = 0; i < 6; i++)
        {
            history.Set("RADIO_ISOLATION", i % 2 == 0 ? "off" : "on");
            otherHistory.Set("RADIO_ISOLATION", "on");
            if (i == snapshotAt - 1)
            {
                history.Snapshot();
                otherHistory.Snapshot();
            }
        }
        var mine = new RememberedTree(rememberedAt, Convert.ToHexStringLower(MerkleTree.Of(store.ReadLeafHashes(0, rememberedAt)).Root()));
        Assert.Equal(history.State.ToJson(), LedgerFold.Load(store, mine).State.ToJson());
        var refusal = Assert.Throws<LedgerIntegrityException>(() => LedgerFold.Load(other, mine));
        Assert.Contains(mine.RootHash, refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void StartUp_DoesNotReadEntriesBeforeTheSnapshot_WhenTheMemoryIsAtIt()
    {
        using (var store = _folder.Open())
        {
            var history = new History(store);
            for (var i = 0; i < 20; i++)
                history.Set("RADIO_ISOLATION", i % 2 == 0 ? "off" : "on");
            history.Snapshot();
        }
        // Damage far from the tail is for the full check to find: its absence here is what keeps a start quick.
        _folder.Tamper("UPDATE entries SET leaf = x'00' WHERE idx = 3");
        using var again = _folder.Open();
        Assert.Equal(20, LedgerFold.Load(again).FoldedFrom);
        Assert.Throws<LedgerIntegrityException>(() => LedgerFold.Load(again, useSnapshot: false));
    }

    [Fact]
    public void Attack30_RewrittenTailWithItsHashes_DoesNotGiveTheStoredTree()
    {
        using (var store = _folder.Open())
        {
            var history = new History(store);
            for (var i = 0; i < 5; i++)
                history.Set("RADIO_ISOLATION", i % 2 == 0 ? "off" : "on");
        }
        // Entry 4 becomes a copy of entry 2 with its nonce: every row is sound by itself.
        _folder.Tamper("""
            UPDATE entries SET (head, leaf, leaf_hash) = (SELECT head, leaf, leaf_hash FROM entries WHERE idx = 2) WHERE idx = 4;
            """);
        var refusal = Assert.Throws<LedgerIntegrityException>(() => _folder.Open());
        Assert.Equal(0, refusal.Index);
        Assert.Contains("One of the entries 0 to 4 ", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Attack30_ReorderedEntries_AreFound()
    {
        using (var store = _folder.Open())
        {
            var history = new History(store);
            for (var i = 0; i < 17; i++)
                history.Set("RADIO_ISOLATION", i % 2 == 0 ? "off" : "on");
        }
        // The nonces with them.
        _folder.Tamper("""
            UPDATE entries SET idx = 99 WHERE idx = 0; UPDATE entries SET idx = 0 WHERE idx = 1; UPDATE entries SET idx = 1 WHERE idx = 99;
            UPDATE nonces SET nonces = CAST(substr(nonces, 17, 16) || substr(nonces, 1, 16) || substr(nonces, 33) AS BLOB) WHERE first = 0;
            """);
        using var again = _folder.Open();
        var refusal = Assert.Throws<LedgerIntegrityException>(() => LedgerFold.Load(again));
        Assert.Equal(0, refusal.Index);
        Assert.Contains("Entries 0 to 15", refusal.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("UPDATE nonces SET nonces = CAST(substr(nonces, 1, 16) AS BLOB)")]
    [InlineData("UPDATE nonces SET nonces = CAST(substr(nonces, 1, 16) || zeroblob(16) AS BLOB)")]
    [InlineData("UPDATE confidential SET envelope = CAST(replace(CAST(envelope AS TEXT), 'triple', 'rriple') AS BLOB)")]
    [InlineData("DELETE FROM confidential")]
    public void Attack30_ATamperedColumnBesideTheLeaf_IsFoundAndNamed(string sql)
    {
        using (var store = _folder.Open())
        {
            var history = new History(store);
            history.Set("RADIO_ISOLATION", "off");
            history.Set("DURESS.gesture", "triple-power");
        }
        _folder.Tamper(sql);
        using var again = _folder.Open();
        var refusal = Assert.Throws<LedgerIntegrityException>(() => LedgerFold.Load(again));
        Assert.Equal(1, refusal.Index);
    }

    [Theory]
    [InlineData("UPDATE hashes SET hash = zeroblob(32) WHERE id = 2")]
    [InlineData("DELETE FROM hashes WHERE id = 2")]
    [InlineData("UPDATE hashes SET id = 7 WHERE id = 2")]
    [InlineData("UPDATE tree SET root = zeroblob(32)")]
    [InlineData("UPDATE tree SET size = 3")]
    [InlineData("DELETE FROM tree")]
    public void Attack30_ADamagedTree_StopsTheStart(string sql)
    {
        using (var store = _folder.Open())
        {
            var history = new History(store);
            for (var i = 0; i < 32; i++)
                history.Set("RADIO_ISOLATION", i % 2 == 0 ? "off" : "on");
        }
        _folder.Tamper(sql);
        Assert.Throws<LedgerIntegrityException>(() => _folder.Open());
    }

    [Fact]
    public void Attack13_AForgedHashThatGivesTheRememberedRoot_DoesNotMakeTheLedgerExtendIt()
    {
        RememberedTree mine;
        using (var store = _folder.Open())
        {
            var history = new History(store);
            history.Set("RADIO_ISOLATION", "off");
            history.Set("RADIO_ISOLATION", "on");
            mine = new RememberedTree(2, Convert.ToHexStringLower(store.Tree().Root()));
        }
        // Another history of four entries, in which the hash over the first two says what is remembered.
        using var otherFolder = new LedgerFolder();
        using (var other = otherFolder.Open())
        {
            var history = new History(other);
            for (var i = 0; i < 4; i++)
                history.Set("RADIO_ISOLATION", "on");
            history.Snapshot();
        }
        otherFolder.Tamper($"UPDATE hashes SET hash = x'{mine.RootHash}' WHERE id = 0");
        using var put = otherFolder.Open();
        Assert.Throws<LedgerIntegrityException>(() => LedgerFold.Load(put, mine));
    }

    [Fact]
    public void Attack30_AnyFlippedByteOfAClosedLedger_NeverGivesAnotherState()
    {
        string expected;
        using (var store = _folder.Open())
        {
            var history = new History(store);
            for (var i = 0; i < 8; i++)
                history.Set("TOR_ISOLATION", i % 2 == 0 ? "off" : "mandatory");
            history.Snapshot();
            history.Set("KERNEL_HARDENING", "strict");
            history.Set("DURESS.gesture", "triple-power");
            expected = history.State.ToJson().ToString();
            Assert.True(store.FoldWal());
        }
        var sound = File.ReadAllBytes(_folder.File);
        Gen.Select(Gen.Int[0, sound.Length - 1], Gen.Byte[1, 255]).Sample(
            (at, flip) =>
            {
                using var damaged = new LedgerFolder();
                var bytes = (byte[])sound.Clone();
                bytes[at] ^= flip;
                File.WriteAllBytes(damaged.File, bytes);
                try
                {
                    using var store = damaged.Open();
                    Assert.Equal(expected, LedgerFold.Load(store).State.ToJson().ToString());
                }
                catch (Exception e) when (e is LedgerIntegrityException or LedgerFormatException or LedgerBrokenException)
                {
                    // Found, which is one of the two good outcomes; the other is that the byte held nothing.
                }
            },
            iter: 400,
            threads: 1);
    }

    private static void AssertFoldsTo(PolicyState expected, LedgerStore store)
    {
        var near = LedgerFold.Load(store);
        var full = LedgerFold.Load(store, useSnapshot: false);
        Assert.Equal(expected.ToJson(), near.State.ToJson());
        Assert.Equal(expected.ToJson(), full.State.ToJson());
        Assert.Equal(near.LastTimeSeconds, full.LastTimeSeconds);
        Assert.Equal(near.Tree.Root(), full.Tree.Root());
        Assert.Equal(store.Tree().Root(), full.Tree.Root());
    }
}
