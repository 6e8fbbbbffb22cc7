using Qwamos.ControlBus.Envelopes;

namespace Qwamos.ControlBus.Ledger;

/// <summary>Brings a ledger of an earlier format to the present one, in one transaction.</summary>
internal static class LedgerMigration
{
    /// <summary>Migrates when that is needed; whatever goes wrong leaves the old ledger as it is.</summary>
    /// <param name="database">The ledger.</param>
    /// <param name="isThrowaway">It is a copy that nobody keeps; else a verified backup is made first.</param>
    /// <exception cref="LedgerIntegrityException">The old ledger's entries do not make the tree that it keeps, or are not in their form: it is not migrated.</exception>
    /// <exception cref="LedgerFullException">There is no room for the backup or for the new tables.</exception>
    public static void MigrateWhenOlder(LedgerDatabase database, bool isThrowaway)
    {
        var version = database.QueryInteger("PRAGMA user_version");
        if (version == LedgerTables.FormatVersion)
            return;
        var kept = database.Read($"reading the tree of format {version}", () => version == LedgerTables.FirstFormatVersion ? ReadFrontier(database) : ReadHashes(database));
        if (!isThrowaway)
            LedgerBackup.Make(database, $"{Path.GetFileName(database.Path)}.format-{version}", kept);
        database.Write("migrating the ledger", () =>
        {
            if (version == LedgerTables.FirstFormatVersion)
                AddHashes(database, kept);
            AddKeys(database);
            database.Execute($"PRAGMA user_version={LedgerTables.FormatVersion}");
        });
    }

    /// <summary>The tree of format 1.</summary>
    private static MerkleTree ReadFrontier(LedgerDatabase database)
    {
        using var select = database.Prepare("SELECT size, frontier FROM tree WHERE id = 1");
        using var reader = select.ExecuteReader();
        return reader.Read() && MerkleTree.TryRestore(reader.GetInt64(0), reader.GetFieldValue<byte[]>(1), out var tree)
            ? tree
            : throw new LedgerIntegrityException($"{database.Path} is not migrated: its tree is missing or damaged.");
    }

    /// <summary>The tree of format 2: that of the entries' hashes, when it has the root that is kept.</summary>
    private static MerkleTree ReadHashes(LedgerDatabase database)
    {
        var tree = TreeOf(database, _ => { });
        using var select = database.Prepare("SELECT size, root FROM tree WHERE id = 1");
        using var reader = select.ExecuteReader();
        return reader.Read() && reader.GetInt64(0) == tree.Size && reader.GetFieldValue<byte[]>(1).AsSpan().SequenceEqual(tree.Root())
            ? tree
            : throw new LedgerIntegrityException($"{database.Path} is not migrated: its {tree.Size} entries do not make the tree that it keeps.");
    }

    private static void AddHashes(LedgerDatabase database, MerkleTree kept)
    {
        LedgerTables.ReplaceTree(database);
        using var insert = database.PrepareInsert("INSERT INTO hashes(id, hash) VALUES(?, ?)");
        long number = 0;
        var tree = TreeOf(database, node => insert.With(number++).With(node).Run());
        if (tree.Size != kept.Size || MerkleTree.FirstDifference(tree, kept) is not null)
            throw new LedgerIntegrityException($"{database.Path} is not migrated: its {tree.Size} entries do not make the tree of {kept.Size} that it keeps.");
        using var keep = database.PrepareInsert("INSERT INTO tree(id, size, root) VALUES(1, ?, ?)");
        keep.With(tree.Size).With(tree.Root()).Run();
    }

    private static MerkleTree TreeOf(LedgerDatabase database, Action<byte[]> take)
    {
        var tree = new MerkleTree();
        var completed = new List<byte[]>();
        using var select = database.Prepare("SELECT idx, leaf_hash FROM entries ORDER BY idx");
        using var reader = select.ExecuteReader();
        while (reader.Read())
        {
            if (reader.GetInt64(0) != tree.Size || reader.GetFieldValue<byte[]>(1) is not { Length: MerkleTree.HashBytes } hash)
                throw new LedgerIntegrityException($"Entry {tree.Size} is missing or has no hash: the ledger is not migrated.", tree.Size);
            tree.Append(hash, completed);
            completed.ForEach(take);
            completed.Clear();
        }
        return tree;
    }

    /// <summary>Formats 1 and 2 had the nonce where the message's time and nonce stand now: the time is read from each entry.</summary>
    private static void AddKeys(LedgerDatabase database)
    {
        LedgerTables.ReplaceEntries(database);
        using (var insert = database.PrepareInsert("INSERT INTO entries(idx, leaf_hash, replay_key, leaf) VALUES(?, ?, ?, ?)"))
        using (var envelope = database.Prepare("SELECT envelope FROM confidential WHERE idx = $1", 1))
        using (var select = database.Prepare("SELECT idx, leaf_hash, nonce, leaf FROM old_entries ORDER BY idx"))
        using (var reader = select.ExecuteReader())
        {
            while (reader.Read())
            {
                var row = new LedgerRow(reader.GetInt64(0), reader.GetFieldValue<byte[]>(3), reader.GetFieldValue<byte[]>(1), null);
                var entry = EntryReader.ReadLeaf(row, index =>
                {
                    envelope.Parameters[0].Value = index;
                    return envelope.ExecuteScalar() as byte[];
                });
                var key = (entry as MessageEntry)?.Message is { } message ? ReplayKey.Of(message) : null;
                var nonce = reader.IsDBNull(2) ? null : reader.GetFieldValue<byte[]>(2);
                if (!(nonce ?? []).AsSpan().SequenceEqual(key?.Nonce.ToArray()))
                    throw new LedgerIntegrityException($"Entry {row.Index} is not what was recorded: its nonce column is not the message's nonce. The ledger is not migrated.", row.Index);
                var values = insert.With(row.Index).With(row.LeafHash);
                (key is { } known ? values.With(known.ToArray()) : values.WithNull()).With(row.Leaf).Run();
            }
        }
        database.Execute("DROP TABLE old_entries");
    }
}
