using Microsoft.Data.Sqlite;
using Microsoft.Win32.SafeHandles;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Keys;

namespace Qwamos.ControlBus.Ledger;

/// <summary>
/// Opens a ledger for the boot (DESIGN section 6): read-only, and where SQLite cannot make its -shm (a full or read-only disk) from a copy in
/// a private folder. Never <c>immutable</c>: that ignores the WAL, and after a crash the WAL holds what was acknowledged last.
/// </summary>
public static class LedgerCopy
{
    private const int ChunkBytes = 1 << 20;
    private const string FolderPrefix = "qwamos-boot-";
    private const int FolderNameHexDigits = 16;

    /// <summary>/run is memory that every other program of the machine needs, too.</summary>
    private const long ReserveBytes = 8L << 20;

    /// <summary>A migrated copy, and its log: the old rows, the new ones, and what both indices take.</summary>
    private const int MigrationFactor = 3;

    private const UnixFileMode FolderMode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    /// <summary>Opens the ledger read-only, itself or a copy under <paramref name="scratchParent"/> (<c>/run</c>) that goes when the store is closed.</summary>
    /// <exception cref="LedgerFormatException">It is not a ledger, or neither it nor a copy can be opened.</exception>
    /// <exception cref="LedgerIntegrityException">It is damaged.</exception>
    public static LedgerStore OpenForBoot(string path, string scratchParent)
    {
        try
        {
            return LedgerStore.Open(path, LedgerOpenMode.ReadOnly);
        }
        catch (LedgerFormatException e) when (e.InnerException is SqliteException { SqliteErrorCode: not SQLitePCL.raw.SQLITE_NOTADB })
        {
            return OpenCopy(path, scratchParent, e);
        }
        catch (LedgerFormatException e) when (e.IsOlder)
        {
            // The first boot after an upgrade comes before the daemon's first start, which migrates: a copy is migrated and read.
            return OpenCopy(path, scratchParent, e, migrate: true);
        }
        catch (LedgerFullException e)
        {
            return OpenCopy(path, scratchParent, e);
        }
    }

    /// <summary>Removes the folders that earlier runs left when they were killed.</summary>
    /// <exception cref="IOException">One cannot be removed.</exception>
    public static void RemoveLeftovers(string scratchParent)
    {
        if (!Directory.Exists(scratchParent))
            return;
        foreach (var folder in Directory.EnumerateDirectories(scratchParent, FolderPrefix + "*"))
        {
            var digits = Path.GetFileName(folder)[FolderPrefix.Length..];
            var stat = Posix.Stat(folder);
            if (digits.Length == FolderNameHexDigits && digits.All(char.IsAsciiHexDigitLower) && stat.Kind == FileKind.Directory && stat.Uid == Posix.EffectiveUid)
                Directory.Delete(folder, recursive: true);
        }
    }

    private static LedgerStore OpenCopy(string path, string scratchParent, Exception why, bool migrate = false)
    {
        var folder = Path.Combine(scratchParent, FolderPrefix + Primitives.RandomHex(FolderNameHexDigits));
        try
        {
            CheckRoom(path, scratchParent, migrate);
            if (!DurableFile.MakeDirectory(folder, FolderMode))
                throw new LedgerFormatException($"{folder} exists already.");
            var copy = Path.Combine(folder, Path.GetFileName(path));
            // The file before its WAL: a frame that a checkpoint moves meanwhile is then in both or in the WAL alone.
            CopyFile(path, copy);
            if (!Posix.IsAbsent(path + "-wal"))
                CopyFile(path + "-wal", copy + "-wal");
            if (migrate)
                LedgerDatabase.Open(copy, LedgerOpenMode.ReadWrite, isThrowaway: true).Dispose();
            return LedgerStore.Open(copy, LedgerOpenMode.ReadOnly).Owning(folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            if (Directory.Exists(folder))
                Directory.Delete(folder, recursive: true);
            if (e is LedgerIntegrityException)
                throw;
            throw new LedgerFormatException($"{why.Message} A copy of it could not be opened either: {e.Message}", e);
        }
    }

    private static void CheckRoom(string path, string folder, bool migrate)
    {
        var bytes = ((string[])["", "-wal"]).Sum(suffix => Posix.TryStat(path + suffix, out var stat) ? stat.SizeBytes : 0) * (migrate ? MigrationFactor : 1);
        if (migrate && bytes > Limits.MaxLedgerCopyBytes)
            throw new LedgerFormatException($"A migrated copy of {path} may take {bytes} bytes, more than {Limits.MaxLedgerCopyBytes}: start qwamosd, which migrates it.");
        var free = new DriveInfo(folder).AvailableFreeSpace;
        if (bytes + ReserveBytes > free)
            throw new LedgerFullException($"A copy of {path} may take {bytes} bytes, and {folder} has room for {free}, of which {ReserveBytes} are left to others.");
    }

    private static void CopyFile(string from, string to)
    {
        using var source = OpenPlain(from, out var bytes);
        if (bytes > Limits.MaxLedgerCopyBytes)
            throw new LedgerFormatException($"{from} has {bytes} bytes: more than {Limits.MaxLedgerCopyBytes} are not copied.");
        Copy(source, from, bytes, to);
    }

    /// <summary>Opens a file to be copied, whoever may have made it: no link, no FIFO, no second name.</summary>
    /// <exception cref="IOException">It cannot be opened, or is something else.</exception>
    public static SafeFileHandle OpenPlain(string path, out long bytes)
    {
        var source = Posix.Open(path, Libc.O_RDONLY | Libc.O_NONBLOCK);
        try
        {
            var stat = Posix.Stat(source, path);
            bytes = stat.SizeBytes;
            return stat.Kind == FileKind.Regular && stat.Links == 1
                ? source
                : throw new LedgerFormatException($"{SafeText.ForTerminal(path)} is not a plain file with one name.");
        }
        catch
        {
            source.Dispose();
            throw;
        }
    }

    /// <summary>Copies as many bytes as it had when it was opened to a new file, 0600, which is not durable yet.</summary>
    /// <exception cref="LedgerFullException">There is no room.</exception>
    /// <exception cref="IOException">A call failed, or it became shorter.</exception>
    public static void Copy(SafeFileHandle source, string from, long bytes, string to)
    {
        var folder = Path.GetDirectoryName(to)!;
        var free = new DriveInfo(folder).AvailableFreeSpace;
        if (bytes > free)
            throw new LedgerFullException($"{SafeText.ForTerminal(from)} has {bytes} bytes, and {folder} has room for {free}.");
        using var target = Posix.Open(to, Libc.O_WRONLY | Libc.O_CREAT | Libc.O_EXCL, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        var buffer = new byte[ChunkBytes];
        for (var left = bytes; left > 0;)
        {
            var count = Posix.Read(source, buffer.AsSpan(0, (int)Math.Min(buffer.Length, left)), from);
            if (count == 0)
                throw new LedgerFormatException($"{SafeText.ForTerminal(from)} became shorter while it was copied.");
            Posix.WriteAll(target, buffer.AsSpan(0, count), to);
            left -= count;
        }
    }
}
