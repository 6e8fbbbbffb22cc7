using Microsoft.Data.Sqlite;
using Qwamos.ControlBus.Envelopes;

namespace Qwamos.ControlBus.Ledger;

/// <summary>The ledger's statements, prepared once. They neither lock nor map errors: <see cref="LedgerStore"/> does.</summary>
internal sealed class LedgerStatements(LedgerDatabase database)
{
    private readonly SqliteCommand _insertEntry = database.Prepare("INSERT INTO entries(idx, leaf_hash, nonce, leaf) VALUES($1, $2, $3, $4)", 4);
    private readonly SqliteCommand _insertConfidential = database.Prepare("INSERT INTO confidential(idx, envelope) VALUES($1, $2)", 2);
    private readonly SqliteCommand _updateTree = database.Prepare("UPDATE tree SET size = $1, frontier = $2 WHERE id = 1", 2);
    private readonly SqliteCommand _selectTree = database.Prepare("SELECT size, frontier, (SELECT max(idx) FROM entries) FROM tree WHERE id = 1");
    private readonly SqliteCommand _selectRows = database.Prepare(
        "SELECT idx, leaf, leaf_hash, nonce FROM entries WHERE idx >= $1 ORDER BY idx LIMIT $2", 2);
    private readonly SqliteCommand _selectHashes = database.Prepare(
        "SELECT idx, leaf_hash FROM entries WHERE idx >= $1 ORDER BY idx LIMIT $2", 2);
    private readonly SqliteCommand _selectNonce = database.Prepare("SELECT idx FROM entries WHERE nonce = $1", 1);
    private readonly SqliteCommand _selectConfidential = database.Prepare("SELECT envelope FROM confidential WHERE idx = $1", 1);
    private readonly SqliteCommand _selectSnapshot = database.Prepare("SELECT size, frontier, state, checksum FROM snapshot WHERE id = 1");
    private readonly SqliteCommand _upsertSnapshot = database.Prepare(
        "INSERT OR REPLACE INTO snapshot(id, size, frontier, state, checksum) VALUES(1, $1, $2, $3, $4)", 4);
    private readonly SqliteCommand _selectDeliveries = database.Prepare("SELECT gateway, idx, missed FROM deliveries");
    private readonly SqliteCommand _upsertDelivery = database.Prepare(
        "INSERT OR REPLACE INTO deliveries(gateway, idx, missed) VALUES($1, $2, $3)", 3);

    public void Insert(long index, byte[] leafHash, NewEntry entry)
    {
        Run(_insertEntry, index, leafHash, entry.Nonce is { } nonce ? nonce.ToArray() : DBNull.Value, entry.Leaf.ToArray());
        if (entry.ConfidentialEnvelope is { } envelope)
            Run(_insertConfidential, index, envelope.ToArray());
    }

    public void WriteTree(MerkleTree tree) => Run(_updateTree, tree.Size, tree.Frontier());

    public MerkleTree ReadTree()
    {
        using var reader = _selectTree.ExecuteReader();
        if (!reader.Read())
            throw new LedgerIntegrityException("The ledger's tree is missing.");
        var size = reader.GetInt64(0);
        var entries = reader.IsDBNull(2) ? 0 : checked(reader.GetInt64(2) + 1);
        if (entries < size)
            throw new LedgerIntegrityException($"Entry {Math.Max(0, entries)} is missing: the tree has {size} entries.", Math.Max(0, entries));
        if (entries > size)
            throw new LedgerIntegrityException($"Entry {Math.Max(0, size)} was not appended by the ledger: the tree has {size} entries.", size);
        return MerkleTree.TryRestore(size, reader.GetFieldValue<byte[]>(1), out var tree)
            ? tree
            : throw new LedgerIntegrityException($"The ledger's tree is damaged: its frontier does not have the form for {size} entries.");
    }

    public List<LedgerRow> ReadRows(long from, int count)
    {
        Set(_selectRows, from, (long)count);
        var rows = new List<LedgerRow>(count);
        using var reader = _selectRows.ExecuteReader();
        while (reader.Read())
        {
            var index = reader.GetInt64(0);
            rows.Add(new LedgerRow(index, reader.GetFieldValue<byte[]>(1), reader.GetFieldValue<byte[]>(2), ReadNonce(reader, 3, index)));
        }
        return rows;
    }

    public List<byte[]> ReadHashes(long from, int count)
    {
        Set(_selectHashes, from, (long)count);
        var hashes = new List<byte[]>(count);
        using var reader = _selectHashes.ExecuteReader();
        while (reader.Read())
        {
            var hash = reader.GetFieldValue<byte[]>(1);
            if (reader.GetInt64(0) != from + hashes.Count)
                break;
            if (hash.Length != MerkleTree.HashBytes)
                throw new LedgerIntegrityException($"Entry {reader.GetInt64(0)} has a hash of {hash.Length} bytes.", reader.GetInt64(0));
            hashes.Add(hash);
        }
        if (hashes.Count != count)
            throw new LedgerIntegrityException($"Entry {from + hashes.Count} is missing.", from + hashes.Count);
        return hashes;
    }

    public long? FindNonce(Nonce nonce)
    {
        Set(_selectNonce, nonce.ToArray());
        return _selectNonce.ExecuteScalar() as long?;
    }

    public byte[]? ReadConfidential(long index)
    {
        Set(_selectConfidential, index);
        return _selectConfidential.ExecuteScalar() as byte[];
    }

    public LedgerSnapshot? ReadSnapshot()
    {
        using var reader = _selectSnapshot.ExecuteReader();
        if (!reader.Read())
            return null;
        var snapshot = new LedgerSnapshot(reader.GetInt64(0), reader.GetFieldValue<byte[]>(1), reader.GetFieldValue<byte[]>(2));
        return snapshot.Checksum().AsSpan().SequenceEqual(reader.GetFieldValue<byte[]>(3)) ? snapshot : null;
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

    private static Nonce? ReadNonce(SqliteDataReader reader, int column, long index)
    {
        if (reader.IsDBNull(column))
            return null;
        var bytes = reader.GetFieldValue<byte[]>(column);
        return bytes.Length == Limits.NonceBytes
            ? Nonce.FromBytes(bytes)
            : throw new LedgerIntegrityException($"Entry {index} has a nonce of {bytes.Length} bytes.", index);
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
