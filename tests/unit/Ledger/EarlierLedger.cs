using Microsoft.Data.Sqlite;
using Qwamos.ControlBus.Ledger;

namespace Qwamos.ControlBus.Tests.Ledger;

/// <summary>Makes of a ledger one of an earlier format, as earlier programs wrote it: its leaves, and its tables, word for word.</summary>
internal static class EarlierLedger
{
    private const string Deliveries = "CREATE TABLE deliveries(gateway TEXT PRIMARY KEY, idx INTEGER, missed TEXT NOT NULL) STRICT";
    private const string FirstDeliveries = "CREATE TABLE deliveries(gateway TEXT PRIMARY KEY, idx INTEGER NOT NULL) STRICT";

    private const string NonceEntries = """
        CREATE TABLE entries(idx INTEGER PRIMARY KEY, leaf_hash BLOB NOT NULL, nonce BLOB, leaf BLOB NOT NULL) STRICT;
        CREATE UNIQUE INDEX entries_nonce ON entries(nonce) WHERE nonce IS NOT NULL;
        """;

    private const string WholeLeafEntries = """
        CREATE TABLE entries(idx INTEGER PRIMARY KEY, leaf_hash BLOB NOT NULL, replay_key BLOB, leaf BLOB NOT NULL) STRICT;
        CREATE UNIQUE INDEX entries_replay_key ON entries(replay_key) WHERE replay_key IS NOT NULL;
        """;

    private const string Beside = """
        CREATE TABLE confidential(idx INTEGER PRIMARY KEY, envelope BLOB NOT NULL) STRICT;
        CREATE TABLE snapshot(id INTEGER PRIMARY KEY CHECK(id = 1), size INTEGER NOT NULL, frontier BLOB NOT NULL,
            state BLOB NOT NULL, checksum BLOB NOT NULL) STRICT;
        """;

    private const string FirstTree = "CREATE TABLE tree(id INTEGER PRIMARY KEY CHECK(id = 1), size INTEGER NOT NULL, frontier BLOB NOT NULL) STRICT;";

    private const string Tree = """
        CREATE TABLE hashes(id INTEGER PRIMARY KEY, hash BLOB NOT NULL) STRICT;
        CREATE TABLE tree(id INTEGER PRIMARY KEY CHECK(id = 1), size INTEGER NOT NULL, root BLOB NOT NULL) STRICT;
        """;

    /// <summary>Fills a new folder with what a ledger holds, in an earlier format and write-ahead mode.</summary>
    /// <param name="present">The ledger in the present format.</param>
    /// <param name="format">1 to 3.</param>
    /// <param name="root">The root hash over its leaves, which are in their first form.</param>
    /// <param name="isFirst">Deliveries are those of the first programs of format 1, which did not note what a gateway missed.</param>
    public static LedgerFolder Of(LedgerFolder present, int format, out byte[] root, bool isFirst = false)
    {
        using var store = present.Open();
        var old = new LedgerFolder();
        old.Tamper($"""
            PRAGMA journal_mode=WAL;
            {(format < 3 ? NonceEntries : WholeLeafEntries)}
            {Beside}
            {(isFirst ? FirstDeliveries : Deliveries)};
            ATTACH '{present.File}' AS present;
            INSERT INTO confidential SELECT idx, envelope FROM present.confidential;
            INSERT INTO deliveries SELECT gateway, idx{(isFirst ? "" : ", missed")} FROM present.deliveries;
            {(format == 1 ? FirstTree : Tree)}
            PRAGMA application_id={0x51574D4C};
            PRAGMA user_version={format};
            """);
        using var connection = new SqliteConnection($"Data Source={old.File};Pooling=False");
        connection.Open();
        root = Fill(connection, store, format);
        File.SetUnixFileMode(old.File, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        return old;
    }

    private static byte[] Fill(SqliteConnection connection, LedgerStore store, int format)
    {
        using var all = connection.BeginTransaction();
        var tree = new MerkleTree();
        var completed = new byte[MerkleTree.MaxLevels * MerkleTree.HashBytes];
        var snapshot = store.ReadSnapshot();
        long next = 0;
        foreach (var row in store.ReadFrom(0))
        {
            var entry = store.Parse(row);
            var leaf = EntryWriter.WriteUnbounded(entry, EntryWriter.FirstVersion);
            var hash = MerkleTree.LeafHash(leaf);
            var key = entry is MessageEntry message ? ReplayKey.Of(message.Message) : null;
            Insert(connection, "INSERT INTO entries VALUES($1, $2, $3, $4)", row.Index, hash, format < 3 ? key?.Nonce.ToArray() : key?.ToArray(), leaf);
            var levels = tree.Append(hash, completed);
            for (var level = 0; level < levels && format > 1; level++)
                Insert(connection, "INSERT INTO hashes VALUES($1, $2)", next++, completed.AsSpan(level * MerkleTree.HashBytes, MerkleTree.HashBytes).ToArray());
            if (snapshot?.Size == tree.Size)
            {
                var old = snapshot with { Frontier = tree.Frontier() };
                Insert(connection, "INSERT INTO snapshot VALUES(1, $1, $2, $3, $4)", old.Size, old.Frontier, old.State, old.Checksum());
            }
        }
        Insert(connection, "INSERT INTO tree VALUES(1, $1, $2)", tree.Size, format == 1 ? tree.Frontier() : tree.Root());
        all.Commit();
        return tree.Root();
    }

    private static void Insert(SqliteConnection connection, string sql, params object?[] values)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        for (var i = 0; i < values.Length; i++)
            command.Parameters.AddWithValue($"${i + 1}", values[i] ?? DBNull.Value);
        command.ExecuteNonQuery();
    }
}
