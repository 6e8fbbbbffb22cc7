using Microsoft.Data.Sqlite;
using Qwamos.ControlBus.Keys;

namespace Qwamos.ControlBus.Ledger;

// A head is stored by itself from its second use on, if it is among the last few that were used. So the table of heads never takes more room
// than it saves, whoever sends what: heads that come once each stand in their entries, and push one another out here.

/// <summary>Which heads of leaves stand in table heads, so that entries can refer to them.</summary>
internal sealed class SharedHeads(LedgerDatabase database)
{
    private readonly PreparedWrite _insert = database.PrepareWrite("INSERT INTO heads(id, head) VALUES(?, ?)");
    private readonly SqliteCommand _selectNewest = database.Prepare(
        $"SELECT id, head FROM (SELECT id, head FROM heads ORDER BY id DESC LIMIT {Limits.MaxRecentHeads}) WHERE length(head) <= {Limits.MaxHeadBytes}");
    private readonly SqliteCommand _selectLast = database.Prepare("SELECT coalesce(max(id), 0) FROM heads");

    // The last used is the first; a head that is not in the table was used once.
    private List<Recent>? _recent;
    private long _last;

    /// <summary>The row of this head, which it may get now; null when the leaf is to be stored whole.</summary>
    public Head? Use(ReadOnlySpan<byte> head)
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
            recent.Insert(0, new Recent(head.ToArray(), null));
            return null;
        }
        var used = recent[place];
        if (used.Head is null)
        {
            _insert.With(++_last).With(head).Run();
            used = used with { Head = new Head(_last, head) };
        }
        else if (place == 0)
        {
            return used.Head;
        }
        recent.RemoveAt(place);
        recent.Insert(0, used);
        return used.Head;
    }

    /// <summary>What the table has is not known: it is read again.</summary>
    public void Forget() => _recent = null;

    private List<Recent> ReadNewest()
    {
        _last = (long)_selectLast.ExecuteScalar()!;
        if (_last is < 0 or > Limits.MaxSafeInteger)
            throw new LedgerIntegrityException($"The table of heads has one with the number {_last}.");
        var newest = new List<Recent>();
        using var reader = _selectNewest.ExecuteReader();
        while (reader.Read())
        {
            var bytes = reader.GetFieldValue<byte[]>(1);
            newest.Add(new Recent(bytes, new Head(reader.GetInt64(0), bytes)));
        }
        return newest;
    }

    /// <summary>A head in the table.</summary>
    public sealed class Head(long row, ReadOnlySpan<byte> bytes)
    {
        // RFC 6962's hash of a leaf begins with a zero.
        private readonly Sha256Prefix _prefix = new([0x00, .. bytes]);

        /// <summary>Its number.</summary>
        public long Row { get; } = row;

        /// <summary>The hash of the leaf that is this head and a rest, into 32 bytes.</summary>
        public void LeafHash(ReadOnlySpan<byte> rest, Span<byte> hash) => _prefix.Hash(rest, hash);
    }

    private readonly record struct Recent(byte[] Bytes, Head? Head);
}
