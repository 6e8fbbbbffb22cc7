using Microsoft.Data.Sqlite;

namespace Qwamos.ControlBus.Ledger;

// A head is stored by itself from its second use on, if it is among the last few that were used. So the table of heads never takes more room
// than it saves, whoever sends what: heads that come once each stand in their entries, and push one another out here.

/// <summary>Which heads of leaves stand in table heads, so that entries can refer to them.</summary>
internal sealed class SharedHeads(LedgerDatabase database)
{
    private readonly PreparedInsert _insert = database.PrepareInsert("INSERT INTO heads(id, head) VALUES(?, ?)");
    private readonly SqliteCommand _selectNewest = database.Prepare(
        $"SELECT id, head FROM (SELECT id, head FROM heads ORDER BY id DESC LIMIT {Limits.MaxRecentHeads}) WHERE length(head) <= {Limits.MaxHeadBytes}");
    private readonly SqliteCommand _selectLast = database.Prepare("SELECT coalesce(max(id), 0) FROM heads");

    // The last used is the first; a head without a row was used once.
    private List<Head>? _recent;
    private long _last;

    /// <summary>The row of this head, which it may get now; null when the leaf is to be stored whole.</summary>
    public long? Use(ReadOnlySpan<byte> head)
    {
        if (head.Length is 0 or > Limits.MaxHeadBytes)
            return null;
        var recent = _recent ??= ReadNewest();
        var place = 0;
        while (place < recent.Count && !head.SequenceEqual(recent[place].Bytes))
            place++;
        if (place == recent.Count)
        {
            if (place == Limits.MaxRecentHeads)
                recent.RemoveAt(place - 1);
            recent.Insert(0, new Head(head.ToArray(), null));
            return null;
        }
        var known = recent[place];
        if (known.Row is null)
        {
            _insert.With(++_last).With(head).Run();
            known = known with { Row = _last };
        }
        else if (place == 0)
        {
            return known.Row;
        }
        recent.RemoveAt(place);
        recent.Insert(0, known);
        return known.Row;
    }

    /// <summary>What the table has is not known: it is read again.</summary>
    public void Forget() => _recent = null;

    private List<Head> ReadNewest()
    {
        _last = (long)_selectLast.ExecuteScalar()!;
        if (_last is < 0 or > Limits.MaxSafeInteger)
            throw new LedgerIntegrityException($"The table of heads has one with the number {_last}.");
        var newest = new List<Head>();
        using var reader = _selectNewest.ExecuteReader();
        while (reader.Read())
            newest.Add(new Head(reader.GetFieldValue<byte[]>(1), reader.GetInt64(0)));
        return newest;
    }

    private readonly record struct Head(byte[] Bytes, long? Row);
}
