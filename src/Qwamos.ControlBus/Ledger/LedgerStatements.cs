using Microsoft.Data.Sqlite;
using Qwamos.ControlBus.Envelopes;

namespace Qwamos.ControlBus.Ledger;

/// <summary>The ledger's statements, prepared once. They neither lock nor map errors: <see cref="LedgerStore"/> does.</summary>
internal sealed class LedgerStatements(LedgerDatabase database)
{
    private readonly PreparedInsert _insertEntry = database.PrepareInsert("INSERT INTO entries(idx, leaf_hash, replay_key, leaf) VALUES(?, ?, ?, ?)");
    private readonly PreparedInsert _insertConfidential = database.PrepareInsert("INSERT INTO confidential(idx, envelope) VALUES(?, ?)");
    private readonly PreparedInsert _insertHash = database.PrepareInsert("INSERT INTO hashes(id, hash) VALUES(?, ?)");
    private readonly PreparedInsert _replaceTree = database.PrepareInsert("UPDATE tree SET size = ?, root = ? WHERE id = 1");
    private readonly SqliteCommand _selectTree = database.Prepare(
        "SELECT size, root, (SELECT max(idx) FROM entries), (SELECT max(id) FROM hashes) FROM tree WHERE id = 1");
    private readonly SqliteCommand _selectLeafHash = database.Prepare("SELECT leaf_hash FROM entries WHERE idx = $1", 1);
    private readonly SqliteCommand _selectHash = database.Prepare("SELECT hash FROM hashes WHERE id = $1", 1);
    private readonly SqliteCommand _selectRows = database.Prepare(
        "SELECT idx, leaf, leaf_hash, replay_key FROM entries WHERE idx >= $1 ORDER BY idx LIMIT $2", 2);
    private readonly SqliteCommand _selectHashes = database.Prepare(
        "SELECT idx, leaf_hash FROM entries WHERE idx >= $1 ORDER BY idx LIMIT $2", 2);
    private readonly SqliteCommand _selectInterior = database.Prepare("SELECT id, hash FROM hashes WHERE id >= $1 ORDER BY id LIMIT $2", 2);
    private readonly SqliteCommand _selectKey = database.Prepare("SELECT idx FROM entries WHERE replay_key = $1", 1);
    private readonly SqliteCommand _selectKeys = database.Prepare(
        "SELECT replay_key, idx FROM entries WHERE replay_key >= $1 AND replay_key < $2 ORDER BY replay_key LIMIT $3", 3);
    // The timestamp's 8 bytes stand before the nonce: this reads the whole index.
    private readonly SqliteCommand _selectNonce = database.Prepare(
        "SELECT idx FROM entries WHERE replay_key IS NOT NULL AND substr(replay_key, 9) = $1 LIMIT 1", 1);
    private readonly SqliteCommand _selectConfidential = database.Prepare("SELECT envelope FROM confidential WHERE idx = $1", 1);
    private readonly SqliteCommand _selectSnapshot = database.Prepare("SELECT size, frontier, state, checksum FROM snapshot WHERE id = 1");
    private readonly SqliteCommand _upsertSnapshot = database.Prepare(
        "INSERT OR REPLACE INTO snapshot(id, size, frontier, state, checksum) VALUES(1, $1, $2, $3, $4)", 4);
    private readonly SqliteCommand _selectDeliveries = database.Prepare("SELECT gateway, idx, missed FROM deliveries");
    private readonly SqliteCommand _upsertDelivery = database.Prepare(
        "INSERT OR REPLACE INTO deliveries(gateway, idx, missed) VALUES($1, $2, $3)", 3);

    public void Insert(long index, byte[] leafHash, NewEntry entry)
    {
        var insert = _insertEntry.With(index).With(leafHash);
        insert = entry.Key is { } key ? insert.With(key.ToArray()) : insert.WithNull();
        insert.With(entry.Leaf.Span).Run();
        if (entry.ConfidentialEnvelope is { } envelope)
            _insertConfidential.With(index).With(envelope.Span).Run();
    }

