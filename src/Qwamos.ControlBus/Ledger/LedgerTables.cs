using Qwamos.ControlBus.Files;

namespace Qwamos.ControlBus.Ledger;

/// <summary>The tables of a ledger and the numbers that say that a file is one: docs/formats/ledger.md.</summary>
internal static class LedgerTables
{
    /// <summary>"QWML", in SQLite's application_id.</summary>
    public const int ApplicationId = 0x51574D4C;

    /// <summary>The version of the tables, in SQLite's user_version.</summary>
    public const int FormatVersion = 4;

    /// <summary>An earlier version, with each leaf whole in its row, and each nonce twice. It is migrated.</summary>
    public const int WholeLeafFormatVersion = 3;

    /// <summary>An earlier version, with its nonces indexed by themselves, in no order of time. It is migrated.</summary>
    public const int NonceFormatVersion = 2;

    /// <summary>The first version: like the second, without interior hashes, and the tree's frontier in place of its root. It is migrated.</summary>
    public const int FirstFormatVersion = 1;

    private const int WriteVersionAt = 18;
    private const int ReadVersionAt = 19;
    private const byte WriteAheadVersion = 2;

    // leaf stands last, so that reading what is before it does not follow a long leaf's overflow pages.
    private const string CreateEntries = """
        CREATE TABLE entries(idx INTEGER PRIMARY KEY, leaf_hash BLOB NOT NULL, head INTEGER, leaf BLOB NOT NULL) STRICT;
        CREATE TABLE heads(id INTEGER PRIMARY KEY, head BLOB NOT NULL) STRICT;
        CREATE TABLE nonces(timestamp INTEGER NOT NULL, first INTEGER NOT NULL, nonces BLOB NOT NULL, PRIMARY KEY(timestamp, first)) STRICT, WITHOUT ROWID;
        """;

    private const string CreateBeside = """
        CREATE TABLE confidential(idx INTEGER PRIMARY KEY, envelope BLOB NOT NULL) STRICT;
        CREATE TABLE snapshot(id INTEGER PRIMARY KEY CHECK(id = 1), size INTEGER NOT NULL, frontier BLOB NOT NULL,
            state BLOB NOT NULL, checksum BLOB NOT NULL) STRICT;
        """;

    private const string Deliveries = "CREATE TABLE deliveries(gateway TEXT PRIMARY KEY, idx INTEGER, missed TEXT NOT NULL) STRICT;";

    private const string CreateTree = """
        CREATE TABLE hashes(id INTEGER PRIMARY KEY, hash BLOB NOT NULL) STRICT;
        CREATE TABLE tree(id INTEGER PRIMARY KEY CHECK(id = 1), size INTEGER NOT NULL, root BLOB NOT NULL) STRICT;
        """;

    private const string Present = $"{CreateEntries} {CreateBeside} {CreateTree} {Deliveries}";

    private const string WholeLeafEntries = """
        CREATE TABLE entries(idx INTEGER PRIMARY KEY, leaf_hash BLOB NOT NULL, replay_key BLOB, leaf BLOB NOT NULL) STRICT;
        CREATE UNIQUE INDEX entries_replay_key ON entries(replay_key) WHERE replay_key IS NOT NULL;
        """;

    // Formats 1 and 2.
    private const string NonceEntries = """
        CREATE TABLE entries(idx INTEGER PRIMARY KEY, leaf_hash BLOB NOT NULL, nonce BLOB, leaf BLOB NOT NULL) STRICT;
        CREATE UNIQUE INDEX entries_nonce ON entries(nonce) WHERE nonce IS NOT NULL;
        """;

    // Format 1, whose first programs did not note what a gateway missed.
    private const string OldTree = "CREATE TABLE tree(id INTEGER PRIMARY KEY CHECK(id = 1), size INTEGER NOT NULL, frontier BLOB NOT NULL) STRICT;";
    private const string FirstDeliveries = "CREATE TABLE deliveries(gateway TEXT PRIMARY KEY, idx INTEGER NOT NULL) STRICT;";

    private const string Schema = "SELECT json_array(type, name, tbl_name, sql) FROM sqlite_schema";

    private const string EmptyTree =
        "INSERT INTO tree(id, size, root) VALUES(1, 0, x'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');";

    /// <summary>Refuses a file that is another program's, that a newer version of this one wrote, or, for reading only, an older one.</summary>
    public static void CheckFormat(LedgerDatabase database, LedgerOpenMode mode)
    {
        var application = database.QueryInteger("PRAGMA application_id");
        var version = database.QueryInteger("PRAGMA user_version");
        if (application != ApplicationId)
            throw new LedgerFormatException($"{database.Path} is not a ledger: it is another program's database.");
        if (version > FormatVersion)
            throw new LedgerFormatException(
                $"{database.Path} has format version {version}, and this program knows versions up to {FormatVersion}: install the newer version that wrote it.");
        if (version < FirstFormatVersion)
            throw new LedgerFormatException($"{database.Path} has format version {version}, which no released version wrote.");
        if (version < FormatVersion && mode == LedgerOpenMode.ReadOnly)
            throw new LedgerFormatException($"{database.Path} has the older format version {version}: the next start of its daemon migrates it.") { IsOlder = true };
        CheckSchema(database, version switch
        {
            FormatVersion => Present,
            WholeLeafFormatVersion => $"{WholeLeafEntries} {CreateBeside} {CreateTree} {Deliveries}",
            NonceFormatVersion => $"{NonceEntries} {CreateBeside} {CreateTree} {Deliveries}",
            _ => $"{NonceEntries} {CreateBeside} {OldTree} {(HasMissed(database) ? Deliveries : FirstDeliveries)}",
        });
    }

