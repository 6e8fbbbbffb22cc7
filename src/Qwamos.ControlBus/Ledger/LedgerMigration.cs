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
            LedgerTables.Replace(database, version);
            MoveEntries(database, kept, version);
            database.Execute($"DROP TABLE old_entries; PRAGMA user_version={LedgerTables.FormatVersion}");
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

    /// <summary>The tree of formats 2 and 3: that of the entries' hashes, when it has the root that is kept.</summary>
    private static MerkleTree ReadHashes(LedgerDatabase database)
    {
        var tree = new MerkleTree();
        using (var hashes = database.Prepare("SELECT idx, leaf_hash FROM entries ORDER BY idx"))
        using (var reader = hashes.ExecuteReader())
        {
            while (reader.Read())
            {
                if (reader.GetInt64(0) != tree.Size || reader.GetFieldValue<byte[]>(1) is not { Length: MerkleTree.HashBytes } hash)
                    throw new LedgerIntegrityException($"Entry {tree.Size} is missing or has no hash: the ledger is not migrated.", tree.Size);
                tree.Append(hash);
            }
        }
        using var select = database.Prepare("SELECT size, root FROM tree WHERE id = 1");
        using var kept = select.ExecuteReader();
        return kept.Read() && kept.GetInt64(0) == tree.Size && kept.GetFieldValue<byte[]>(1).AsSpan().SequenceEqual(tree.Root())
            ? tree
            : throw new LedgerIntegrityException($"{database.Path} is not migrated: its {tree.Size} entries do not make the tree that it keeps.");
    }

    /// <summary>Leaves stay what they are. The time of a message, which formats 1 and 2 did not have beside its leaf, is read from it.</summary>
    private static void MoveEntries(LedgerDatabase database, MerkleTree kept, long version)
    {
        var appender = new EntryAppender(database);
        var tree = new MerkleTree();
        using (var envelope = database.Prepare("SELECT envelope FROM confidential WHERE idx = $1", 1))
        using (var select = database.Prepare($"SELECT idx, leaf, {(version == LedgerTables.WholeLeafFormatVersion ? "replay_key" : "nonce")} FROM old_entries ORDER BY idx"))
        using (var reader = select.ExecuteReader())
        {
            while (reader.Read())
            {
                var row = new LedgerRow(reader.GetInt64(0), reader.GetFieldValue<byte[]>(1), []);
                var entry = EntryReader.Read(row, index =>
                {
                    envelope.Parameters[0].Value = index;
                    return envelope.ExecuteScalar() as byte[];
                });
                var key = (entry as MessageEntry)?.Message is { } message ? ReplayKey.Of(message) : null;
                var expected = version == LedgerTables.WholeLeafFormatVersion ? key?.ToArray() : key?.Nonce.ToArray();
                var stored = reader.IsDBNull(2) ? null : reader.GetFieldValue<byte[]>(2);
                if (row.Index != tree.Size || !(stored ?? []).AsSpan().SequenceEqual(expected))
                    throw new LedgerIntegrityException(
                        $"Entry {row.Index} is not what was recorded: its column for the nonce does not hold the message's. The ledger is not migrated.", row.Index);
                appender.Append(tree, new NewEntry(row.Leaf, key));
            }
        }
        appender.Finish(tree);
        if (tree.Size != kept.Size || MerkleTree.FirstDifference(tree, kept) is not null)
            throw new LedgerIntegrityException($"{database.Path} is not migrated: its {tree.Size} entries do not make the tree of {kept.Size} that it keeps.");
    }
}
