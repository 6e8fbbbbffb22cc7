using System.Text;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Ledger;
using Xunit;

namespace Qwamos.ControlBus.Tests.Ledger;

public sealed class LedgerStoreTests : IDisposable
{
    private readonly LedgerFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void NewLedger_IsMadePrivateAndEmpty()
    {
        using var store = _folder.Open();
        Assert.Equal(0, store.Size);
        Assert.Equal(new MerkleTree().Root(), store.Tree().Root());
        Assert.Null(store.Read(0));
        Assert.Empty(store.ReadFrom(0));
        Assert.Null(store.ReadSnapshot());
        foreach (var file in Directory.GetFiles(_folder.Dir))
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
    }

    [Theory]
    [InlineData(LedgerOpenMode.ReadOnly)]
    [InlineData(LedgerOpenMode.ReadWrite)]
    public void LedgerThatCannotBeLookedAt_IsNotCalledAbsent(LedgerOpenMode mode)
    {
        // A folder that is a file: stat says another error than "not found", as of a disk that fails.
        var file = Path.Combine(_folder.Dir, "file");
        File.WriteAllText(file, "");
        var fault = Assert.ThrowsAny<IOException>(() => LedgerStore.Open(Path.Combine(file, "ledger.db"), mode));
        Assert.Contains($"{file}/ledger.db: stat: ", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AppendedEntries_AreThereAfterReopen_InOrderWithTheSameRoot()
    {
        byte[] root;
        using (var store = _folder.Open())
        {
            Assert.Equal(0, store.AppendBatch([Entry(0), Entry(1)]));
            Assert.Equal(2, store.AppendBatch([Entry(2)]));
            Assert.Equal(3, store.AppendBatch([]));
            root = store.Tree().Root();
        }
        using var again = _folder.Open();
        Assert.Equal(3, again.Size);
        Assert.Equal(root, again.Tree().Root());
        Assert.Equal(root, MerkleTree.Of(again.ReadLeafHashes(0, 3)).Root());
        Assert.Equal([0, 1, 2], again.ReadFrom(0).Select(row => row.Index));
        Assert.Equal("leaf 1", Encoding.UTF8.GetString(again.Read(1)!.Leaf));
        Assert.Equal(1, again.FindNonce(Nonce(1)));
        Assert.Null(again.FindNonce(Nonce(7)));
        Assert.Equal(1, again.Find(Key(1)));
        Assert.Null(again.Find(Key(1) with { TimestampSeconds = 2 }));
    }

    [Fact]
    public void LongHistories_AreReadInPieces()
    {
        using var store = _folder.Open();
        store.AppendBatch([.. Enumerable.Range(0, 700).Select(Entry)]);
        Assert.Equal(Enumerable.Range(0, 700).Select(i => (long)i), store.ReadFrom(0).Select(row => row.Index));
        Assert.Equal(700, store.ReadLeafHashes(0, 700).Count());
    }

    [Fact]
    public void Attack29_ACrashAfterACommit_LosesNothing()
    {
        using var store = _folder.Open();
        for (var i = 0; i < 5; i++)
        {
            store.AppendBatch([Entry(i)]);
            if (i == 2)
                Assert.True(store.Checkpoint());
            using var crashed = _folder.CopyAsAfterACrash();
            using var again = crashed.Open();
            Assert.Equal(i + 1, again.Size);
            Assert.Equal(store.Tree().Root(), again.Tree().Root());
        }
    }

    [Fact]
    public void FailedBatch_LeavesNothing()
    {
        using var store = _folder.Open();
        store.AppendBatch([Entry(0)]);
        var root = store.Tree().Root();
        // Another program's row in the place of the batch's second.
        _folder.Tamper("INSERT INTO entries VALUES(2, zeroblob(8), NULL, x'00')");
        Assert.Throws<LedgerBrokenException>(() => store.AppendBatch([Entry(1), Entry(2)]));
        Assert.Throws<LedgerBrokenException>(() => store.AppendBatch([Entry(2)]));
        Assert.Throws<LedgerBrokenException>(() => store.Read(0));
        using var crashed = _folder.CopyAsAfterACrash();
        crashed.Tamper("DELETE FROM entries WHERE idx = 2");
        using var again = crashed.Open();
        Assert.Equal(root, again.Tree().Root());
        Assert.Null(again.Find(Key(1)));
    }

    [Fact]
    public void CleanStop_LeavesOneFile()
    {
        using (var store = _folder.Open())
        {
            store.AppendBatch([Entry(0)]);
            Assert.True(store.PagesSinceCheckpoint > 0);
            Assert.True(store.FoldWal());
        }
        Assert.Equal([_folder.File], Directory.GetFiles(_folder.Dir));
        using var again = _folder.Open(LedgerOpenMode.ReadOnly);
        Assert.Equal(1, again.Size);
    }

    [Fact]
    public void Checkpoint_WithAReaderInTheWay_SaysNotYetAndLosesNothing()
    {
        using var store = _folder.Open();
        store.AppendBatch([Entry(0)]);
        using var reader = new Microsoft.Data.Sqlite.SqliteConnection($"Data Source={_folder.File};Mode=ReadOnly;Pooling=False");
        reader.Open();
        using var command = reader.CreateCommand();
        command.CommandText = "BEGIN; SELECT count(*) FROM entries;";
        command.ExecuteNonQuery();
        store.AppendBatch([Entry(1)]);
        Assert.False(store.FoldWal());
        Assert.False(store.Checkpoint());
        Assert.Equal(2, store.AppendBatch([Entry(2)]));
        command.CommandText = "ROLLBACK";
        command.ExecuteNonQuery();
        Assert.True(store.Checkpoint());
        Assert.Equal(0, store.PagesSinceCheckpoint);
    }

    [Fact]
    public void ConfidentialEnvelopesSnapshotsAndDeliveries_AreKept()
    {
        using (var store = _folder.Open())
        {
            store.AppendBatch([Entry(0) with { ConfidentialEnvelope = "secret"u8.ToArray() }]);
            store.SaveSnapshot(new LedgerSnapshot(1, store.Tree().Frontier(), "state"u8.ToArray()));
            store.SaveDelivery("gateway", new DeliveryPlace(0, new Dictionary<string, long>()));
            store.SaveDelivery("gateway", new DeliveryPlace(5, new Dictionary<string, long> { ["B"] = 3, ["A"] = 4 }));
            store.SaveDelivery("new", new DeliveryPlace(null, new Dictionary<string, long>()));
        }
        using var again = _folder.Open();
        Assert.Equal("secret"u8.ToArray(), again.ReadConfidential(0));
        Assert.Null(again.ReadConfidential(1));
        Assert.Equal("state"u8.ToArray(), again.ReadSnapshot()!.State);
        var places = again.ReadDeliveries();
        Assert.Equal(["gateway", "new"], places.Keys.Order());
        Assert.Equal((5, 3, 4), (places["gateway"].Taken, places["gateway"].Missed["B"], places["gateway"].Missed["A"]));
        Assert.Null(places["new"].Taken);
        Assert.Empty(places["new"].Missed);
    }

    [Fact]
    public void SnapshotWithAFlippedBit_IsNotUsed()
    {
        using (var store = _folder.Open())
            store.SaveSnapshot(new LedgerSnapshot(0, [], "state"u8.ToArray()));
        _folder.Tamper("UPDATE snapshot SET state = x'7374617465ff'");
        using var again = _folder.Open();
        Assert.Null(again.ReadSnapshot());
    }

    [Fact]
    public void Attack22_ASnapshotOfAnyLength_IsNotReadIntoMemory()
    {
        using (var store = _folder.Open())
            store.SaveSnapshot(new LedgerSnapshot(0, [], "state"u8.ToArray()));
        _folder.Tamper("UPDATE snapshot SET state = zeroblob(100000000)");
        using var again = _folder.Open(LedgerOpenMode.ReadOnly);
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Null(again.ReadSnapshot());
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1_000_000);
    }

    [Fact]
    public void NewerFormat_IsRefusedByName()
    {
        _folder.Open().Dispose();
        _folder.Tamper("PRAGMA user_version=5");
        var refusal = Assert.Throws<LedgerFormatException>(() => _folder.Open());
        Assert.Contains("format version 5", refusal.Message, StringComparison.Ordinal);
        Assert.Throws<LedgerFormatException>(() => _folder.Open(LedgerOpenMode.ReadOnly));
    }

    [Fact]
    public void ForeignDatabase_IsRefusedUntouched()
    {
        _folder.Tamper("CREATE TABLE t(x); PRAGMA user_version=1");
        var before = File.ReadAllBytes(_folder.File);
        Assert.Throws<LedgerFormatException>(() => _folder.Open());
        Assert.Equal(before, File.ReadAllBytes(_folder.File));
    }

    [Fact]
    public void FileThatIsNoDatabase_IsRefusedUntouched()
    {
        File.WriteAllText(_folder.File, new string('x', 5000));
        Assert.Throws<LedgerFormatException>(() => _folder.Open());
        Assert.Equal(5000, new FileInfo(_folder.File).Length);
    }

    [Theory]
    [InlineData("")]
    [InlineData("-wal")]
    [InlineData("-shm")]
    public void Attack27_ALinkInPlaceOfALedgerFile_IsRefusedAndNotWrittenThrough(string suffix)
    {
        var target = Path.Combine(_folder.Dir, "target");
        if (suffix.Length > 0)
            _folder.Open().Dispose();
        File.Delete(_folder.File + suffix);
        File.CreateSymbolicLink(_folder.File + suffix, target);
        Assert.Throws<LedgerFormatException>(() => _folder.Open());
        Assert.False(File.Exists(target));
        File.WriteAllBytes(target, []);
        Assert.Throws<LedgerFormatException>(() => _folder.Open());
        Assert.Empty(File.ReadAllBytes(target));
    }

    [Fact]
    public void Attack27_ALedgerWithASecondName_IsRefused()
    {
        _folder.Open().Dispose();
        using var link = System.Diagnostics.Process.Start("ln", [_folder.File, _folder.File + ".other"]);
        link.WaitForExit();
        Assert.Throws<LedgerFormatException>(() => _folder.Open());
    }

    [Fact]
    public void MissingLedger_IsNotMadeByAReader()
    {
        Assert.Throws<LedgerFormatException>(() => _folder.Open(LedgerOpenMode.ReadOnly));
        Assert.Empty(Directory.GetFiles(_folder.Dir));
    }

    [Theory]
    [InlineData("UPDATE entries SET leaf = x'00' WHERE idx = 1", 1)]
    [InlineData("UPDATE entries SET leaf_hash = zeroblob(8) WHERE idx = 2", 2)]
    [InlineData("UPDATE entries SET leaf_hash = x'00' WHERE idx = 0", 0)]
    [InlineData("DELETE FROM entries WHERE idx = 1", 1)]
    [InlineData("DELETE FROM entries WHERE idx >= 2", 2)]
    [InlineData("INSERT INTO entries SELECT 20, leaf_hash, NULL, leaf FROM entries WHERE idx = 2", 20)]
    [InlineData("UPDATE entries SET idx = -1 WHERE idx = 0", 0)]
    [InlineData("UPDATE entries SET leaf = x'00' WHERE idx = 2; UPDATE entries SET leaf = x'00' WHERE idx = 1", 1)]
    [InlineData("UPDATE entries SET (leaf_hash, leaf) = (SELECT leaf_hash, leaf FROM entries WHERE idx = 0) WHERE idx = 18", 16)]
    [InlineData("DELETE FROM entries WHERE idx = 17; UPDATE entries SET leaf = x'00' WHERE idx = 3", 3)]
    [InlineData("UPDATE hashes SET hash = zeroblob(32) WHERE id = 0", 0)]
    [InlineData("UPDATE hashes SET hash = x'00' WHERE id = 0", 0)]
    [InlineData("UPDATE tree SET root = zeroblob(32)", 16)]
    public void Attack30_AnAlteredEntry_IsFoundAndNamed(string sql, long index)
    {
        using (var store = _folder.Open())
            store.AppendBatch([.. Enumerable.Range(0, 20).Select(Entry)]);
        _folder.Tamper(sql);
        var found = Assert.Throws<LedgerIntegrityException>(() =>
        {
            using var store = _folder.Open();
            return store.ReadFrom(0).Count();
        });
        Assert.Equal(index, found.Index);
        Assert.Matches($"[Ee]ntr(y|ies) {index}\\b", found.Message);
    }

    [Theory]
    [InlineData("CREATE TRIGGER t AFTER INSERT ON entries BEGIN DELETE FROM entries WHERE idx = 0; END")]
    [InlineData("CREATE VIEW v AS SELECT * FROM entries")]
    [InlineData("CREATE TABLE more(x)")]
    [InlineData("CREATE INDEX more ON entries(leaf_hash)")]
    [InlineData("DROP TABLE nonces")]
    [InlineData("DROP TABLE nonces; CREATE TABLE nonces(timestamp INTEGER NOT NULL, first INTEGER NOT NULL, nonces BLOB NOT NULL) STRICT")]
    [InlineData("ALTER TABLE snapshot ADD COLUMN x BLOB")]
    [InlineData("DROP TABLE deliveries; CREATE VIEW deliveries AS SELECT 1 AS gateway, 2 AS idx")]
    public void Attack30_TablesThatThisProgramDoesNotMake_AreRefusedToReadersAndWriters(string sql)
    {
        using (var store = _folder.Open())
            store.AppendBatch([Entry(0)]);
        using (_folder.Open())
        {
            // The tables as they are made are taken.
        }
        _folder.Tamper(sql);
        foreach (var mode in new[] { LedgerOpenMode.ReadOnly, LedgerOpenMode.ReadWrite })
        {
            var refusal = Assert.Throws<LedgerIntegrityException>(() => _folder.Open(mode));
            Assert.Contains("does not have exactly the tables of a ledger", refusal.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void OversizedLeaf_IsNeverAppended()
    {
        using var store = _folder.Open();
        Assert.Throws<ArgumentException>(() => store.AppendBatch([new NewEntry(new byte[Limits.MaxLeafBytes + 1])]));
        Assert.Throws<ArgumentException>(() => store.AppendBatch([new NewEntry(ReadOnlyMemory<byte>.Empty)]));
        Assert.Equal(0, store.AppendBatch([new NewEntry(new byte[Limits.MaxLeafBytes])]));
    }

    [Fact]
    public void HeadThatManyLeavesHave_IsStoredOnce_AndLeavesAreReadWhole()
    {
        var entries = Enumerable.Range(0, 50).Select(i => Headed(i % 2, i)).ToList();
        using (var store = _folder.Open())
        {
            store.AppendBatch([.. entries.Take(20)]);
            store.AppendBatch([.. entries.Skip(20).Take(10)]);
        }
        using (var store = _folder.Open())
        {
            // After a start the heads are known.
            store.AppendBatch([.. entries.Skip(30)]);
            Assert.Equal(entries.Select(entry => entry.Leaf.ToArray()), store.ReadFrom(0).Select(row => row.Leaf));
            Assert.True(store.FoldWal());
        }
        Assert.Equal(2, _folder.Count("SELECT count(*) FROM heads"));
        // Once each where it was used first, and from then on by its number.
        Assert.Equal(48, _folder.Count("SELECT count(*) FROM entries WHERE head IS NOT NULL"));
    }

    [Fact]
    public void Attack22_HeadsThatComeOnceEach_AreNotStoredByThemselves()
    {
        using (var store = _folder.Open())
        {
            for (var round = 0; round < 2; round++)
                store.AppendBatch([.. Enumerable.Range(0, Limits.MaxRecentHeads + 1).Select(i => Headed(i, (100 * round) + i))]);
            store.AppendBatch([Headed(Limits.MaxHeadBytes, 500), Headed(Limits.MaxHeadBytes, 501)]);
            Assert.True(store.FoldWal());
        }
        Assert.Equal(0, _folder.Count("SELECT count(*) FROM heads"));
    }

    [Fact]
    public void Attack22_AHeadOfAnyLength_IsNotReadIntoMemory_ForEachEntryThatNamesIt()
    {
        using (var store = _folder.Open())
            store.AppendBatch([.. Enumerable.Range(0, 100).Select(i => Headed(1, i))]);
        _folder.Tamper("UPDATE heads SET head = zeroblob(4000000)");
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Equal(1, Assert.Throws<LedgerIntegrityException>(() => _folder.Open(LedgerOpenMode.ReadOnly).Dispose()).Index);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1_000_000);
    }

    [Fact]
    public void FullBatch_ThatWasNotTaken_LeavesNoHeadBehind_ThatALaterOneRefersTo()
    {
        using var disk = SmallDisk.MountOrSkip(1024);
        var path = System.IO.Path.Combine(disk.Dir, "ledger.db");
        using (var store = LedgerStore.Open(path, LedgerOpenMode.ReadWrite))
        {
            store.AppendBatch([Headed(1, 0)]);
            var filler = disk.Fill();
            Assert.Throws<LedgerFullException>(() => store.AppendBatch([.. Enumerable.Range(1, 200).Select(i => Headed(1, i))]));
            File.Delete(filler);
            for (var i = 1; i < 4; i++)
                store.AppendBatch([Headed(1, i)]);
        }
        using var again = LedgerStore.Open(path, LedgerOpenMode.ReadOnly);
        Assert.Equal(Enumerable.Range(0, 4).Select(i => Headed(1, i).Leaf.ToArray()), again.ReadFrom(0).Select(row => row.Leaf));
        for (var i = 0; i < 4; i++)
            Assert.Equal(i, again.Find(Key(i)));
    }

    [Fact]
    public void Nonces_OfBatchesSingleEntriesAndManySeconds_AreFoundWithTheirEntries()
    {
        var random = new Random(7);
        var keys = Enumerable.Range(0, 400).Select(i => i % 17 == 0 ? default(ReplayKey?) : new ReplayKey(1 + (i / 150) + random.Next(2), Nonce(i))).ToList();
        using (var store = _folder.Open())
        {
            for (int at = 0, count; at < keys.Count; at += count)
            {
                count = Math.Min(random.Next(4) switch { 0 => 1, 1 => 2, 2 => 70, _ => 5 }, keys.Count - at);
                store.AppendBatch([.. Enumerable.Range(at, count).Select(i => new NewEntry(BitConverter.GetBytes(i), keys[i]))]);
            }
        }
        using var again = _folder.Open(LedgerOpenMode.ReadOnly);
        var expected = keys.Select((key, index) => (Key: key, Index: (long)index)).Where(pair => pair.Key is not null)
            .Select(pair => (pair.Key!.Value, pair.Index)).OrderBy(pair => pair.Value.TimestampSeconds).ThenBy(pair => pair.Index).ToList();
        var read = new List<(ReplayKey, long)>();
        Assert.True(again.TryReadKeys(0, 10, expected.Count, (key, index) => read.Add((key, index))));
        Assert.Equal(expected, read);
        Assert.False(again.TryReadKeys(0, 10, expected.Count - 1, (_, _) => { }));
        foreach (var (key, index) in expected)
            Assert.Equal(index, again.Find(key));
    }

    private static NewEntry Headed(int head, int i)
    {
        var bytes = Encoding.UTF8.GetBytes($"{new string('h', 50 + head)}-{i}");
        return new NewEntry(bytes, Key(i), null, 50 + head);
    }

    private static Nonce Nonce(int i) => new((UInt128)i);

    private static ReplayKey Key(int i) => new(1, Nonce(i));

    private static NewEntry Entry(int i) => new(Encoding.UTF8.GetBytes($"leaf {i}"), Key(i));
}
