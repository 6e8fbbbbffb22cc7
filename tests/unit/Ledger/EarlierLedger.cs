using Qwamos.ControlBus.Ledger;

namespace Qwamos.ControlBus.Tests.Ledger;

/// <summary>Turns a ledger into one of an earlier format, as earlier programs wrote it: its tables, word for word.</summary>
internal static class EarlierLedger
{
    private const string Deliveries = "CREATE TABLE deliveries(gateway TEXT PRIMARY KEY, idx INTEGER, missed TEXT NOT NULL) STRICT";
    private const string FirstDeliveries = "CREATE TABLE deliveries(gateway TEXT PRIMARY KEY, idx INTEGER NOT NULL) STRICT";

    private const string Tables = """
        CREATE TABLE entries(idx INTEGER PRIMARY KEY, leaf_hash BLOB NOT NULL, nonce BLOB, leaf BLOB NOT NULL) STRICT;
        CREATE UNIQUE INDEX entries_nonce ON entries(nonce) WHERE nonce IS NOT NULL;
        CREATE TABLE confidential(idx INTEGER PRIMARY KEY, envelope BLOB NOT NULL) STRICT;
        CREATE TABLE snapshot(id INTEGER PRIMARY KEY CHECK(id = 1), size INTEGER NOT NULL, frontier BLOB NOT NULL,
            state BLOB NOT NULL, checksum BLOB NOT NULL) STRICT;
        """;

    /// <summary>Fills a new folder with what a ledger holds, in an earlier format and write-ahead mode.</summary>
    /// <param name="present">The ledger in the present format.</param>
    /// <param name="format">1 or 2.</param>
    /// <param name="isFirst">Deliveries are those of the first programs of format 1, which did not note what a gateway missed.</param>
    public static LedgerFolder Of(LedgerFolder present, int format, bool isFirst = false)
    {
        MerkleTree tree;
        using (var store = present.Open())
            tree = store.Tree();
        var old = new LedgerFolder();
        old.Tamper($"""
            PRAGMA journal_mode=WAL;
            {Tables}
            {(isFirst ? FirstDeliveries : Deliveries)};
            ATTACH '{present.File}' AS present;
            INSERT INTO entries SELECT idx, leaf_hash, substr(replay_key, 9), leaf FROM present.entries;
            INSERT INTO confidential SELECT idx, envelope FROM present.confidential;
            INSERT INTO snapshot SELECT id, size, frontier, state, checksum FROM present.snapshot;
            INSERT INTO deliveries SELECT gateway, idx{(isFirst ? "" : ", missed")} FROM present.deliveries;
            {(format == 1 ? Frontier(tree) : Hashes)}
            PRAGMA application_id={0x51574D4C};
            PRAGMA user_version={format};
            """);
        File.SetUnixFileMode(old.File, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        return old;
    }

    private static string Frontier(MerkleTree tree) => $"""
        CREATE TABLE tree(id INTEGER PRIMARY KEY CHECK(id = 1), size INTEGER NOT NULL, frontier BLOB NOT NULL) STRICT;
        INSERT INTO tree(id, size, frontier) VALUES(1, {tree.Size}, x'{Convert.ToHexString(tree.Frontier())}');
        """;

    private const string Hashes = """
        CREATE TABLE hashes(id INTEGER PRIMARY KEY, hash BLOB NOT NULL) STRICT;
        CREATE TABLE tree(id INTEGER PRIMARY KEY CHECK(id = 1), size INTEGER NOT NULL, root BLOB NOT NULL) STRICT;
        INSERT INTO hashes SELECT id, hash FROM present.hashes;
        INSERT INTO tree SELECT id, size, root FROM present.tree;
        """;
}
