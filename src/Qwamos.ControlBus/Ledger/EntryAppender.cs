namespace Qwamos.ControlBus.Ledger;

/// <summary>Puts entries and what stands beside them into the tables, within the caller's transaction: which it makes durable, or tells of by <see cref="Forget"/>.</summary>
internal sealed class EntryAppender
{
    private readonly PreparedWrite _entry;
    private readonly PreparedWrite _confidential;
    private readonly PreparedWrite _hash;
    private readonly PreparedWrite _tree;
    private readonly SharedHeads _heads;
    private readonly NonceRun _nonces;
    private readonly byte[] _completed = new byte[MerkleTree.MaxLevels * MerkleTree.HashBytes];

    public EntryAppender(LedgerDatabase database)
    {
        _entry = database.PrepareWrite("INSERT INTO entries(idx, leaf_hash, head, leaf) VALUES(?, ?, ?, ?)");
        _confidential = database.PrepareWrite("INSERT INTO confidential(idx, envelope) VALUES(?, ?)");
        _hash = database.PrepareWrite("INSERT INTO hashes(id, hash) VALUES(?, ?)");
        _tree = database.PrepareWrite("INSERT OR REPLACE INTO tree(id, size, root) VALUES(1, ?, ?)");
        _heads = new SharedHeads(database);
        _nonces = new NonceRun(database);
    }

    /// <summary>Appends one entry, which the tree grows by.</summary>
    public void Append(MerkleTree tree, NewEntry entry)
    {
        var index = tree.Size;
        var leaf = entry.Leaf.Span;
        Span<byte> hash = stackalloc byte[MerkleTree.HashBytes];
        if (_heads.Use(leaf[..entry.HeadBytes]) is { } head)
        {
            var rest = leaf[entry.HeadBytes..];
            head.LeafHash(rest, hash);
            _entry.With(index).With(hash[..StoredEntry.HashBytes]).With(head.Row).With(rest).Run();
        }
        else
        {
            MerkleTree.LeafHash(leaf, hash);
            _entry.With(index).With(hash[..StoredEntry.HashBytes]).WithNull().With(leaf).Run();
        }
        if (entry.ConfidentialEnvelope is { } envelope)
            _confidential.With(index).With(envelope.Span).Run();
        if (entry.Key is { } key)
            _nonces.Add(key, index);
        var levels = tree.Append(hash, _completed);
        for (var level = TreePosition.StoredLevel; level <= levels; level++)
            _hash.With(new TreePosition(level, index >> level).Number).With(_completed.AsSpan((level - 1) * MerkleTree.HashBytes, MerkleTree.HashBytes)).Run();
    }

    /// <summary>Puts what is left into the tables, and the tree as it is now: the transaction's last.</summary>
    public void Finish(MerkleTree tree)
    {
        _nonces.Flush();
        _tree.With(tree.Size).With(tree.Root()).Run();
    }

    /// <summary>Nothing since the last transaction is in the tables.</summary>
    public void Forget()
    {
        _heads.Forget();
        _nonces.Forget();
    }
}
