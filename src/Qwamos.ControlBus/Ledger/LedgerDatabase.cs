using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace Qwamos.ControlBus.Ledger;

// One SQLite connection, opened with the settings that the ledger's promises rest on, and the mapping of SQLite's errors to ours:
//   WAL, synchronous=FULL   a commit is one fsync of the WAL, and its error reaches us
//   wal_autocheckpoint=0    SQLite swallows the errors of its automatic checkpoints
//   no checkpoint on close  the same: a close after a failed fsync must not touch the file
//   mmap_size=0             an I/O error of a mapping would be a signal, not an error code
//   limit of a value        a row that says it is long cannot take the memory of whoever reads it
//   cell_size_check, trusted_schema=OFF, defensive   a hostile file is an error, not code

/// <summary>The connection to a ledger's file. Not safe for use from several threads.</summary>
internal sealed class LedgerDatabase : IDisposable
{
    private const int SqliteConfigDefensive = 1010;
    private const int SqliteConfigNoCheckpointOnClose = 1006;
    private const int SqliteStatusCacheWrite = 9;
    private const int SqliteLimitLength = 0;
    private const int BusyTimeoutSeconds = 5;

    // The -shm takes 32 KiB, and the first pages of the WAL a little more.
    private const int MinFreeBytesToOpen = 65_536;

    private readonly string _path;
    private readonly SqliteConnection _connection;
    private readonly List<IDisposable> _prepared = [];
    private SqliteCommand? _begin;
    private PreparedWrite? _commit;
    private bool _broken;

    private LedgerDatabase(string path, SqliteConnection connection)
    {
        _path = path;
        _connection = connection;
    }

    /// <summary>The file's path.</summary>
    public string Path => _path;

    /// <summary>Pages written to the WAL since the last call of <see cref="ResetPagesWritten"/>.</summary>
    public long PagesWritten
    {
        get
        {
            _ = raw.sqlite3_db_status(_connection.Handle, SqliteStatusCacheWrite, out var current, out _, 0);
            return current;
        }
    }

    /// <summary>
    /// Opens the file, which exists. Checks what it is before anything else is asked of it; an older format is migrated when it is opened for
    /// writing. Opened for reading, it shows one state of the file however long it stays open and whoever writes meanwhile.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="mode">For what.</param>
    /// <param name="isThrowaway">It is a copy that nobody keeps: migrated without a backup of it.</param>
    /// <exception cref="LedgerFormatException">It is not a ledger, or a newer one, or cannot be opened.</exception>
    public static LedgerDatabase Open(string path, LedgerOpenMode mode, bool isThrowaway = false)
    {
        SqliteLibrary.Choose();
        var builder = new SqliteConnectionStringBuilder
        {
            DataSource = path,
            Mode = mode == LedgerOpenMode.ReadOnly ? SqliteOpenMode.ReadOnly : SqliteOpenMode.ReadWrite,
            Pooling = false,
            DefaultTimeout = BusyTimeoutSeconds,
        };
        var connection = new SqliteConnection(builder.ToString());
        var database = new LedgerDatabase(path, connection);
        try
        {
            connection.Open();
            _ = raw.sqlite3_limit(connection.Handle, SqliteLimitLength, Limits.MaxLedgerValueBytes);
            _ = raw.sqlite3_db_config(connection.Handle, SqliteConfigDefensive, 1, out _);
            _ = raw.sqlite3_db_config(connection.Handle, SqliteConfigNoCheckpointOnClose, 1, out _);
            database.Execute("PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON; PRAGMA mmap_size=0; PRAGMA temp_store=MEMORY;");
            LedgerTables.CheckFormat(database, mode);
            if (mode == LedgerOpenMode.ReadWrite)
                database.PrepareForWriting(isThrowaway);
            else
                database.Execute("BEGIN");
            return database;
        }
        catch (SqliteException e)
        {
            database.Dispose();
            throw Refusal(path, e);
        }
        catch
        {
            database.Dispose();
            throw;
        }
    }

