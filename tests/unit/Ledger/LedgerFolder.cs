using Qwamos.ControlBus.Ledger;

namespace Qwamos.ControlBus.Tests.Ledger;

/// <summary>A private folder for one test, with a ledger's path in it.</summary>
internal sealed class LedgerFolder : IDisposable
{
    public LedgerFolder() => Dir = Directory.CreateTempSubdirectory("qwamos-ledger-").FullName;

    public string Dir { get; }

    public string File => Path.Combine(Dir, "ledger.db");

    public LedgerStore Open(LedgerOpenMode mode = LedgerOpenMode.ReadWrite) => LedgerStore.Open(File, mode);

    /// <summary>What a crash leaves: the files as they are, copied while the ledger is open.</summary>
    public LedgerFolder CopyAsAfterACrash()
    {
        var copy = new LedgerFolder();
        foreach (var name in (string[])["ledger.db", "ledger.db-wal"])
        {
            var from = Path.Combine(Dir, name);
            if (!System.IO.File.Exists(from))
                continue;
            using var source = new FileStream(from, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            using var target = new FileStream(Path.Combine(copy.Dir, name), FileMode.CreateNew, FileAccess.Write);
            source.CopyTo(target);
        }
        return copy;
    }

    /// <summary>Runs SQL on the closed ledger, as somebody with an editor for databases would.</summary>
    public void Tamper(string sql)
    {
        using var connection = new Microsoft.Data.Sqlite.SqliteConnection($"Data Source={File};Pooling=False");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }

    /// <summary>The number that a query gives.</summary>
    public long Count(string sql)
    {
        using var connection = new Microsoft.Data.Sqlite.SqliteConnection($"Data Source={File};Pooling=False");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        return (long)command.ExecuteScalar()!;
    }

    public void Dispose() => Directory.Delete(Dir, recursive: true);
}
