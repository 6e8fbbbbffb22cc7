using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Microsoft.Data.Sqlite;
using Qwamos.ControlBus.Envelopes;

namespace Qwamos.ControlBus.Ledger;

/// <summary>
/// Reads the table of nonces. A row holds the nonces of entries that follow one another and have one timestamp; within a second they are looked
/// through one by one, 16 bytes each. Neither locks nor maps errors.
/// </summary>
internal sealed class NonceRows(LedgerDatabase database)
{
    private readonly SqliteCommand _selectSecond = database.Prepare("SELECT timestamp, first, nonces FROM nonces WHERE timestamp = $1 ORDER BY first", 1);
    private readonly SqliteCommand _selectRow = database.Prepare(
        "SELECT timestamp, first, nonces FROM nonces WHERE timestamp = $1 AND first <= $2 ORDER BY first DESC LIMIT 1", 2);
    private readonly SqliteCommand _selectSeconds = database.Prepare(
        "SELECT timestamp, first, nonces FROM nonces WHERE timestamp >= $1 AND timestamp < $2 ORDER BY timestamp, first", 2);
    private readonly SqliteCommand _selectAll = database.Prepare("SELECT timestamp, first, nonces FROM nonces");

    /// <summary>The first entry whose message has this time and nonce.</summary>
    public long? Find(ReplayKey key)
    {
        LedgerStatements.Set(_selectSecond, key.TimestampSeconds);
        return Find(_selectSecond, key.Nonce);
    }

    /// <summary>An entry whose message has this nonce: reads the whole table.</summary>
    public long? FindNonce(Nonce nonce) => Find(_selectAll, nonce);

    /// <summary>Whether this time and nonce stand in the place of the entry with this index.</summary>
    public bool Holds(ReplayKey key, long index)
    {
        LedgerStatements.Set(_selectRow, key.TimestampSeconds, index);
        foreach (var (_, first, nonces) in Read(_selectRow))
        {
            var at = index - first;
            return at < nonces.Length / Limits.NonceBytes && NonceAt(nonces, (int)at) == key.Nonce;
        }
        return false;
    }

    /// <summary>Those with a timestamp in [from, to), oldest first, each with its index; false when there are more than so many.</summary>
    public bool TryRead(long fromSeconds, long toSeconds, int count, Action<ReplayKey, long> take)
    {
        LedgerStatements.Set(_selectSeconds, fromSeconds, toSeconds);
        foreach (var (timestamp, first, nonces) in Read(_selectSeconds))
        {
            for (var i = 0; i < nonces.Length / Limits.NonceBytes; i++, count--)
            {
                if (count == 0)
                    return false;
                take(new ReplayKey(timestamp, NonceAt(nonces, i)), first + i);
            }
        }
        return true;
    }

    /// <summary>No message is recorded twice.</summary>
    /// <exception cref="LedgerIntegrityException">One is.</exception>
    public void CheckUnique()
    {
        var second = new List<UInt128>();
        var timestamp = 0L;
        foreach (var row in Read(_selectAll))
        {
            if (row.Timestamp != timestamp)
                CheckUnique(timestamp, second);
            timestamp = row.Timestamp;
            for (var i = 0; i < row.Nonces.Length / Limits.NonceBytes; i++)
                second.Add(NonceAt(row.Nonces, i).Value);
        }
        CheckUnique(timestamp, second);
    }

    private static void CheckUnique(long timestamp, List<UInt128> second)
    {
        second.Sort();
        var nonces = CollectionsMarshal.AsSpan(second);
        for (var i = 1; i < nonces.Length; i++)
        {
            if (nonces[i] == nonces[i - 1])
                throw new LedgerIntegrityException($"The message with the timestamp {timestamp} and the nonce {new Nonce(nonces[i])} is recorded twice.");
        }
        second.Clear();
    }

    private static long? Find(SqliteCommand select, Nonce nonce)
    {
        foreach (var (_, first, nonces) in Read(select))
        {
            for (var i = 0; i < nonces.Length / Limits.NonceBytes; i++)
            {
                if (NonceAt(nonces, i) == nonce)
                    return first + i;
            }
        }
        return null;
    }

    private static Nonce NonceAt(byte[] nonces, int place) => new(BinaryPrimitives.ReadUInt128BigEndian(nonces.AsSpan(place * Limits.NonceBytes)));

    private static IEnumerable<(long Timestamp, long First, byte[] Nonces)> Read(SqliteCommand select)
    {
        using var reader = select.ExecuteReader();
        while (reader.Read())
        {
            var first = reader.GetInt64(1);
            var nonces = reader.GetFieldValue<byte[]>(2);
            if (nonces.Length is 0 or > Limits.MaxNoncesOfARow * Limits.NonceBytes || nonces.Length % Limits.NonceBytes != 0)
                throw new LedgerIntegrityException($"Entry {first} has nonces of {nonces.Length} bytes.", first);
            yield return (reader.GetInt64(0), first, nonces);
        }
    }
}
