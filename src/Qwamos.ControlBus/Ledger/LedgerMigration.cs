namespace Qwamos.ControlBus.Ledger;

/// <summary>Brings a ledger of format 1, which kept its tree's frontier and no interior hashes, to the present one: after a verified backup, in one transaction.</summary>
internal static class LedgerMigration
{
    /// <summary>Migrates when that is needed; whatever goes wrong leaves the old ledger as it is.</summary>
    /// <exception cref="LedgerIntegrityException">The old ledger's entries do not make the tree that it keeps: it is not migrated.</exception>
    /// <exception cref="LedgerFullException">There is no room for the backup or for the hashes.</exception>
    public static void MigrateWhenOlder(LedgerDatabase database)
    {
        if (database.QueryInteger("PRAGMA user_version") != LedgerTables.OldFormatVersion)
            return;
        var kept = database.Read("reading the tree of format 1", () => ReadOldTree(database));
        LedgerBackup.Make(database, $"{Path.GetFileName(database.Path)}.format-{LedgerTables.OldFormatVersion}", kept);
        database.Write("migrating the ledger", () =>
        {
            LedgerTables.ReplaceOld(database);
            var tree = AddHashes(database);
            if (tree.Size != kept.Size || MerkleTree.FirstDifference(tree, kept) is not null)
                throw new LedgerIntegrityException($"{database.Path} is not migrated: its {tree.Size} entries do not make the tree of {kept.Size} that it keeps.");
            using var keep = database.PrepareInsert("INSERT INTO tree(id, size, root) VALUES(1, ?, ?)");
            keep.With(tree.Size).With(tree.Root()).Run();
            database.Execute($"PRAGMA user_version={LedgerTables.FormatVersion}");
        });
    }

    private static MerkleTree ReadOldTree(LedgerDatabase database)
    {
        using var select = database.Prepare("SELECT size, frontier FROM tree WHERE id = 1");
        using var reader = select.ExecuteReader();
        return reader.Read() && MerkleTree.TryRestore(reader.GetInt64(0), reader.GetFieldValue<byte[]>(1), out var tree)
            ? tree
            : throw new LedgerIntegrityException($"{database.Path} is not migrated: its tree is missing or damaged.");
    }

    private static MerkleTree AddHashes(LedgerDatabase database)
    {
        var tree = new MerkleTree();
        var completed = new List<byte[]>();
        long number = 0;
        using var insert = database.PrepareInsert("INSERT INTO hashes(id, hash) VALUES(?, ?)");
        using var select = database.Prepare("SELECT idx, leaf_hash FROM entries ORDER BY idx");
        using var reader = select.ExecuteReader();
        while (reader.Read())
        {
            if (reader.GetInt64(0) != tree.Size || reader.GetFieldValue<byte[]>(1) is not { Length: MerkleTree.HashBytes } hash)
                throw new LedgerIntegrityException($"Entry {tree.Size} is missing or has no hash: the ledger is not migrated.", tree.Size);
            tree.Append(hash, completed);
            foreach (var node in completed)
                insert.With(number++).With(node).Run();
            completed.Clear();
        }
        return tree;
    }
}
