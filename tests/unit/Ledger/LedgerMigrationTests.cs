using Microsoft.Data.Sqlite;
using Qwamos.ControlBus.Ledger;
using Xunit;

namespace Qwamos.ControlBus.Tests.Ledger;

public abstract class LedgerMigrationTests : IDisposable
{
    private readonly LedgerFolder _present = new();
    private readonly LedgerFolder _old;
    private readonly int _format;
    private readonly string _state;
    private readonly byte[] _root;

    protected LedgerMigrationTests(int format)
    {
        _format = format;
        using (var store = _present.Open())
        {
            var history = new History(store);
            for (var i = 0; i < 300; i++)
                history.Set("RADIO_ISOLATION", i % 2 == 0 ? "off" : "on");
            history.Snapshot();
            history.Set("DURESS.gesture", "triple-power");
            history.Set("KERNEL_HARDENING", "strict");
            store.SaveDelivery("gateway", new DeliveryPlace(3, new Dictionary<string, long>()));
            _state = history.State.ToJson().ToString();
        }
        _old = EarlierLedger.Of(_present, format, out _root);
    }

    private string NonceColumn => _format == 3 ? "replay_key" : "nonce";

    private string Backup => Path.Combine(_old.Dir, "backups", $"ledger.db.format-{_format}");

