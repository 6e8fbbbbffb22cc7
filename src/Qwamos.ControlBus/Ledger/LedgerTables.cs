using Qwamos.ControlBus.Files;

namespace Qwamos.ControlBus.Ledger;

/// <summary>The tables of a ledger and the numbers that say that a file is one: docs/formats/ledger.md.</summary>
internal static class LedgerTables
{
    /// <summary>"QWML", in SQLite's application_id.</summary>
    public const int ApplicationId = 0x51574D4C;

    /// <summary>The version of the tables, in SQLite's user_version.</summary>
    public const int FormatVersion = 1;

    // leaf_hash and nonce stand before leaf, so that reading hashes alone does not follow a long leaf's overflow pages.
    private const string Create = """
        CREATE TABLE entries(idx INTEGER PRIMARY KEY, leaf_hash BLOB NOT NULL, nonce BLOB, leaf BLOB NOT NULL) STRICT;
        CREATE UNIQUE INDEX entries_nonce ON entries(nonce) WHERE nonce IS NOT NULL;
        CREATE TABLE confidential(idx INTEGER PRIMARY KEY, envelope BLOB NOT NULL) STRICT;
        CREATE TABLE tree(id INTEGER PRIMARY KEY CHECK(id = 1), size INTEGER NOT NULL, frontier BLOB NOT NULL) STRICT;
        CREATE TABLE snapshot(id INTEGER PRIMARY KEY CHECK(id = 1), size INTEGER NOT NULL, frontier BLOB NOT NULL,
            state BLOB NOT NULL, checksum BLOB NOT NULL) STRICT;
        CREATE TABLE deliveries(gateway TEXT PRIMARY KEY, idx INTEGER, missed TEXT NOT NULL) STRICT;
        INSERT INTO tree(id, size, frontier) VALUES(1, 0, x'');
        """;

    private const string Schema = "SELECT json_array(type, name, tbl_name, sql) FROM sqlite_schema";

    /// <summary>Refuses a file that is another program's, or that a newer version of this one wrote.</summary>
    public static void CheckFormat(LedgerDatabase database)
    {
        var application = database.QueryInteger("PRAGMA application_id");
        var version = database.QueryInteger("PRAGMA user_version");
        if (application == 0 && version == 0 && database.QueryInteger("SELECT count(*) FROM sqlite_schema") == 0)
            return;
        if (application != ApplicationId)
            throw new LedgerFormatException($"{database.Path} is not a ledger: it is another program's database.");
        if (version > FormatVersion)
            throw new LedgerFormatException(
                $"{database.Path} has format version {version}, and this program knows versions up to {FormatVersion}: install the newer version that wrote it.");
        if (version < FormatVersion)
            throw new LedgerFormatException($"{database.Path} has format version {version}, which no released version wrote.");
        CheckSchema(database);
    }

    /// <summary>Refuses tables, indices, views or triggers other than those that this program makes (ATTACKS 30): SQLite would run them.</summary>
    /// <exception cref="LedgerIntegrityException">Something is there that must not be, or is not there, or is another one.</exception>
    private static void CheckSchema(LedgerDatabase database)
    {
        using var made = LedgerDatabase.OpenEmpty();
        made.Execute(Create);
        var expected = made.QueryTexts(Schema);
        var found = database.QueryTexts(Schema);
        var other = found.Except(expected, StringComparer.Ordinal).Concat(expected.Except(found, StringComparer.Ordinal)).FirstOrDefault();
        if (other is not null || found.Count != expected.Count)
            throw new LedgerIntegrityException($"{database.Path} does not have exactly the tables of a ledger: {SafeText.ForTerminal(other ?? "one is there twice")}");
    }

    /// <summary>Makes the tables, in one transaction with the numbers that name the format.</summary>
    public static void CreateWhenNew(LedgerDatabase database)
    {
        if (database.QueryInteger("PRAGMA user_version") != 0)
            return;
        database.Write("making the tables", () =>
            database.Execute($"{Create} PRAGMA application_id={ApplicationId}; PRAGMA user_version={FormatVersion};"));
    }
}
