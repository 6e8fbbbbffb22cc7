using Microsoft.Data.Sqlite;
using Qwamos.ControlBus.Files;

namespace Qwamos.ControlBus.Ledger;

/// <summary>Copies a ledger into the folder backups beside it: whole, read back and verified before it gets its name, and durable.</summary>
internal static class LedgerBackup
{
    private const string FolderName = "backups";
    private const int MaxOfOneName = 100;
    internal const UnixFileMode FolderMode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    private const UnixFileMode FileMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>Makes the copy, 0600; gives its path. A name that is taken gets a number; a sound copy of the same entries is not made twice.</summary>
    /// <param name="database">The ledger; its whole content, the WAL's too, is copied.</param>
    /// <param name="name">The copy's file name.</param>
    /// <param name="expected">The tree that the copy's entries must make.</param>
    /// <exception cref="LedgerIntegrityException">The copy's entries, each hashed again, do not make that tree.</exception>
    /// <exception cref="LedgerFullException">There is no room for it.</exception>
    public static string Make(LedgerDatabase database, string name, MerkleTree expected)
    {
        var folder = Path.Combine(Path.GetDirectoryName(database.Path)!, FolderName);
        var temporary = Path.Combine(folder, $".{name}.tmp");
        try
        {
            DurableFile.MakeDirectory(folder, FolderMode);
            RemoveTemporary(temporary);
            if (FindSame(folder, name, expected) is { } same)
                return same;
            Copy(database, temporary);
            Verify(temporary, expected);
            DurableFile.SyncFile(temporary);
            return GiveName(folder, temporary, name);
        }
        catch (PosixException e)
        {
            throw new LedgerFormatException($"{database.Path} cannot be backed up: {e.Message}", e);
        }
        finally
        {
            RemoveTemporary(temporary);
        }
    }

    /// <summary>Copies the ledger to a new file, 0600, that is not durable yet.</summary>
    internal static void Copy(LedgerDatabase database, string temporary, Action<long, long>? progress = null, CancellationToken stop = default)
    {
        if (!DurableFile.CreateNew(temporary, [], FileMode))
            throw new LedgerFormatException($"{temporary} is in the way of a backup: look at it and remove it.");
        database.CopyTo(temporary, progress, stop);
    }

    /// <summary>A copy that an interrupted attempt left complete: without this, attempts on a full disk would fill it further.</summary>
    private static string? FindSame(string folder, string name, MerkleTree expected)
    {
        foreach (var path in Names(name).Select(each => Path.Combine(folder, each)).TakeWhile(each => Posix.Exists(each)))
        {
            try
            {
                if (Posix.Stat(path).Kind == FileKind.Regular)
                {
                    Verify(path, expected);
                    DurableFile.SyncFile(path);
                    return path;
                }
            }
            catch (Exception e) when (e is LedgerIntegrityException or SqliteException or InvalidOperationException or InvalidCastException)
            {
                // Another ledger's, or damaged: it is left alone, and another name is taken.
            }
        }
        return null;
    }

    private static IEnumerable<string> Names(string name) => Enumerable.Range(1, MaxOfOneName).Select(number => number == 1 ? name : $"{name}.{number}");

    /// <summary>Reads a copy: its structure, and that its entries, each hashed again, make the expected tree.</summary>
    internal static void Verify(string path, MerkleTree expected, CancellationToken stop = default)
    {
        using var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = path, Mode = SqliteOpenMode.ReadOnly, Pooling = false }.ToString());
        connection.Open();
        using var check = connection.CreateCommand();
        check.CommandText = "PRAGMA integrity_check(1)";
        if (check.ExecuteScalar() is not "ok")
            throw new LedgerIntegrityException($"The backup {path} is damaged: SQLite finds errors in it.");
        check.CommandText = "PRAGMA user_version";
        var isWhole = check.ExecuteScalar() is < (long)LedgerTables.FormatVersion;
        var tree = new MerkleTree();
        using var select = connection.CreateCommand();
        select.CommandText = isWhole
            ? "SELECT idx, substr(leaf_hash, 1, 8), NULL, leaf, 1, leaf_hash FROM entries ORDER BY idx"
            : $"SELECT {LedgerStatements.EntryColumns} FROM entries ORDER BY idx";
        using var reader = select.ExecuteReader();
        while (reader.Read())
        {
            stop.ThrowIfCancellationRequested();
            var entry = LedgerStatements.ReadEntry(reader);
            if (entry.Index != tree.Size)
                break;
            if (!entry.TryCheck(out var hash) || (isWhole && !reader.GetFieldValue<byte[]>(5).AsSpan().SequenceEqual(hash)))
                throw new LedgerIntegrityException($"Entry {tree.Size} is not what was recorded: its bytes do not have its hash. The ledger is not backed up.", tree.Size);
            tree.Append(hash);
        }
        if (tree.Size != expected.Size)
            throw new LedgerIntegrityException($"Entry {tree.Size} is missing: the ledger is not backed up, for its tree has {expected.Size}.", tree.Size);
        if (MerkleTree.FirstDifference(tree, expected) is var (from, to))
            throw new LedgerIntegrityException($"Among the entries {from} to {to - 1} is one whose bytes do not have the hash in the ledger's tree: it is not backed up.", from);
    }

    private static string GiveName(string folder, string temporary, string name)
    {
        foreach (var free in Names(name))
        {
            var path = Path.Combine(folder, free);
            if (Posix.Exists(path))
                continue;
            DurableFile.Rename(temporary, free);
            return path;
        }
        throw new LedgerFormatException($"{folder} holds {MaxOfOneName} backups named {name} already: remove some.");
    }

    /// <summary>Removes what an attempt left under its temporary name.</summary>
    internal static void RemoveTemporary(string temporary)
    {
        foreach (var file in (string[])[temporary, temporary + "-journal", temporary + "-wal", temporary + "-shm"])
        {
            if (Posix.Exists(file))
                DurableFile.Remove(file);
        }
    }
}
