using Microsoft.Data.Sqlite;
using Qwamos.ControlBus.Envelopes;

namespace Qwamos.ControlBus.Ledger;

/// <summary>The ledger's statements, prepared once. They neither lock nor map errors: <see cref="LedgerStore"/> does.</summary>
internal sealed class LedgerStatements(LedgerDatabase database)
{
    /// <summary>
    /// The columns that <see cref="ReadEntry"/> reads. A head that is longer than any counts as missing: else one of some megabytes in a small file
    /// would be read into memory once for each row that names it.
    /// </summary>
    public static readonly string EntryColumns =
        $"idx, leaf_hash, (SELECT heads.head FROM heads WHERE id = entries.head AND length(heads.head) <= {Limits.MaxHeadBytes}), leaf, head IS NULL";

    private readonly SqliteCommand _selectTree = database.Prepare(
        "SELECT size, root, (SELECT max(idx) FROM entries), (SELECT max(id) FROM hashes) FROM tree WHERE id = 1");
    private readonly SqliteCommand _selectHash = database.Prepare("SELECT hash FROM hashes WHERE id = $1", 1);
    private readonly SqliteCommand _selectEntries = database.Prepare(
        $"SELECT {EntryColumns} FROM entries WHERE idx >= $1 ORDER BY idx LIMIT $2", 2);
    private readonly SqliteCommand _selectHashes = database.Prepare("SELECT id, hash FROM hashes WHERE id >= $1 ORDER BY id LIMIT $2", 2);
    private readonly SqliteCommand _selectConfidential = database.Prepare("SELECT envelope FROM confidential WHERE idx = $1", 1);
    private readonly SqliteCommand _selectSnapshot = database.Prepare("SELECT size, frontier, state, checksum FROM snapshot WHERE id = 1");
    private readonly SqliteCommand _upsertSnapshot = database.Prepare(
        "INSERT OR REPLACE INTO snapshot(id, size, frontier, state, checksum) VALUES(1, $1, $2, $3, $4)", 4);
    private readonly SqliteCommand _selectDeliveries = database.Prepare("SELECT gateway, idx, missed FROM deliveries");
    private readonly SqliteCommand _upsertDelivery = database.Prepare(
        "INSERT OR REPLACE INTO deliveries(gateway, idx, missed) VALUES($1, $2, $3)", 3);

    /// <summary>The rows of nonces.</summary>
    public NonceRows Nonces { get; } = new(database);

    /// <summary>
    /// The tree, O(log n) reads: from the stored hashes and the entries after the last of them, whatever those are, and the root that is kept: the
    /// caller compares.
    /// </summary>
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
        if (size is < 0 or > Limits.MaxSafeInteger || nodes != TreePosition.StoredNodes(size))
            throw new LedgerIntegrityException($"The ledger's tree is damaged: {size} entries do not have {nodes} interior hashes.");
        var tree = MerkleTree.Of(TreePosition.StoredPart(size), TreePosition.Cover(0, TreePosition.StoredPart(size)).Select(ReadHash));
        var last = ReadEntries(tree.Size, (int)(size - tree.Size)).ToDictionary(entry => entry.Index, entry => entry.Leaf);
        // One that is missing gives another root: a reading of all entries then names the first that is wrong.
        while (tree.Size < size)
            tree.Append(last.TryGetValue(tree.Size, out var leaf) ? MerkleTree.LeafHash(leaf) : new byte[MerkleTree.HashBytes]);
        return tree;
    }

    /// <summary>A stored hash.</summary>
    public byte[] ReadHash(TreePosition position)
    {
        Set(_selectHash, position.Number);
        return _selectHash.ExecuteScalar() switch
        {
            byte[] { Length: MerkleTree.HashBytes } hash => hash,
            null => throw new LedgerIntegrityException($"The hash over the entries {position.From} to {position.To - 1} is missing.", position.From),
            _ => throw new LedgerIntegrityException($"The hash over the entries {position.From} to {position.To - 1} does not have 32 bytes.", position.From),
        };
    }

    public List<StoredEntry> ReadEntries(long from, int count)
    {
        Set(_selectEntries, from, (long)count);
        var entries = new List<StoredEntry>(count);
        using var reader = _selectEntries.ExecuteReader();
        while (reader.Read())
            entries.Add(ReadEntry(reader));
        return entries;
    }

    /// <summary>
    /// An entry from its columns. One whose head is missing has no leaf, and no reader takes that: were the rest taken for all of it, the next head
    /// that is stored could come into its place.
    /// </summary>
    public static StoredEntry ReadEntry(SqliteDataReader reader)
    {
        var rest = reader.GetFieldValue<byte[]>(3);
        var leaf = reader.GetInt64(4) != 0 ? rest : reader.IsDBNull(2) ? [] : [.. reader.GetFieldValue<byte[]>(2), .. rest];
        return new StoredEntry(reader.GetInt64(0), reader.GetFieldValue<byte[]>(1), leaf);
    }

    /// <summary>At least one stored hash; fewer than asked for when one after it is missing or malformed, so that whoever asks for that one hears of it.</summary>
    public List<byte[]> ReadHashes(long from, int count)
    {
        Set(_selectHashes, from, (long)count);
        var hashes = new List<byte[]>(count);
        using var reader = _selectHashes.ExecuteReader();
        while (reader.Read() && reader.GetInt64(0) == from + hashes.Count)
        {
            var hash = reader.GetFieldValue<byte[]>(1);
            if (hash.Length != MerkleTree.HashBytes && hashes.Count == 0)
                throw new LedgerIntegrityException($"Interior hash {from} has {hash.Length} bytes.", from);
            if (hash.Length != MerkleTree.HashBytes)
                break;
            hashes.Add(hash);
        }
        return hashes.Count > 0 ? hashes : throw new LedgerIntegrityException($"Interior hash {from} is missing.", from);
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

    private static void Run(SqliteCommand command, params ReadOnlySpan<object> values)
    {
        Set(command, values);
        command.ExecuteNonQuery();
    }

    internal static void Set(SqliteCommand command, params ReadOnlySpan<object> values)
    {
        for (var i = 0; i < values.Length; i++)
            command.Parameters[i].Value = values[i];
    }
}