    /// <summary>Stores the interior hashes that were completed since the tree had this size, and the tree as it is now.</summary>
    public void WriteTree(long oldSize, List<byte[]> completed, MerkleTree tree)
    {
        var number = TreePosition.InteriorNodes(oldSize);
        foreach (var hash in completed)
            _insertHash.With(number++).With(hash).Run();
        if (number != TreePosition.InteriorNodes(tree.Size))
            throw new InvalidOperationException($"A tree of {tree.Size} entries does not have {number} interior nodes.");
        _replaceTree.With(tree.Size).With(tree.Root()).Run();
    }

    /// <summary>The tree from its frontier's hashes, O(log n) reads, and the stored root: the caller compares them.</summary>
    public MerkleTree ReadTree(out byte[] root)
    {
        long size, entries, nodes;
        using (var reader = _selectTree.ExecuteReader())
        {
            if (!reader.Read())
                throw new LedgerIntegrityException("The ledger's tree is missing.");
            size = reader.GetInt64(0);
            root = reader.GetFieldValue<byte[]>(1);
            entries = reader.IsDBNull(2) ? 0 : checked(reader.GetInt64(2) + 1);
            nodes = reader.IsDBNull(3) ? 0 : checked(reader.GetInt64(3) + 1);
        }
        if (entries < size)
            throw new LedgerIntegrityException($"Entry {Math.Max(0, entries)} is missing: the tree has {size} entries.", Math.Max(0, entries));
        if (entries > size)
            throw new LedgerIntegrityException($"Entry {Math.Max(0, size)} was not appended by the ledger: the tree has {size} entries.", size);
        if (size is < 0 or > Limits.MaxSafeInteger || nodes != TreePosition.InteriorNodes(size))
            throw new LedgerIntegrityException($"The ledger's tree is damaged: {size} entries do not have {nodes} interior hashes.");
        return MerkleTree.Of(size, TreePosition.Cover(0, size).Select(ReadHash));
    }

    /// <summary>The stored hash of a leaf or of a complete interior node.</summary>
    public byte[] ReadHash(TreePosition position)
    {
        var select = position.Level == 0 ? _selectLeafHash : _selectHash;
        Set(select, position.Level == 0 ? position.Index : position.Number);
        return select.ExecuteScalar() switch
        {
            byte[] { Length: MerkleTree.HashBytes } hash => hash,
            null when position.Level == 0 => throw new LedgerIntegrityException($"Entry {position.From} is missing.", position.From),
            null => throw new LedgerIntegrityException($"The hash over the entries {position.From} to {position.To - 1} is missing.", position.From),
            _ => throw new LedgerIntegrityException($"The hash over the entries {position.From} to {position.To - 1} does not have 32 bytes.", position.From),
        };
    }

    public List<LedgerRow> ReadRows(long from, int count)
    {
        Set(_selectRows, from, (long)count);
        var rows = new List<LedgerRow>(count);
        using var reader = _selectRows.ExecuteReader();
        while (reader.Read())
        {
            var index = reader.GetInt64(0);
            rows.Add(new LedgerRow(index, reader.GetFieldValue<byte[]>(1), reader.GetFieldValue<byte[]>(2), ReadKey(reader, 3, index)));
        }
        return rows;
    }

    public List<byte[]> ReadHashes(long from, int count) => ReadHashes(_selectHashes, from, count, at => $"Entry {at}");

    public List<byte[]> ReadInteriorHashes(long from, int count) => ReadHashes(_selectInterior, from, count, at => $"Interior hash {at}");

    public long? Find(ReplayKey key)
    {
        Set(_selectKey, key.ToArray());
        return _selectKey.ExecuteScalar() as long?;
    }

    public long? FindNonce(Nonce nonce)
    {
        Set(_selectNonce, nonce.ToArray());
        return _selectNonce.ExecuteScalar() as long?;
    }

