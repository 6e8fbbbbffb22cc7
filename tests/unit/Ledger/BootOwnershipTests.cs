using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Ledger;
using Xunit;

namespace Qwamos.ControlBus.Tests.Ledger;

public sealed class BootOwnershipTests
{
    private const uint Nobody = 65534;

    // Root reads the ledger before the daemon starts: what SQLite makes beside it meanwhile must stay the daemon's to write.
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void AfterRootsReading_EveryFileIsStillTheDaemons(bool cleanStop)
    {
        if (!Posix.IsRoot)
            Assert.Skip("giving a file away needs root: run as root to see whose files root's reading leaves");
        using var folder = new LedgerFolder();
        using (var store = folder.Open())
        {
            store.AppendBatch([new NewEntry("x"u8.ToArray())]);
            if (cleanStop)
                Assert.True(store.FoldWal());
        }
        foreach (var file in Directory.GetFiles(folder.Dir))
            Posix.ChangeOwner(file, Nobody, Nobody);
        if (!cleanStop)
            File.Delete(folder.File + "-shm");

        using (var boot = LedgerCopy.OpenForBoot(folder.File, folder.Dir))
        {
            Assert.Equal(1, boot.Size);
            Assert.Equal(folder.File, boot.Path);
            AssertAllAreNobodys(folder.Dir);
        }
        AssertAllAreNobodys(folder.Dir);
    }

    private static void AssertAllAreNobodys(string dir)
    {
        foreach (var file in Directory.GetFiles(dir))
        {
            var stat = Posix.Stat(file);
            Assert.Equal((file, Nobody, Nobody), (file, stat.Uid, stat.Gid));
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, stat.Mode);
        }
    }
}
