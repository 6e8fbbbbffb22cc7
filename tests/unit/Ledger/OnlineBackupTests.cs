using System.Security.Cryptography;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Ledger;
using Xunit;

namespace Qwamos.ControlBus.Tests.Ledger;

public sealed class OnlineBackupTests : IDisposable
{
    private const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private readonly LedgerFolder _folder = new();
    private readonly LedgerStore _store;
    private readonly History _history;

    public OnlineBackupTests()
    {
        _store = _folder.Open();
        _history = new History(_store);
        for (var i = 0; i < 1_700; i++)
            _history.Set("RADIO_ISOLATION", i % 2 == 0 ? "on" : "off");
        _history.Set("DURESS.gesture", "triple-power");
    }

    private string Backups => Path.Combine(_folder.Dir, "backups");

    public void Dispose()
    {
        _store.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void Backup_holds_what_was_durable_when_it_began_whatever_is_written_meanwhile()
    {
        using var backup = OnlineBackup.Begin(_folder.File);
        var size = _store.Size;
        var written = 0;
        var made = backup.Write(Backups, "b.db", (done, all) =>
        {
            // Between two steps: a writer that is never idle, whose log is folded in as far as it goes.
            for (var i = 0; i < 20; i++, written++)
                _history.Set(("RADIO_IDLE_TIMEOUT_MIN", JsonValue.Of(i)));
            _store.Checkpoint();
        }, CancellationToken.None);

        Assert.True(written >= 40, $"only {written} entries were written meanwhile: too few steps");
        Assert.Equal(size, backup.Tree.Size);
        using var copy = LedgerStore.Open(made.Path, LedgerOpenMode.ReadOnly);
        Assert.Equal(size, new LedgerChecker(copy).Check().Tree.Size);
        Assert.Equal(new LedgerTree(_store).RootAt(size), copy.Tree().Root());
        Assert.Equal(Private, File.GetUnixFileMode(made.Path));
        Assert.Equal(LedgerBackup.FolderMode, File.GetUnixFileMode(Backups));
        Assert.Equal((new FileInfo(made.Path).Length, Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(made.Path)))), (made.Bytes, made.Sha256));
        Assert.Equal(made.Path, Assert.Single(Directory.GetFileSystemEntries(Backups)));
        // The reader is gone: all of the log can be folded in again.
        Assert.True(_store.Checkpoint(truncate: true));
    }

    [Fact]
    public void Backup_that_is_given_up_leaves_nothing()
    {
        using var stop = new CancellationTokenSource();
        using var backup = OnlineBackup.Begin(_folder.File);
        Assert.Throws<OperationCanceledException>(() => backup.Write(Backups, "b.db", (_, _) => stop.Cancel(), stop.Token));
        Assert.Empty(Directory.GetFileSystemEntries(Backups));
    }

    [Fact]
    public void Attack29_Disk_that_is_full_is_said_and_nothing_is_left()
    {
        using var disk = SmallDisk.MountOrSkip(64);
        using var backup = OnlineBackup.Begin(_folder.File);
        Assert.Throws<LedgerFullException>(() => backup.Write(Path.Combine(disk.Dir, "backups"), "b.db", null, CancellationToken.None));
        Assert.Empty(Directory.GetFileSystemEntries(Path.Combine(disk.Dir, "backups")));
    }

    [Fact]
    public void Attack27_Links_in_the_place_of_folder_and_file_are_not_followed()
    {
        var elsewhere = Directory.CreateDirectory(Path.Combine(_folder.Dir, "elsewhere")).FullName;
        var victim = Path.Combine(elsewhere, "victim");
        File.WriteAllText(victim, "untouched");
        File.CreateSymbolicLink(Backups, elsewhere);
        using (var backup = OnlineBackup.Begin(_folder.File))
            Assert.ThrowsAny<IOException>(() => backup.Write(Backups, "b.db", null, CancellationToken.None));
        File.Delete(Backups);
        Directory.CreateDirectory(Backups);
        File.CreateSymbolicLink(Path.Combine(Backups, ".b.db.tmp"), victim);
        File.CreateSymbolicLink(Path.Combine(Backups, "b.db"), victim);
        using (var backup = OnlineBackup.Begin(_folder.File))
            Assert.ThrowsAny<IOException>(() => backup.Write(Backups, "b.db", null, CancellationToken.None));
        Assert.Equal("untouched", File.ReadAllText(victim));
        Assert.Equal([victim], Directory.GetFileSystemEntries(elsewhere));
    }

    [Fact]
    public void Attack30_Ledger_whose_entries_are_not_its_trees_is_not_backed_up()
    {
        _store.FoldWal();
        _store.Dispose();
        _folder.Tamper("UPDATE entries SET leaf = x'00' WHERE idx = 5");
        using var backup = OnlineBackup.Begin(_folder.File);
        Assert.Equal(5, Assert.Throws<LedgerIntegrityException>(() => backup.Write(Backups, "b.db", null, CancellationToken.None)).Index);
        Assert.Empty(Directory.GetFileSystemEntries(Backups));
    }
}
