using Microsoft.Data.Sqlite;
using Qwamos.ControlBus.Envelopes;

namespace Qwamos.ControlBus.Ledger;

/// <summary>
/// The ledger's file (DESIGN sections 6 and 7): entries in order, the hashes of their Merkle tree, a snapshot of the fold, and how far each
/// gateway has been served. One instance writes; its methods may be called from several threads and take turns.
/// </summary>
public sealed class LedgerStore : IDisposable
{
    private const int ReadAheadRows = 256;
    private const int ReadAheadHashes = 4_096;

    private readonly Lock _turn = new();
    private readonly LedgerDatabase _database;
    private readonly LedgerStatements _statements;
    private EntryAppender? _appender;
    private MerkleTree _tree;
    private string? _scratchFolder;

    private LedgerStore(LedgerDatabase database, LedgerStatements statements, MerkleTree tree)
    {
        _database = database;
        _statements = statements;
        _tree = tree;
    }

    /// <summary>The file's path.</summary>
    public string Path => _database.Path;

    /// <summary>Entries in the ledger.</summary>
    public long Size
    {
        get
        {
            lock (_turn)
                return _tree.Size;
        }
    }

    /// <summary>Pages of 4,096 bytes written to the WAL since the last complete checkpoint.</summary>
    public long PagesSinceCheckpoint
    {
        get
        {
            lock (_turn)
                return _database.PagesWritten;
        }
    }

    /// <summary>Opens a ledger; for writing, a file that is not there is made, 0600.</summary>
    /// <exception cref="LedgerFormatException">The file is not a ledger, is a newer one, is a link, or cannot be opened.</exception>
    /// <exception cref="LedgerIntegrityException">It is damaged.</exception>
    /// <exception cref="LedgerFullException">The disk is full.</exception>
    public static LedgerStore Open(string path, LedgerOpenMode mode)
    {
        LedgerFile.Check(path, mode);
        var database = LedgerDatabase.Open(path, mode);
        try
        {
            var statements = new LedgerStatements(database);
            byte[] root = [];
            var tree = database.Read("reading the tree", () => statements.ReadTree(out root));
            var store = new LedgerStore(database, statements, tree);
            // Which of the two is wrong, and from which entry on, is for a reading of everything to say.
            return tree.Root().AsSpan().SequenceEqual(root) ? store : throw LedgerChecker.Explain(store, root);
        }
        catch (SqliteException e)
        {
            database.Dispose();
            throw e.SqliteErrorCode == SQLitePCL.raw.SQLITE_ERROR
                ? new LedgerIntegrityException($"{path} lacks a table or column of a ledger: {e.Message}", null, e)
                : LedgerDatabase.Refusal(path, e);
        }
        catch
        {
            database.Dispose();
            throw;
        }
    }

    /// <summary>A copy of the tree over all entries.</summary>
    public MerkleTree Tree()
    {
        lock (_turn)
            return _tree.Clone();
    }

    /// <summary>Appends entries in one transaction with the tree's new hashes: one fsync, durable when it returns. Gives the first one's index.</summary>
    /// <exception cref="LedgerFullException">Nothing was appended; the store can be used on.</exception>
    /// <exception cref="LedgerBrokenException">The outcome is unknown; the store refuses further use.</exception>
    public long AppendBatch(IReadOnlyList<NewEntry> entries)
    {
        foreach (var entry in entries)
            CheckNew(entry);
        lock (_turn)
        {
            var first = _tree.Size;
            if (entries.Count == 0)
                return first;
            var tree = _tree.Clone();
            var appender = _appender ??= new EntryAppender(_database);
            try
            {
                _database.Write("appending entries", () =>
                {
                    foreach (var entry in entries)
                        appender.Append(tree, entry);
                    appender.Finish(tree);
                });
            }
            catch
            {
                appender.Forget();
                throw;
            }
            _tree = tree;
            return first;
        }
    }

    /// <summary>The entry at an index, checked against its hash; null when the ledger is not that long.</summary>
    public LedgerRow? Read(long index)
    {
        lock (_turn)
        {
            if (index < 0 || index >= _tree.Size)
                return null;
            var rows = _database.Read("reading an entry", () => _statements.ReadEntries(index, 1));
            return rows.Count > 0 ? Checked(rows[0], index) : throw Missing(index);
        }
    }

    /// <summary>The entry at an index, parsed; null when the ledger is not that long.</summary>
    /// <exception cref="LedgerIntegrityException">It is not what was recorded.</exception>
    public LedgerEntry? ReadEntry(long index) => Read(index) is { } row ? Parse(row) : null;

