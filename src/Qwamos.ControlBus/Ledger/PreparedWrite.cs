using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace Qwamos.ControlBus.Ledger;

/// <summary>A statement on the writer's path that gives no rows: bound from spans, without the copies, boxes and parameter objects of the ADO.NET layer. Give its values in order, then run it.</summary>
internal sealed class PreparedWrite(sqlite3 connection, sqlite3_stmt statement) : IDisposable
{
    private int _bound;

    public PreparedWrite With(long value) => Checked(raw.sqlite3_bind_int64(statement, ++_bound, value));

    public PreparedWrite With(ReadOnlySpan<byte> value) => Checked(raw.sqlite3_bind_blob(statement, ++_bound, value));

    public PreparedWrite WithNull() => Checked(raw.sqlite3_bind_null(statement, ++_bound));

    /// <exception cref="SqliteException">It failed; the caller's transaction decides what that means.</exception>
    public void Run()
    {
        _bound = 0;
        var code = raw.sqlite3_step(statement);
        if (code != raw.SQLITE_DONE)
        {
            var fault = Fault(code);
            _ = raw.sqlite3_reset(statement);
            throw fault;
        }
        Checked(raw.sqlite3_reset(statement));
    }

    public void Dispose() => statement.Dispose();

    private PreparedWrite Checked(int code)
    {
        if (code == raw.SQLITE_OK)
            return this;
        _bound = 0;
        throw Fault(code);
    }

    private SqliteException Fault(int code) =>
        new($"SQLite Error {code & 0xFF}: '{raw.sqlite3_errmsg(connection).utf8_to_string()}'.", code & 0xFF, raw.sqlite3_extended_errcode(connection));
}
