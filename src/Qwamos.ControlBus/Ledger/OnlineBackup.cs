using System.Security.Cryptography;
using Microsoft.Data.Sqlite;
using Qwamos.ControlBus.Files;
using SQLitePCL;

namespace Qwamos.ControlBus.Ledger;

/// <summary>
/// A backup of a ledger that goes on being written. A reader of its own sees the ledger in one state, which holds every entry that was durable
/// when it began: the writer neither waits for it nor makes it begin anew. Until it has read all of that state the write-ahead log
/// cannot be folded in wholly, so it grows by what is written meanwhile.
/// </summary>
public sealed class OnlineBackup : IDisposable
{
    private readonly LedgerStore _source;

    private OnlineBackup(LedgerStore source)
    {
        _source = source;
        Tree = source.Tree();
    }

    /// <summary>The tree over the entries that are copied.</summary>
    public MerkleTree Tree { get; }

    /// <summary>Fixes the state that is copied.</summary>
    /// <exception cref="IOException">The ledger cannot be read.</exception>
    public static OnlineBackup Begin(string ledgerFile) => new(LedgerStore.Open(ledgerFile, LedgerOpenMode.ReadOnly));

    /// <summary>Writes the copy, 0600: it gets its name when it is whole, read back, verified and durable. Whatever goes wrong leaves nothing behind.</summary>
    /// <param name="folder">Made, 0700, when it is missing.</param>
    /// <param name="name">A name that is free there.</param>
    /// <param name="progress">Is told how many pages are done, and of how many.</param>
    /// <param name="stop">Gives it up.</param>
    /// <exception cref="LedgerFullException">There is no room for it.</exception>
    /// <exception cref="IOException">It could not be written, or what was written is not the ledger.</exception>
    /// <exception cref="OperationCanceledException">It was given up.</exception>
    public BackupFile Write(string folder, string name, Action<long, long>? progress, CancellationToken stop)
    {
        var temporary = TemporaryOf(folder, name);
        try
        {
            DurableFile.MakeDirectory(folder, LedgerBackup.FolderMode);
            LedgerBackup.RemoveTemporary(temporary);
            _source.CopyTo(temporary, progress, stop);
            // From here on the writer's log can be folded in again.
            _source.Dispose();
            LedgerBackup.Verify(temporary, Tree, stop);
            DurableFile.SyncFile(temporary);
            var (bytes, hash) = Measure(temporary);
            DurableFile.Rename(temporary, name);
            return new BackupFile(Path.Combine(folder, name), bytes, hash);
        }
        catch (SqliteException e) when (e.SqliteErrorCode == raw.SQLITE_FULL || LedgerDatabase.HasNoRoom(temporary))
        {
            throw new LedgerFullException($"{folder} has no room for a backup", e);
        }
        catch (PosixException e) when (e.IsFull)
        {
            throw new LedgerFullException($"{folder} has no room for a backup", e);
        }
        catch (SqliteException e)
        {
            throw new LedgerFormatException($"{temporary} cannot be written: {e.Message}", e);
        }
        finally
        {
            LedgerBackup.RemoveTemporary(temporary);
        }
    }

    /// <summary>Removes what a backup of that name left when its program was killed.</summary>
    public static void RemoveLeftover(string folder, string name) => LedgerBackup.RemoveTemporary(TemporaryOf(folder, name));

    /// <inheritdoc/>
    public void Dispose() => _source.Dispose();

    private static string TemporaryOf(string folder, string name) => Path.Combine(folder, $".{name}.tmp");

    private static (long Bytes, string Hash) Measure(string path)
    {
        using var file = File.OpenRead(path);
        return (file.Length, Convert.ToHexStringLower(SHA256.HashData(file)));
    }
}