    /// <summary>Parses an entry of this ledger; its message must stand with its time and nonce in the table of nonces.</summary>
    /// <exception cref="LedgerIntegrityException">It is not what was recorded.</exception>
    public LedgerEntry Parse(LedgerRow row)
    {
        var entry = EntryReader.Read(row, ReadConfidential);
        if (entry is not MessageEntry message)
            return entry;
        lock (_turn)
        {
            return _database.Read("reading a nonce", () => _statements.Nonces.Holds(ReplayKey.Of(message.Message)!.Value, row.Index))
                ? entry
                : throw new LedgerIntegrityException(
                    $"Entry {row.Index} is not what was recorded: the table of nonces does not have its message's timestamp and nonce in its place.", row.Index);
        }
    }

    /// <summary>The entries from an index on, in order, each checked against its hash; a gap is an error.</summary>
    public IEnumerable<LedgerRow> ReadFrom(long index)
    {
        for (var size = Size; index < size;)
        {
            var rows = ReadSome(index, (int)Math.Min(ReadAheadRows, size - index));
            // Each is checked as it is reached, so that the first that is wrong, in whatever way, is the one that is named.
            foreach (var row in rows)
                yield return Checked(row, index++);
            if (rows.Count == 0)
                throw Missing(index);
        }
    }

    /// <summary>The leaf hashes of entries [from, to), each of which is read and checked.</summary>
    public IEnumerable<byte[]> ReadLeafHashes(long from, long to)
    {
        while (from < to)
        {
            var rows = ReadSome(from, (int)Math.Min(ReadAheadRows, to - from));
            foreach (var row in rows)
                yield return Checked(row, from++).LeafHash;
            if (rows.Count == 0)
                throw Missing(from);
        }
    }

    /// <summary>The stored hashes with the numbers [from, to), as <see cref="TreePosition.Number"/> counts them.</summary>
    internal IEnumerable<byte[]> ReadStoredHashes(long from, long to)
    {
        while (from < to)
        {
            List<byte[]> hashes;
            lock (_turn)
                hashes = _database.Read("reading hashes", () => _statements.ReadHashes(from, (int)Math.Min(ReadAheadHashes, to - from)));
            foreach (var hash in hashes)
                yield return hash;
            from += hashes.Count;
        }
    }

    /// <summary>The hash of a leaf or of a complete interior node of the tree: a stored one is not checked against what is below it.</summary>
    /// <exception cref="LedgerIntegrityException">It is not there, or is none, or an entry below it is not what was recorded.</exception>
    internal byte[] ReadHash(TreePosition position)
    {
        if (!position.IsStored)
            return MerkleTree.Of(ReadLeafHashes(position.From, position.To)).Root();
        lock (_turn)
            return _database.Read("reading a hash", () => _statements.ReadHash(position));
    }

    /// <summary>The index of the message with this time and nonce, or null: O(log n), and as many compared as were signed in that second.</summary>
    public long? Find(ReplayKey key)
    {
        lock (_turn)
            return _database.Read("looking for a message", () => _statements.Nonces.Find(key));
    }

    /// <summary>The times and nonces of the recorded messages with a timestamp in [from, to), oldest first, each with its index; false when there are more than so many.</summary>
    public bool TryReadKeys(long fromSeconds, long toSeconds, int count, Action<ReplayKey, long> take)
    {
        lock (_turn)
            return _database.Read("reading the nonces of fresh messages", () => _statements.Nonces.TryRead(fromSeconds, toSeconds, count, take));
    }

    /// <summary>The index of a message with this nonce, whatever its time, or null: O(n), for the rare hour when the clock cannot be believed.</summary>
    public long? FindNonce(Nonce nonce)
    {
        lock (_turn)
            return _database.Read("looking for a nonce", () => _statements.Nonces.FindNonce(nonce));
    }

    /// <summary>The envelope of a confidential change as stored, or null. The caller checks it against the hash in the leaf.</summary>
    public byte[]? ReadConfidential(long index)
    {
        lock (_turn)
            return _database.Read("reading a confidential envelope", () => _statements.ReadConfidential(index));
    }

    /// <summary>The stored snapshot; null when there is none or its checksum is wrong.</summary>
    public LedgerSnapshot? ReadSnapshot()
    {
        lock (_turn)
            return _database.Read("reading the snapshot", () => _statements.ReadSnapshot(out _));
    }