    /// <summary>The bytes of a ledger without entries, so that its file can be made whole, or not at all.</summary>
    public static byte[] EmptyFile()
    {
        using var database = LedgerDatabase.OpenEmpty();
        database.Execute($"{Present} {EmptyTree} PRAGMA application_id={ApplicationId}; PRAGMA user_version={FormatVersion};");
        var file = database.Serialize();
        // A database in memory has no write-ahead mode: the header's two version numbers say that this file has (SQLite's file format, 1.3).
        file[WriteVersionAt] = file[ReadVersionAt] = WriteAheadVersion;
        return file;
    }

    /// <summary>Puts the present tables of entries and hashes, still empty, in the place of an earlier format's, whose entries become <c>old_entries</c>.</summary>
    public static void Replace(LedgerDatabase database, long version)
    {
        database.Execute($"""
            ALTER TABLE entries RENAME TO old_entries;
            DROP INDEX {(version == WholeLeafFormatVersion ? "entries_replay_key" : "entries_nonce")};
            {CreateEntries}
            DROP TABLE tree;
            {(version == FirstFormatVersion ? "" : "DROP TABLE hashes;")}
            {CreateTree}
            """);
        // The first programs of format 1 had no list of what was missed.
        if (!HasMissed(database))
            database.Execute($"""
                ALTER TABLE deliveries RENAME TO old_deliveries;
                {Deliveries}
                INSERT INTO deliveries(gateway, idx, missed) SELECT gateway, idx, '[]' FROM old_deliveries;
                DROP TABLE old_deliveries;
                """);
    }

    /// <summary>What the reading of every entry does not see: rows beside them, and SQLite's own structure.</summary>
    /// <param name="database">The ledger.</param>
    /// <param name="size">Entries, each of which was read.</param>
    /// <param name="messages">Those of them that have a nonce, which was found.</param>
    /// <param name="confidential">Those of them that have a row in the side table, which was read.</param>
    /// <exception cref="LedgerIntegrityException">Something is there that must not be, or is not there.</exception>
    public static void CheckRest(LedgerDatabase database, long size, long messages, long confidential)
    {
        Demand(database.QueryInteger("SELECT count(*) FROM entries") == size, $"The table of entries has other rows than the entries 0 to {size - 1}.");
        Demand(database.QueryInteger("SELECT count(*) FROM hashes") == TreePosition.StoredNodes(size), "The table of hashes has rows that are not the tree's.");
        Demand(
            database.QueryInteger("SELECT count(*) FROM heads WHERE id NOT IN (SELECT head FROM entries WHERE head IS NOT NULL)") == 0,
            "The table of heads has one that no entry begins with.");
        Demand(
            database.QueryInteger("SELECT count(*) FROM entries WHERE head IS NOT NULL AND head NOT IN (SELECT id FROM heads)") == 0,
            "An entry begins with a head that is not in the table of heads.");
        // Each message's was found with its entry, so as many as there are messages are theirs and no others.
        Demand(
            database.QueryInteger("SELECT total(length(nonces)) FROM nonces") == messages * Limits.NonceBytes,
            "The table of nonces has some that belong to no entry.");
        Demand(database.QueryInteger("SELECT count(*) FROM confidential") == confidential, "The side table has envelopes that belong to no confidential entry.");
        Demand(database.QueryInteger("SELECT count(*) FROM tree") == 1, "The table of the tree has more than one row.");
        Demand(
            database.QueryInteger($"SELECT count(*) FROM deliveries WHERE idx < -1 OR idx >= {size}") == 0,
            "A gateway is noted as served with an entry that does not exist.");
        var fault = database.QueryText("PRAGMA integrity_check(1)");
        Demand(fault == "ok", $"The database is damaged: {fault}.");
    }

    /// <summary>Refuses tables, indices, views or triggers other than those that this program makes (ATTACKS 30): SQLite would run them.</summary>
    /// <exception cref="LedgerIntegrityException">Something is there that must not be, or is not there, or is another one.</exception>
    private static void CheckSchema(LedgerDatabase database, string tables)
    {
        using var made = LedgerDatabase.OpenEmpty();
        made.Execute(tables);
        var expected = made.QueryTexts(Schema);
        var found = database.QueryTexts(Schema);
        var other = found.Except(expected, StringComparer.Ordinal).Concat(expected.Except(found, StringComparer.Ordinal)).FirstOrDefault();
        if (other is not null || found.Count != expected.Count)
            throw new LedgerIntegrityException($"{database.Path} does not have exactly the tables of a ledger: {SafeText.ForTerminal(other ?? "one is there twice")}");
    }

    private static bool HasMissed(LedgerDatabase database) =>
        database.QueryInteger("SELECT count(*) FROM pragma_table_info('deliveries') WHERE name = 'missed'") > 0;

    private static void Demand(bool isSo, string otherwise)
    {
        if (!isSo)
            throw new LedgerIntegrityException(otherwise);
    }
}