    public bool TryReadKeys(long fromSeconds, long toSeconds, int count, Action<ReplayKey, long> take)
    {
        // One more, to know that there are no more.
        Set(_selectKeys, ReplayKey.First(fromSeconds).ToArray(), ReplayKey.First(toSeconds).ToArray(), count + 1L);
        using var reader = _selectKeys.ExecuteReader();
        for (; reader.Read(); count--)
        {
            if (count == 0)
                return false;
            var index = reader.GetInt64(1);
            take(ReadKey(reader, 0, index)!.Value, index);
        }
        return true;
    }

    public byte[]? ReadConfidential(long index)
    {
        Set(_selectConfidential, index);
        return _selectConfidential.ExecuteScalar() as byte[];
    }

    /// <summary>The snapshot; null when there is none, or when it does not have its checksum, or is longer than any.</summary>
    public LedgerSnapshot? ReadSnapshot(out bool isDamaged)
    {
        isDamaged = false;
        try
        {
            using var reader = _selectSnapshot.ExecuteReader();
            if (!reader.Read())
                return null;
            var snapshot = new LedgerSnapshot(reader.GetInt64(0), reader.GetFieldValue<byte[]>(1), reader.GetFieldValue<byte[]>(2));
            isDamaged = !snapshot.Checksum().AsSpan().SequenceEqual(reader.GetFieldValue<byte[]>(3));
            return isDamaged ? null : snapshot;
        }
        catch (SqliteException e) when (e.SqliteErrorCode == SQLitePCL.raw.SQLITE_TOOBIG)
        {
            isDamaged = true;
            return null;
        }
    }

    public void WriteSnapshot(LedgerSnapshot snapshot) =>
        Run(_upsertSnapshot, snapshot.Size, snapshot.Frontier, snapshot.State, snapshot.Checksum());

    public Dictionary<string, DeliveryPlace> ReadDeliveries()
    {
        var deliveries = new Dictionary<string, DeliveryPlace>(StringComparer.Ordinal);
        using var reader = _selectDeliveries.ExecuteReader();
        while (reader.Read())
        {
            var gateway = reader.GetString(0);
            long? taken = reader.IsDBNull(1) ? null : reader.GetInt64(1);
            deliveries[gateway] = new DeliveryPlace(taken, DeliveryPlace.ReadMissed(gateway, reader.GetString(2)));
        }
        return deliveries;
    }

    public void WriteDelivery(string gateway, DeliveryPlace place) =>
        Run(_upsertDelivery, gateway, place.Taken is { } taken ? taken : DBNull.Value, place.MissedText());

    /// <summary>At least one hash; fewer than asked for when one after it is missing or malformed, so that whoever asks for that one hears of it.</summary>
    private static List<byte[]> ReadHashes(SqliteCommand select, long from, int count, Func<long, string> name)
    {
        Set(select, from, (long)count);
        var hashes = new List<byte[]>(count);
        using var reader = select.ExecuteReader();
        while (reader.Read() && reader.GetInt64(0) == from + hashes.Count)
        {
            var hash = reader.GetFieldValue<byte[]>(1);
            if (hash.Length != MerkleTree.HashBytes && hashes.Count == 0)
                throw new LedgerIntegrityException($"{name(from)} has a hash of {hash.Length} bytes.", from);
            if (hash.Length != MerkleTree.HashBytes)
                break;
            hashes.Add(hash);
        }
        return hashes.Count > 0 ? hashes : throw new LedgerIntegrityException($"{name(from)} is missing.", from);
    }

    private static ReplayKey? ReadKey(SqliteDataReader reader, int column, long index)
    {
        if (reader.IsDBNull(column))
            return null;
        var bytes = reader.GetFieldValue<byte[]>(column);
        return bytes.Length == ReplayKey.Bytes
            ? ReplayKey.FromBytes(bytes)
            : throw new LedgerIntegrityException($"Entry {index} has a replay_key of {bytes.Length} bytes.", index);
    }

    private static void Run(SqliteCommand command, params ReadOnlySpan<object> values)
    {
        Set(command, values);
        command.ExecuteNonQuery();
    }

    private static void Set(SqliteCommand command, params ReadOnlySpan<object> values)
    {
        for (var i = 0; i < values.Length; i++)
            command.Parameters[i].Value = values[i];
    }
}