    /// <summary>An empty database in memory.</summary>
    public static LedgerDatabase OpenEmpty()
    {
        SqliteLibrary.Choose();
        var connection = new SqliteConnection("Data Source=:memory:;Pooling=False");
        connection.Open();
        return new LedgerDatabase(":memory:", connection);
    }

    /// <summary>What an error of opening means.</summary>
    public static IOException Refusal(string path, SqliteException e) => e.SqliteErrorCode switch
    {
        raw.SQLITE_NOTADB => new LedgerFormatException($"{path} is not a ledger: it is not an SQLite database.", e),
        raw.SQLITE_CORRUPT => new LedgerIntegrityException($"{path} is damaged: {e.Message}", null, e),
        raw.SQLITE_FULL => Full(path, e),
        // What SQLite says when it cannot make or lengthen its -wal and -shm.
        raw.SQLITE_IOERR or raw.SQLITE_CANTOPEN when HasNoRoom(path) => Full(path, e),
        _ => new LedgerFormatException($"{path} cannot be opened: {e.Message}", e),
    };

    /// <summary>Prepares a statement that lives as long as the connection; its parameters are named $1, $2, ...</summary>
    public SqliteCommand Prepare(string sql, int parameters = 0)
    {
        var command = _connection.CreateCommand();
        command.CommandText = sql;
        for (var i = 1; i <= parameters; i++)
            command.Parameters.Add(new SqliteParameter("$" + i.ToString(CultureInfo.InvariantCulture), DBNull.Value));
        command.Prepare();
        _prepared.Add(command);
        return command;
    }

    /// <summary>Prepares a statement of the writer's path that gives no rows; it lives as long as the connection, and its parameters are question marks.</summary>
    public PreparedWrite PrepareWrite(string sql)
    {
        var code = raw.sqlite3_prepare_v2(_connection.Handle, sql, out var statement);
        SqliteException.ThrowExceptionForRC(code, _connection.Handle);
        var write = new PreparedWrite(_connection.Handle!, statement);
        _prepared.Add(write);
        return write;
    }

    /// <summary>Runs statements once.</summary>
    public void Execute(string sql)
    {
        using var command = _connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }

    /// <summary>The single integer that a query gives.</summary>
    public long QueryInteger(string sql)
    {
        using var command = _connection.CreateCommand();
        command.CommandText = sql;
        return Convert.ToInt64(command.ExecuteScalar(), CultureInfo.InvariantCulture);
    }

    /// <summary>The texts of a query's only column.</summary>
    public List<string> QueryTexts(string sql)
    {
        using var command = _connection.CreateCommand();
        command.CommandText = sql;
        using var reader = command.ExecuteReader();
        var texts = new List<string>();
        while (reader.Read())
            texts.Add(reader.GetString(0));
        return texts;
    }

