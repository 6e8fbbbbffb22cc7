using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Ledger;
using Xunit;

namespace Qwamos.ControlBus.Tests.Ledger;

public sealed class FullDiskTests
{
    [Fact]
    public void Attack29_AFullDisk_RefusesTheBatchWhole_AndServiceResumesWhenSpaceReturns()
    {
        using var disk = SmallDisk.MountOrSkip(512);
        using var store = LedgerStore.Open(Path.Combine(disk.Dir, "ledger.db"), LedgerOpenMode.ReadWrite);
        var next = 0;
        store.AppendBatch([Entry(next++)]);
        var filler = disk.Fill();
        var root = store.Tree().Root();
        for (var attempt = 0; attempt < 3; attempt++)
        {
            Assert.Throws<LedgerFullException>(() => store.AppendBatch([.. Enumerable.Range(next, 200).Select(Entry)]));
            Assert.Equal(root, store.Tree().Root());
            Assert.Equal(next, store.ReadFrom(0).Count());
            Assert.Null(store.FindNonce(Nonce(next)));
        }
        Assert.Throws<LedgerFullException>(() => store.SaveSnapshot(new LedgerSnapshot(0, [], new byte[100_000])));

        File.Delete(filler);
        Assert.Equal(next, store.AppendBatch([Entry(next)]));
        Assert.Equal(next + 1, store.ReadFrom(0).Count());
        Assert.True(store.FoldWal());
        using var again = LedgerStore.Open(Path.Combine(disk.Dir, "ledger.db"), LedgerOpenMode.ReadOnly);
        Assert.Equal(store.Tree().Root(), again.Tree().Root());
    }

    [Fact]
    public void Attack29_ACheckpointOnAFullDisk_LosesNothing()
    {
        using var disk = SmallDisk.MountOrSkip(1024);
        var path = Path.Combine(disk.Dir, "ledger.db");
        using (var store = LedgerStore.Open(path, LedgerOpenMode.ReadWrite))
        {
            store.AppendBatch([.. Enumerable.Range(0, 100).Select(Entry)]);
            var filler = disk.Fill();
            Assert.False(store.Checkpoint());
            Assert.False(store.FoldWal());
            Assert.Equal(100, store.ReadFrom(0).Count());
            File.Delete(filler);
            Assert.True(store.FoldWal());
        }
        using var again = LedgerStore.Open(path, LedgerOpenMode.ReadWrite);
        Assert.Equal(100, again.ReadFrom(0).Count());
    }

    [Fact]
    public void Attack29_AFullDiskAtTheFirstStart_LeavesAFileThatTheNextStartFinishes()
    {
        using var disk = SmallDisk.MountOrSkip(256);
        var path = Path.Combine(disk.Dir, "ledger.db");
        var filler = disk.Fill();
        Assert.ThrowsAny<IOException>(() => LedgerStore.Open(path, LedgerOpenMode.ReadWrite));
        File.Delete(filler);
        using var store = LedgerStore.Open(path, LedgerOpenMode.ReadWrite);
        Assert.Equal(0, store.AppendBatch([new NewEntry("x"u8.ToArray())]));
    }

    [Fact]
    public void Attack29_AFullDiskAtALaterStart_IsSaidToBeFull_AndTheNextStartGoesOn()
    {
        using var disk = SmallDisk.MountOrSkip(512);
        var path = Path.Combine(disk.Dir, "ledger.db");
        using (var store = LedgerStore.Open(path, LedgerOpenMode.ReadWrite))
            store.AppendBatch([Entry(0)]);
        File.Delete(path + "-shm");
        var filler = disk.Fill();
        var refusal = Assert.Throws<LedgerFullException>(() => LedgerStore.Open(path, LedgerOpenMode.ReadWrite));
        Assert.Contains("the disk is full; free space on the file system of " + disk.Dir, refusal.Message, StringComparison.Ordinal);
        File.Delete(filler);
        using var again = LedgerStore.Open(path, LedgerOpenMode.ReadWrite);
        Assert.Equal(1, again.Size);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Boot_OnAFullOrReadOnlyDisk_ReadsACopyWithTheWal(bool readOnly)
    {
        using var disk = SmallDisk.MountOrSkip(1024);
        using var run = new LedgerFolder();
        var path = Path.Combine(disk.Dir, "ledger.db");
        using (var store = LedgerStore.Open(path, LedgerOpenMode.ReadWrite))
        {
            store.AppendBatch([.. Enumerable.Range(0, 10).Select(Entry)]);
        }
        File.Delete(path + "-shm");
        if (readOnly)
            disk.RemountReadOnly();
        else
            disk.Fill();
        using (var boot = LedgerCopy.OpenForBoot(path, run.Dir))
        {
            Assert.Equal(10, boot.ReadFrom(0).Count());
            Assert.NotEqual(path, boot.Path);
            var folder = Path.GetDirectoryName(boot.Path)!;
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(folder));
        }
        Assert.Empty(Directory.GetFileSystemEntries(run.Dir));
    }

    [Fact]
    public void Boot_WhenNeitherTheLedgerNorACopyCanBeOpened_SaysBoth()
    {
        using var disk = SmallDisk.MountOrSkip(1024);
        using var run = SmallDisk.MountOrSkip(16);
        var path = Path.Combine(disk.Dir, "ledger.db");
        using (var store = LedgerStore.Open(path, LedgerOpenMode.ReadWrite))
            store.AppendBatch([.. Enumerable.Range(0, 10).Select(Entry)]);
        File.Delete(path + "-shm");
        disk.RemountReadOnly();
        var refusal = Assert.Throws<LedgerFormatException>(() => LedgerCopy.OpenForBoot(path, run.Dir));
        Assert.Contains("has room for", refusal.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(run.Dir));
    }

    private static Nonce Nonce(int i) => new((UInt128)i);

    private static NewEntry Entry(int i) => new(new byte[1500], new ReplayKey(1, Nonce(i)));
}
