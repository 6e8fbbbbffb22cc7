using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Ledger;

namespace Qwamos.ControlBus.Audit;

/// <summary>Reads an export's files, each bounded; not from several threads at once. Nothing that it gives is verified: leaves and hashes are checked against the signed root by who asks.</summary>
/// <param name="directory">The export.</param>
/// <param name="size">Entries in it, as its checkpoint says: which tiles there are follows from that.</param>
public sealed class ExportReader(string directory, long size)
{
    /// <summary>The signed checkpoint's file.</summary>
    public const string CheckpointFile = "checkpoint";

    // One after the other, each bundle is read into it: they are long, and a new array for each would be most of the memory that is used up.
    private byte[] _bundle = [];

    /// <summary>The signed checkpoint's bytes.</summary>
    /// <exception cref="ExportFaultException">It cannot be read.</exception>
    public static byte[] ReadCheckpoint(string directory) => Read(directory, CheckpointFile, Limits.MaxNoteBytes);

    /// <summary>
    /// The statements about the ledger's key among an export's entries that hold under one of the operators' keys: each is true whoever brings it, so
    /// it counts before the checkpoint does.
    /// </summary>
    /// <exception cref="ExportFaultException">A file is not what it must be.</exception>
    public static IEnumerable<LedgerKeyStatement> ReadStatements(string directory, IReadOnlyList<VerifyingKey> operators)
    {
        if (!SignedNote.TryParse(ReadCheckpoint(directory), out var note, out _) || !Checkpoint.TryParse(note.Text, out var checkpoint, out _))
            yield break;
        var index = 0L;
        foreach (var leaf in new ExportReader(directory, checkpoint.Size).ReadLeaves(0, checkpoint.Size))
        {
            if (TryReadStatement(index++, leaf) is { } statement && operators.Any(statement.IsSignedBy))
                yield return statement;
        }
    }

    /// <summary>The leaves [from, to), in order.</summary>
    /// <exception cref="ExportFaultException">A bundle is not what it must be; after the leaves before it.</exception>
    public IEnumerable<byte[]> ReadLeaves(long from, long to)
    {
        while (from < to)
        {
            var tile = TileAt(0, from / TreeTile.FullWidth);
            foreach (var leaf in ReadEntries(tile).Skip((int)(from % TreeTile.FullWidth)).Take((int)Math.Min(TreeTile.FullWidth, to - from)))
            {
                yield return leaf;
                from++;
            }
        }
    }

    /// <summary>One leaf, of an index below the size.</summary>
    /// <exception cref="ExportFaultException">Its bundle is not what it must be.</exception>
    public byte[] ReadLeaf(long index) => ReadEntries(TileAt(0, index / TreeTile.FullWidth))[(int)(index % TreeTile.FullWidth)];

    /// <summary>RFC 6962's proofs from the export's tiles.</summary>
    public LedgerTree Tree() => new(() => size, ReadHash);

    /// <summary>The tile with a number of a level, as wide as the tree's size makes it.</summary>
    internal TreeTile TileAt(int level, long index) =>
        new(level, index, (int)Math.Min(TreeTile.FullWidth, (size >> (level * TreeTile.Levels)) - (index * TreeTile.FullWidth)));

    /// <summary>The leaves of the bundle at a level 0 tile's place: exactly as many as the tile is wide.</summary>
    internal List<byte[]> ReadEntries(TreeTile tile)
    {
        var length = Read(directory, tile.EntriesPath, EntryBundle.MaxBytes, ref _bundle);
        return EntryBundle.TryRead(_bundle.AsSpan(0, length), tile.Width, out var leaves, out var why)
            ? leaves
            : throw new ExportFaultException(new AuditFault(tile.EntriesPath, (tile.Index * TreeTile.FullWidth) + leaves.Count, why));
    }

    /// <summary>A tile's hashes: exactly as many as it is wide.</summary>
    internal byte[] ReadTile(TreeTile tile)
    {
        var hashes = Read(directory, tile.Path, TreeTile.FullWidth * MerkleTree.HashBytes);
        return hashes.Length == tile.Width * MerkleTree.HashBytes
            ? hashes
            : throw new ExportFaultException(new AuditFault(tile.Path, null, $"it has {hashes.Length} bytes, not {tile.Width * MerkleTree.HashBytes}"));
    }

    /// <summary>A node's hash, as the tiles have it.</summary>
    /// <exception cref="ExportFaultException">Its tile is not what it must be.</exception>
    internal byte[] ReadHash(TreePosition position)
    {
        // A node between two levels of tiles is the root over a part of one tile.
        var (level, above) = Math.DivRem(position.Level, TreeTile.Levels);
        var first = position.Index << above;
        var hashes = ReadTile(TileAt(level, first / TreeTile.FullWidth));
        var at = (int)(first % TreeTile.FullWidth);
        return MerkleTree.Of(hashes.Chunk(MerkleTree.HashBytes).Skip(at).Take(1 << above)).Root();
    }

    private static LedgerKeyStatement? TryReadStatement(long index, byte[] leaf)
    {
        // Most leaves are changes, and parsing them all twice would double the work.
        if (leaf.AsSpan().IndexOf("\"kind\":\"ledger-key\""u8) < 0)
            return null;
        try
        {
            return (EntryReader.ReadExported(index, leaf) as LedgerKeyEntry)?.Statement;
        }
        catch (LedgerIntegrityException)
        {
            return null;
        }
    }

    private static byte[] Read(string directory, string path, int maxBytes)
    {
        byte[] content = [];
        Array.Resize(ref content, Read(directory, path, maxBytes, ref content));
        return content;
    }

    private static int Read(string directory, string path, int maxBytes, ref byte[] buffer)
    {
        try
        {
            return DurableFile.ReadAllBounded(Path.Combine(directory, path), maxBytes, ref buffer);
        }
        catch (IOException e)
        {
            throw new ExportFaultException(new AuditFault(path, null, e is PosixException { IsNotFound: true } ? "it is missing" : e.Message));
        }
    }
}