    /// <summary>
    /// Copies the whole content, the WAL's too, into an empty file, which is then a database of its own without a WAL. A database opened for
    /// reading is copied in the one state that it shows, so no writer, however busy, makes the copy begin anew.
    /// </summary>
    /// <param name="path">The empty file.</param>
    /// <param name="progress">Is told how many pages are done, and of how many.</param>
    /// <param name="stop">Ends it between two steps.</param>
    /// <exception cref="SqliteException">It failed.</exception>
    /// <exception cref="OperationCanceledException">It was stopped; the file holds a part.</exception>
    public void CopyTo(string path, Action<long, long>? progress = null, CancellationToken stop = default)
    {
        using var target = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = path, Mode = SqliteOpenMode.ReadWrite, Pooling = false }.ToString());
        target.Open();
        using var command = target.CreateCommand();
        // Nobody else opens it: so the log that the copied header asks for needs no shared memory, which a nearly full disk has no room for.
        command.CommandText = "PRAGMA locking_mode=EXCLUSIVE";
        command.ExecuteNonQuery();
        using (var copy = raw.sqlite3_backup_init(target.Handle, "main", _connection.Handle, "main"))
        {
            if (copy.IsInvalid)
                SqliteException.ThrowExceptionForRC(raw.sqlite3_errcode(target.Handle), target.Handle);
            int code;
            do
            {
                stop.ThrowIfCancellationRequested();
                code = raw.sqlite3_backup_step(copy, Limits.BackupStepPages);
                long pages = raw.sqlite3_backup_pagecount(copy);
                progress?.Invoke(pages - raw.sqlite3_backup_remaining(copy), pages);
            }
            while (code == raw.SQLITE_OK);
            if (code != raw.SQLITE_DONE)
                throw new SqliteException($"SQLite Error {code & 0xFF}: '{raw.sqlite3_errstr(code).utf8_to_string()}'.", code & 0xFF, code);
        }
        command.CommandText = "PRAGMA journal_mode=DELETE";
        command.ExecuteNonQuery();
    }

    /// <summary>The whole content, as its file would hold it.</summary>
    public byte[] Serialize()
    {
        var bytes = raw.sqlite3_serialize(_connection.Handle, "main", out var length, 0);
        if (bytes == IntPtr.Zero)
            throw new InvalidOperationException("SQLite gives no copy of its database: out of memory.");
        try
        {
            var copy = new byte[length];
            Marshal.Copy(bytes, copy, 0, copy.Length);
            return copy;
        }
        finally
        {
            raw.sqlite3_free(bytes);
        }
    }

    /// <summary>The single text that a query gives; empty when it gives none.</summary>
    public string QueryText(string sql)
    {
        using var command = _connection.CreateCommand();
        command.CommandText = sql;
        return command.ExecuteScalar() as string ?? "";
    }

    /// <summary>Reads; an I/O error breaks the instance, a damaged page is an integrity failure.</summary>
    public T Read<T>(string doing, Func<T> body)
    {
        RefuseWhenBroken();
        try
        {
            return body();
        }
        catch (SqliteException e) when (e.SqliteErrorCode is raw.SQLITE_CORRUPT or raw.SQLITE_NOTADB or raw.SQLITE_TOOBIG)
        {
            throw new LedgerIntegrityException($"{_path} is damaged, found when {doing}: {e.Message}", null, e);
        }
        catch (SqliteException e)
        {
            throw Break(doing, e);
        }
        catch (Exception e) when (e is InvalidOperationException or InvalidCastException or OverflowException)
        {
            // A damaged record may hold another type than its column.
            throw new LedgerIntegrityException($"{_path} is damaged, found when {doing}: a column does not hold what it must.", null, e);
        }
    }

    /// <summary>Writes in one transaction: durable when it returns.</summary>
    /// <exception cref="LedgerFullException">The disk was full: nothing was written.</exception>
    /// <exception cref="LedgerBusyException">Another program holds the file's lock: nothing was begun.</exception>
    /// <exception cref="LedgerBrokenException">Any other error: the outcome is unknown and the instance refuses further use.</exception>
    public void Write(string doing, Action body)
    {
        RefuseWhenBroken();
        Begin(doing);
        try
        {
            body();
            (_commit ??= PrepareWrite("COMMIT")).Run();
        }
        catch (SqliteException e) when (e.SqliteErrorCode == raw.SQLITE_FULL)
        {
            RollBack(doing, e);
            throw new LedgerFullException($"The disk is full: {doing} left nothing in {_path}.", e);
        }
        catch (SqliteException e)
        {
            throw Break(doing, e);
        }
        catch
        {
            RollBack(doing, null);
            throw;
        }
    }

    /// <summary>Moves the WAL into the file. False when the disk is full or a reader stands in the way: nothing is lost, try again later.</summary>
    /// <exception cref="LedgerBrokenException">Any other error.</exception>
    public bool Checkpoint(bool truncate)
    {
        const string Doing = "moving the write-ahead log into the file";
        RefuseWhenBroken();
        try
        {
            using var command = _connection.CreateCommand();
            command.CommandText = truncate ? "PRAGMA wal_checkpoint(TRUNCATE)" : "PRAGMA wal_checkpoint(PASSIVE)";
            using var reader = command.ExecuteReader();
            // One row: busy, frames in the WAL, frames moved.
            return reader.Read() && reader.GetInt64(0) == 0 && reader.GetInt64(1) == reader.GetInt64(2);
        }
        catch (SqliteException e) when (e.SqliteErrorCode is raw.SQLITE_FULL or raw.SQLITE_BUSY or raw.SQLITE_LOCKED)
        {
            return false;
        }
        catch (SqliteException e)
        {
            throw Break(Doing, e);
        }
    }

    /// <summary>Starts counting <see cref="PagesWritten"/> anew.</summary>
    public void ResetPagesWritten() => _ = raw.sqlite3_db_status(_connection.Handle, SqliteStatusCacheWrite, out _, out _, 1);

    /// <summary>Lets the close remove the empty WAL: called when a truncating checkpoint has emptied it.</summary>
    public void AllowCleanClose() => _ = raw.sqlite3_db_config(_connection.Handle, SqliteConfigNoCheckpointOnClose, 0, out _);

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var command in _prepared)
            command.Dispose();
        _prepared.Clear();
        _connection.Dispose();
    }

    private static LedgerFullException Full(string path, SqliteException e) =>
        new($"{path} cannot be made ready: the disk is full; free space on the file system of {System.IO.Path.GetDirectoryName(path)}.", e);

    internal static bool HasNoRoom(string path)
    {
        try
        {
            return new DriveInfo(System.IO.Path.GetDirectoryName(path)!).AvailableFreeSpace < MinFreeBytesToOpen;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            // The error itself is told then.
            return false;
        }
    }

    private void PrepareForWriting(bool isThrowaway)
    {
        if (raw.sqlite3_db_readonly(_connection.Handle, "main") != 0)
            throw new LedgerFormatException($"{_path} cannot be written by this user.");
        using (var command = _connection.CreateCommand())
        {
            command.CommandText = "PRAGMA journal_mode=WAL";
            if (command.ExecuteScalar() as string is not "wal")
                throw new LedgerFormatException($"{_path} cannot be put into write-ahead mode: its file system lacks shared memory or locks.");
        }
        Execute("PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0;");
        LedgerMigration.MigrateWhenOlder(this, isThrowaway);
    }

    private void Begin(string doing)
    {
        try
        {
            // The one statement that waits for another program's lock: the layer above SQLite tries again until the timeout.
            (_begin ??= Prepare("BEGIN IMMEDIATE")).ExecuteNonQuery();
        }
        catch (SqliteException e) when (e.SqliteErrorCode is raw.SQLITE_BUSY or raw.SQLITE_LOCKED)
        {
            throw new LedgerBusyException(
                $"{_path} was locked by another program for {BusyTimeoutSeconds} s: {doing} wrote nothing. Find that program: fuser -v {_path}", e);
        }
        catch (SqliteException e) when (e.SqliteErrorCode == raw.SQLITE_FULL)
        {
            throw new LedgerFullException($"The disk is full: {doing} left nothing in {_path}.", e);
        }
        catch (SqliteException e)
        {
            throw Break(doing, e);
        }
    }

    private void RollBack(string doing, SqliteException? cause)
    {
        try
        {
            if (raw.sqlite3_get_autocommit(_connection.Handle) == 0)
                Execute("ROLLBACK");
        }
        catch (SqliteException e)
        {
            throw Break(doing, cause ?? e);
        }
    }

    private LedgerBrokenException Break(string doing, SqliteException e)
    {
        _broken = true;
        return new LedgerBrokenException(
            $"{_path} failed at {doing}: {e.Message} (SQLite code {e.SqliteExtendedErrorCode}). What reached the disk is unknown until it is opened anew.", e);
    }

    private void RefuseWhenBroken()
    {
        if (_broken)
            throw new LedgerBrokenException($"{_path} failed before and is not used any more: open it anew.");
    }
}