    /// <summary>True when a snapshot is stored that <see cref="ReadSnapshot"/> does not give.</summary>
    internal bool HasDamagedSnapshot()
    {
        lock (_turn)
        {
            return _database.Read("reading the snapshot", () =>
            {
                _statements.ReadSnapshot(out var isDamaged);
                return isDamaged;
            });
        }
    }

    /// <summary>Checks what stands beside the entries, each of which was read: <see cref="LedgerTables.CheckRest"/>.</summary>
    internal void CheckRest(long messages, long confidential)
    {
        lock (_turn)
        {
            _database.Read("checking the tables", () =>
            {
                LedgerTables.CheckRest(_database, _tree.Size, messages, confidential);
                _statements.Nonces.CheckUnique();
                return true;
            });
        }
    }

    /// <summary>Replaces the snapshot, durably.</summary>
    /// <exception cref="LedgerFullException">The old one stands.</exception>
    public void SaveSnapshot(LedgerSnapshot snapshot)
    {
        lock (_turn)
            _database.Write("saving the snapshot", () => _statements.WriteSnapshot(snapshot));
    }

    /// <summary>How far each gateway has been served, by its name.</summary>
    public IReadOnlyDictionary<string, DeliveryPlace> ReadDeliveries()
    {
        lock (_turn)
            return _database.Read("reading the deliveries", _statements.ReadDeliveries);
    }

    /// <summary>Notes, durably, how far a gateway has been served.</summary>
    /// <exception cref="LedgerFullException">The old place stands.</exception>
    public void SaveDelivery(string gateway, DeliveryPlace place)
    {
        lock (_turn)
            _database.Write("noting a delivery", () => _statements.WriteDelivery(gateway, place));
    }

    /// <summary>Moves the WAL into the file. False when the disk is full or a reader stands in the way: nothing is lost, try again later.</summary>
    /// <param name="truncate">Also empties the WAL's file; else it is written over from its start, which costs a commit less.</param>
    /// <exception cref="LedgerBrokenException">Any other error.</exception>
    public bool Checkpoint(bool truncate = false)
    {
        lock (_turn)
        {
            var done = _database.Checkpoint(truncate);
            if (done)
                _database.ResetPagesWritten();
            return done;
        }
    }

    /// <summary>Folds the WAL in, for a clean stop; false when that was not possible, which loses nothing. The store is closed either way by <see cref="Dispose"/>.</summary>
    public bool FoldWal()
    {
        lock (_turn)
        {
            if (!_database.Checkpoint(truncate: true))
                return false;
            _database.AllowCleanClose();
            return true;
        }
    }

    /// <summary>Copies the ledger to a new file: <see cref="LedgerBackup.Copy"/>.</summary>
    internal void CopyTo(string temporary, Action<long, long>? progress, CancellationToken stop)
    {
        lock (_turn)
            LedgerBackup.Copy(_database, temporary, progress, stop);
    }

    /// <summary>Closes the connection. Without <see cref="FoldWal"/> before it the WAL is left as it is, as a crash would.</summary>
    public void Dispose()
    {
        lock (_turn)
        {
            _database.Dispose();
            if (_scratchFolder is { } folder && Directory.Exists(folder))
                Directory.Delete(folder, recursive: true);
            _scratchFolder = null;
        }
    }

    /// <summary>Makes this store the owner of a folder that is removed when it is closed.</summary>
    internal LedgerStore Owning(string scratchFolder)
    {
        _scratchFolder = scratchFolder;
        return this;
    }

    private static void CheckNew(NewEntry entry)
    {
        if (entry.Leaf.Length is 0 or > Limits.MaxLeafBytes)
            throw new ArgumentException($"A leaf has 1 to {Limits.MaxLeafBytes} bytes, not {entry.Leaf.Length}.");
        if (entry.HeadBytes < 0 || entry.HeadBytes > entry.Leaf.Length)
            throw new ArgumentException($"A leaf of {entry.Leaf.Length} bytes has no head of {entry.HeadBytes}.");
    }

    private List<StoredEntry> ReadSome(long index, int count)
    {
        lock (_turn)
            return _database.Read("reading entries", () => _statements.ReadEntries(index, count));
    }

    private static LedgerRow Checked(StoredEntry stored, long index)
    {
        if (stored.Index != index)
            throw Missing(index);
        return stored.TryCheck(out var hash)
            ? new LedgerRow(index, stored.Leaf, hash)
            : throw new LedgerIntegrityException($"Entry {index} is not what was recorded: its bytes do not have its hash.", index);
    }

    private static LedgerIntegrityException Missing(long index) => new($"Entry {index} is missing.", index);
}
