using Qwamos.ControlBus.Ledger;

namespace Qwamos.ControlBus.Audit;

/// <summary>
/// Makes the tiles of a growing tree in order, and its root: writer and verifier of an export both work with it, so that there is one
/// reading of the layout. Holds at most one tile a level.
/// </summary>
/// <param name="emit">Told of each tile when it is whole, and of the partial ones at the end; the bytes are valid during the call only.</param>
internal sealed class TileBuilder(Action<TreeTile, ReadOnlyMemory<byte>> emit)
{
    private readonly List<Level> _levels = [];
    private readonly byte[] _completed = new byte[MerkleTree.MaxLevels * MerkleTree.HashBytes];

    /// <summary>The tree over the leaves so far.</summary>
    public MerkleTree Tree { get; } = new();

    /// <summary>Appends a leaf by its 32-byte hash.</summary>
    public void Append(ReadOnlySpan<byte> leafHash)
    {
        var completed = Tree.Append(leafHash, _completed);
        AppendAt(0, leafHash);
        // The root of a tile that has become whole is the interior node so many levels up, which the leaf completed too.
        for (var number = 1; number * TreeTile.Levels <= completed; number++)
            AppendAt(number, _completed.AsSpan(((number * TreeTile.Levels) - 1) * MerkleTree.HashBytes, MerkleTree.HashBytes));
    }

    /// <summary>Gives the partial tiles at the right edge, the lowest level first.</summary>
    public void Finish()
    {
        for (var number = 0; number < _levels.Count; number++)
        {
            if (_levels[number].Count > 0)
                _levels[number].Emit(number, emit);
        }
    }

    private void AppendAt(int number, ReadOnlySpan<byte> hash)
    {
        if (number == _levels.Count)
            _levels.Add(new Level());
        var level = _levels[number];
        level.Append(hash);
        if (level.Count < TreeTile.FullWidth)
            return;
        level.Emit(number, emit);
        level.Next();
    }

    private sealed class Level
    {
        private readonly byte[] _hashes = new byte[TreeTile.FullWidth * MerkleTree.HashBytes];
        private long _index;

        public int Count { get; private set; }

        public void Append(ReadOnlySpan<byte> hash) => hash.CopyTo(_hashes.AsSpan(Count++ * MerkleTree.HashBytes));

        public void Emit(int number, Action<TreeTile, ReadOnlyMemory<byte>> emit) =>
            emit(new TreeTile(number, _index, Count), _hashes.AsMemory(0, Count * MerkleTree.HashBytes));

        /// <summary>Begins the next tile.</summary>
        public void Next()
        {
            Count = 0;
            _index++;
        }
    }
}
