using System.Buffers;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Ledger;

namespace Qwamos.ControlBus.Audit;

// C2SP tlog-tiles, as files: `checkpoint`, `tile/<L>/<N>[.p/<W>]`, `tile/entries/<N>[.p/<W>]`. The same ledger and checkpoint give the same
// bytes in the same files, so that two exports can be compared with diff.

/// <summary>
/// Writes an export: every entry of a ledger up to a checkpoint, its tiles, and the checkpoint last, when all else is durable, so that half an
/// export is none.
/// </summary>
public sealed class ExportWriter
{
    private const UnixFileMode FileMode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;
    private const UnixFileMode DirectoryMode = FileMode | UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;

    private readonly string _directory;
    private readonly TileBuilder _tiles;
    private readonly ArrayBufferWriter<byte> _bundle = new();
    private readonly HashSet<string> _folders = new(StringComparer.Ordinal);
    private readonly List<string> _files = [];
    private long _withheld;
    private long _bytes;

    /// <param name="directory">Made when it is missing; else it must be empty.</param>
    /// <exception cref="IOException">It is not empty, or cannot be made.</exception>
    public ExportWriter(string directory)
    {
        _directory = Path.GetFullPath(directory);
        _tiles = new TileBuilder((tile, hashes) => Write(tile.Path, hashes.Span));
        if (!DurableFile.MakeDirectory(_directory, DirectoryMode) && Directory.EnumerateFileSystemEntries(_directory).Any())
            throw new IOException($"{SafeText.ForTerminal(_directory)} is not empty; an export goes into a new directory");
    }

    /// <summary>Adds the next entry.</summary>
    /// <exception cref="IOException">Writing failed.</exception>
    public void Add(ReadOnlySpan<byte> leaf)
    {
        EntryBundle.Append(_bundle, leaf);
        if (StrictJson.TryFindMember(leaf, "envelope_sha256", out _, Limits.MaxJsonDepth + 1))
            _withheld++;
        _tiles.Append(MerkleTree.LeafHash(leaf));
        if (_tiles.Tree.Size % TreeTile.FullWidth == 0)
            WriteBundle(TreeTile.FullWidth);
    }

    /// <summary>Ends the export: what is partial, and the checkpoint.</summary>
    /// <param name="note">The signed checkpoint, already verified.</param>
    /// <param name="checkpoint">What it says.</param>
    /// <exception cref="InvalidDataException">The entries are not those of the checkpoint; there is no checkpoint in the directory then.</exception>
    /// <exception cref="IOException">Writing failed.</exception>
    public ExportSummary Finish(ReadOnlySpan<byte> note, Checkpoint checkpoint)
    {
        if (_tiles.Tree.Size != checkpoint.Size || !_tiles.Tree.Root().AsSpan().SequenceEqual(checkpoint.RootHash.Span))
            throw new InvalidDataException("the entries are not those that the checkpoint was signed over");
        var width = (int)(checkpoint.Size % TreeTile.FullWidth);
        if (width > 0)
            WriteBundle(width);
        _tiles.Finish();
        Sync();
        if (!DurableFile.CreateNew(Path.Combine(_directory, ExportReader.CheckpointFile), note, FileMode))
            throw Taken(ExportReader.CheckpointFile);
        _bytes += note.Length;
        return new ExportSummary(checkpoint, _withheld, _bytes);
    }

    private void WriteBundle(int width)
    {
        Write(new TreeTile(0, (_tiles.Tree.Size - 1) / TreeTile.FullWidth, width).EntriesPath, _bundle.WrittenSpan);
        _bundle.ResetWrittenCount();
    }

    private void Write(string path, ReadOnlySpan<byte> content)
    {
        var parts = path.Split('/');
        for (var depth = 1; depth < parts.Length; depth++)
        {
            var folder = string.Join('/', parts, 0, depth);
            if (_folders.Add(folder))
                DurableFile.MakeDirectory(Path.Combine(_directory, folder), DirectoryMode);
        }
        if (!DurableFile.CreateUnsynced(Path.Combine(_directory, path), content, FileMode))
            throw Taken(path);
        _files.Add(path);
        _bytes += content.Length;
    }

    /// <summary>Makes every file durable, then every folder with their names: once for all, not each as it is written, which waits for the disk each time.</summary>
    private void Sync()
    {
        DurableFile.BeginSync(_directory);
        foreach (var path in _files)
            DurableFile.SyncFile(Path.Combine(_directory, path));
        foreach (var folder in _folders)
            DurableFile.SyncDirectory(Path.Combine(_directory, folder));
        DurableFile.SyncDirectory(_directory);
    }

    private static IOException Taken(string path) => new($"{SafeText.ForTerminal(path)} exists already: something else writes into the directory");
}
