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
        // The nonce's index is the last guard against a replay that everything before it missed.
        Assert.Throws<LedgerBrokenException>(() => store.AppendBatch([Entry(1), Entry(0)]));
        Assert.Throws<LedgerBrokenException>(() => store.AppendBatch([Entry(2)]));
        Assert.Throws<LedgerBrokenException>(() => store.Read(0));
        using var crashed = _folder.CopyAsAfterACrash();
        using var again = crashed.Open();
        Assert.Equal(root, again.Tree().Root());
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
        _folder.Tamper("PRAGMA user_version=4");
        var refusal = Assert.Throws<LedgerFormatException>(() => _folder.Open());
        Assert.Contains("format version 4", refusal.Message, StringComparison.Ordinal);
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
    [InlineData("UPDATE entries SET leaf_hash = zeroblob(32) WHERE idx = 2", 2)]
    [InlineData("UPDATE entries SET leaf_hash = x'00' WHERE idx = 0", 0)]
    [InlineData("DELETE FROM entries WHERE idx = 1", 1)]
    [InlineData("DELETE FROM entries WHERE idx >= 2", 2)]
    [InlineData("INSERT INTO entries SELECT 3, leaf_hash, NULL, leaf FROM entries WHERE idx = 2", 3)]
    [InlineData("UPDATE entries SET idx = -1 WHERE idx = 0", 0)]
    [InlineData("UPDATE entries SET leaf = x'00' WHERE idx = 2; UPDATE entries SET leaf = x'00' WHERE idx = 1", 1)]
    [InlineData("UPDATE entries SET leaf_hash = (SELECT leaf_hash FROM entries WHERE idx = 0), leaf = (SELECT leaf FROM entries WHERE idx = 0) WHERE idx = 2", 2)]
    [InlineData("UPDATE hashes SET hash = zeroblob(32) WHERE id = 0", 0)]
    [InlineData("UPDATE hashes SET hash = x'00' WHERE id = 0", 0)]
    [InlineData("UPDATE tree SET root = zeroblob(32)", 2)]
    public void Attack30_AnAlteredEntry_IsFoundAndNamed(string sql, long index)
    {
        using (var store = _folder.Open())
            store.AppendBatch([Entry(0), Entry(1), Entry(2)]);
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
    [InlineData("DROP INDEX entries_replay_key")]
    [InlineData("DROP INDEX entries_replay_key; CREATE INDEX entries_replay_key ON entries(replay_key) WHERE replay_key IS NOT NULL")]
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

    private static Nonce Nonce(int i) => new((UInt128)i);

    private static ReplayKey Key(int i) => new(1, Nonce(i));

    private static NewEntry Entry(int i) => new(Encoding.UTF8.GetBytes($"leaf {i}"), Key(i));
}
