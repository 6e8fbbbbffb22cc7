using Qwamos.ControlBus.Ledger;

namespace Qwamos.ControlBus.Audit;

/// <summary>The hashes of the newest leaves of a ledger that is read in order: a bounded number, however long it is. Not thread-safe.</summary>
internal sealed class RecentHashes
{
    /// <summary>Leaves whose hashes are kept, in half a MiB: a domain speaks of a change soon after it, but for one that was away.</summary>
    public const int MaxLeaves = 16_384;

    private readonly byte[] _hashes = new byte[MaxLeaves * MerkleTree.HashBytes];
    private long _size;

    /// <summary>Takes the next leaf's 32-byte hash, and drops the oldest one when there are too many.</summary>
    public void Append(ReadOnlySpan<byte> leafHash) => leafHash.CopyTo(Place(_size++));

    /// <summary>The hash of a leaf; null when it is too old, or not there yet.</summary>
    public byte[]? Find(long index) => index >= 0 && index < _size && index >= _size - MaxLeaves ? Place(index).ToArray() : null;

    private Span<byte> Place(long index) => _hashes.AsSpan((int)(index % MaxLeaves) * MerkleTree.HashBytes, MerkleTree.HashBytes);
}