    public void Dispose()
    {
        _old.Dispose();
        _present.Dispose();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public void OldLedger_IsMigratedAfterABackup_AndHoldsWhatItHeld()
    {
        using (var store = _old.Open())
            AssertWhole(store);
        using var again = _old.Open(LedgerOpenMode.ReadOnly);
        AssertWhole(again);
        new LedgerChecker(again).Check();
        Assert.Equal(Backup, Assert.Single(Directory.GetFileSystemEntries(Path.GetDirectoryName(Backup)!)));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Backup));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(Path.GetDirectoryName(Backup)!));
        Assert.Equal(_format, Query(Backup, "PRAGMA user_version"));
        Assert.Equal(302, Query(Backup, "SELECT count(*) FROM entries"));
        Assert.Equal(1, Query(Backup, "SELECT count(*) FROM confidential"));
    }

    [Fact]
    public void Backup_PutBack_IsMigratedAgain_WithoutASecondBackup()
    {
        _old.Open().Dispose();
        var first = File.ReadAllBytes(Backup);
        foreach (var file in Directory.GetFiles(_old.Dir))
            File.Delete(file);
        File.Copy(Backup, _old.File);
        using (var store = _old.Open())
            AssertWhole(store);
        Assert.Equal(first, File.ReadAllBytes(Backup));
        Assert.Single(Directory.GetFileSystemEntries(Path.GetDirectoryName(Backup)!));
    }

    [Theory]
    [InlineData("")]
    [InlineData("not a database, though long enough to be looked at")]
    public void AnotherFileWithTheBackupsName_IsLeftAlone(string content)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Backup)!);
        File.WriteAllText(Backup, content);
        _old.Open().Dispose();
        Assert.Equal(content, File.ReadAllText(Backup));
        Assert.Equal(302, Query(Backup + ".2", "SELECT count(*) FROM entries"));
    }

    [Fact]
    public void EmptyOldLedger_IsMigrated()
    {
        using var nothing = new LedgerFolder();
        using var old = EarlierLedger.Of(nothing, _format, out _);
        using var store = old.Open();
        Assert.Equal(0, store.Size);
        Assert.Equal(0, store.AppendBatch([new NewEntry("x"u8.ToArray())]));
    }

    [Fact]
    public void Reader_DoesNotMigrate_AndTheBootReadsAMigratedCopy()
    {
        var refusal = Assert.Throws<LedgerFormatException>(() => _old.Open(LedgerOpenMode.ReadOnly));
        Assert.Contains($"format version {_format}", refusal.Message, StringComparison.Ordinal);
        using var run = new LedgerFolder();
        using (var boot = LedgerCopy.OpenForBoot(_old.File, run.Dir))
        {
            AssertWhole(boot);
            // It is memory that the copy takes: no backup of a copy.
            Assert.DoesNotContain(Directory.EnumerateFileSystemEntries(run.Dir, "*", SearchOption.AllDirectories), path => path.Contains("backups", StringComparison.Ordinal));
        }
        Assert.Empty(Directory.GetFileSystemEntries(run.Dir));
        Assert.Equal(_format, Query(_old.File, "PRAGMA user_version"));
        Assert.False(Directory.Exists(Path.GetDirectoryName(Backup)));
    }

    [Fact]
    public void Attack22_TheBootCopiesNoOldLedger_ThatWouldFillMemoryOnceItIsMigrated()
    {
        using (var file = File.OpenWrite(_old.File))
            file.SetLength(400L << 20);
        using var run = new LedgerFolder();
        var refusal = Assert.Throws<LedgerFormatException>(() => LedgerCopy.OpenForBoot(_old.File, run.Dir));
        Assert.Contains("start qwamosd, which migrates it", refusal.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(run.Dir));
    }

    [Fact]
    public void WhatAKilledBootLeft_IsRemoved_AndNothingElse()
    {
        using var run = new LedgerFolder();
        string[] kept = ["qwamos-boot-x", "qwamos-boot-0123456789abcdef0", "qwamos", "qwamos-boot-0123456789ABCDEF"];
        foreach (var name in (string[])["qwamos-boot-0123456789abcdef", .. kept])
            File.WriteAllText(Path.Combine(Directory.CreateDirectory(Path.Combine(run.Dir, name)).FullName, "ledger.db"), "half");
        var link = Path.Combine(run.Dir, "qwamos-boot-fedcba9876543210");
        Directory.CreateSymbolicLink(link, Path.Combine(run.Dir, "qwamos"));
        LedgerCopy.RemoveLeftovers(run.Dir);
        Assert.Equal([.. kept.Append(Path.GetFileName(link)).Order(StringComparer.Ordinal)], Directory.GetDirectories(run.Dir).Select(path => Path.GetFileName(path)!).Order(StringComparer.Ordinal));
        Assert.True(File.Exists(Path.Combine(run.Dir, "qwamos", "ledger.db")));
    }

    [Theory]
    [InlineData("UPDATE entries SET leaf = x'00' WHERE idx = 5")]
    [InlineData("UPDATE entries SET leaf_hash = zeroblob(32) WHERE idx = 5")]
    [InlineData("UPDATE entries SET leaf_hash = x'00' WHERE idx = 301")]
    [InlineData("DELETE FROM entries WHERE idx = 301")]
    [InlineData("DELETE FROM entries WHERE idx = 7")]
    [InlineData("INSERT INTO entries SELECT 302, leaf_hash, NULL, leaf FROM entries WHERE idx = 2")]
    [InlineData("UPDATE tree SET size = 301")]
    [InlineData("DELETE FROM tree")]
    public void Attack30_ADamagedOldLedger_IsNotMigrated_AndLeftAsItIs(string sql) => AssertNotMigrated(sql);

    [Theory]
    [InlineData("UPDATE entries SET NONCE = zeroblob(16) WHERE idx = 5")]
    [InlineData("UPDATE entries SET NONCE = NULL WHERE idx = 5")]
    [InlineData("DELETE FROM confidential")]
    public void Attack30_EntriesThatAreNotTheirEnvelopes_AreNotMigrated_AndTheBackupIsKept(string sql) =>
        AssertRefusedAfterTheBackup(sql.Replace("NONCE", NonceColumn, StringComparison.Ordinal));

    private protected void AssertRefusedAfterTheBackup(string sql)
    {
        _old.Tamper(sql);
        Assert.Throws<LedgerIntegrityException>(() => _old.Open());
        Assert.Equal(_format, Query(_old.File, "PRAGMA user_version"));
        Assert.Equal(302, Query(_old.File, $"SELECT count(*) FROM entries WHERE {NonceColumn} IS NULL OR length({NonceColumn}) > 0"));
        Assert.Equal(302, Query(Backup, "SELECT count(*) FROM entries"));
    }

    private protected LedgerFolder Present => _present;

    private protected void AssertNotMigrated(string sql)
    {
        _old.Tamper(sql);
        Assert.Throws<LedgerIntegrityException>(() => _old.Open());
        Assert.Equal(_format, Query(_old.File, "PRAGMA user_version"));
        Assert.False(File.Exists(Backup));
        Assert.Equal(0, Query(_old.File, "SELECT count(*) FROM pragma_table_info('entries') WHERE name = 'head'"));
    }

    [Fact]
    public void Attack27_ALinkInTheBackupsPlace_IsNotFollowed()
    {
        var elsewhere = Directory.CreateDirectory(Path.Combine(_old.Dir, "elsewhere")).FullName;
        File.CreateSymbolicLink(Path.GetDirectoryName(Backup)!, elsewhere);
        Assert.ThrowsAny<IOException>(() => _old.Open());
        Assert.Empty(Directory.GetFileSystemEntries(elsewhere));
        Assert.Equal(_format, Query(_old.File, "PRAGMA user_version"));
    }

    [Fact]
    public void Attack29_WhatAnInterruptedBackupLeft_IsNotInTheWay()
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Backup)!);
        File.WriteAllText(Path.Combine(Path.GetDirectoryName(Backup)!, $".ledger.db.format-{_format}.tmp"), "half");
        using (var store = _old.Open())
            AssertWhole(store);
        Assert.Equal(Backup, Assert.Single(Directory.GetFileSystemEntries(Path.GetDirectoryName(Backup)!)));
    }

    [Fact]
    public void Attack29_AFullDisk_LeavesTheOldLedger_WhichTheNextStartMigrates()
    {
        using var disk = SmallDisk.MountOrSkip(1024);
        var path = Path.Combine(disk.Dir, "ledger.db");
        File.Copy(_old.File, path);
        var filler = disk.Fill();
        Assert.ThrowsAny<IOException>(() => LedgerStore.Open(path, LedgerOpenMode.ReadWrite));
        File.Delete(filler);
        using var store = LedgerStore.Open(path, LedgerOpenMode.ReadWrite);
        AssertWhole(store);
    }

    private protected void AssertWhole(LedgerStore store)
    {
        Assert.Equal(_root, store.Tree().Root());
        Assert.Equal(302, store.Size);
        Assert.Equal(_state, LedgerFold.Load(store).State.ToJson().ToString());
        Assert.Equal(_state, LedgerFold.Load(store, useSnapshot: false).State.ToJson().ToString());
        Assert.Equal(3, store.ReadDeliveries()["gateway"].Taken);
        Assert.Empty(store.ReadDeliveries()["gateway"].Missed);
    }

    private static long Query(string path, string sql)
    {
        using var connection = new SqliteConnection($"Data Source={path};Pooling=False");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        return (long)command.ExecuteScalar()!;
    }
}
