using System.Buffers.Binary;

namespace Qwamos.ControlBus.Ledger;

// A row of table nonces holds those of entries that follow one another and were signed in one second. The last row grows until it is full, so
// that messages that come one by one take no more room than those of a batch.

/// <summary>Writes the table of nonces: the row that is being filled.</summary>
internal sealed class NonceRun(LedgerDatabase database)
{
    private readonly PreparedWrite _replace = database.PrepareWrite("INSERT OR REPLACE INTO nonces(timestamp, first, nonces) VALUES(?, ?, ?)");
    private readonly byte[] _bytes = new byte[Limits.MaxNoncesOfARow * Limits.NonceBytes];
    private long _timestamp;
    private long _first;
    private int _count;
    private bool _isChanged;

    /// <summary>Adds the nonce of an entry.</summary>
    public void Add(ReplayKey key, long index)
    {
        if (_count == Limits.MaxNoncesOfARow || _timestamp != key.TimestampSeconds || _first + _count != index)
        {
            Flush();
            (_timestamp, _first, _count) = (key.TimestampSeconds, index, 0);
        }
        BinaryPrimitives.WriteUInt128BigEndian(_bytes.AsSpan(_count++ * Limits.NonceBytes), key.Nonce.Value);
        _isChanged = true;
    }

    /// <summary>Writes the row as it is now.</summary>
    public void Flush()
    {
        if (_isChanged)
            _replace.With(_timestamp).With(_first).With(_bytes.AsSpan(0, _count * Limits.NonceBytes)).Run();
        _isChanged = false;
    }

    /// <summary>What the table has of the row is not known: the next nonce begins another one.</summary>
    public void Forget() => (_count, _isChanged) = (Limits.MaxNoncesOfARow, false);
}
