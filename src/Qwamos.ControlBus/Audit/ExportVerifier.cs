using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Ledger;

namespace Qwamos.ControlBus.Audit;

/// <summary>
/// Checks an export offline, trusting nothing in it but what the ledger's key signed: the checkpoint, every leaf hash and tile, the root, every
/// leaf's form, every envelope's signature, that no nonce stands twice, what domains say, and the fold. Stops at the first fault and says where it is.
/// </summary>
/// <param name="directory">The export.</param>
/// <param name="key">The ledger's key.</param>
/// <param name="signers">The operators' keys, at most 16: an entry of any other key is a fault.</param>
public sealed class ExportVerifier(string directory, NoteVerifierKey key, IReadOnlyList<VerifyingKey> signers)
{
    private readonly HashSet<string> _expected = new(StringComparer.Ordinal) { ExportReader.CheckpointFile };
    private ExportReader _export = null!;

    /// <summary>Runs it, once.</summary>
    /// <param name="progress">Told now and then how many entries of how many are done.</param>
    public AuditReport Verify(Action<long, long>? progress = null)
    {
        try
        {
            return Checkpoint.TryOpen(ExportReader.ReadCheckpoint(directory), key, out var checkpoint, out var why)
                ? Verify(checkpoint, progress)
                : new AuditReport { Fault = new AuditFault(ExportReader.CheckpointFile, null, why) };
        }
        catch (ExportFaultException e)
        {
            return new AuditReport { Fault = e.Fault };
        }
    }

    private AuditReport Verify(Checkpoint checkpoint, Action<long, long>? progress)
    {
        _export = new ExportReader(directory, checkpoint.Size);
        var tiles = new TileBuilder(CompareTile);
        // Each tile of level 0 was compared with the leaves when its turn came.
        var auditor = new HistoryAuditor(checkpoint, signers, tiles, index => _export.ReadHash(new TreePosition(0, index)));
        try
        {
            if (auditor.Check(Bundles(checkpoint), progress) is { } fault)
                return auditor.Report(fault);
            tiles.Finish();
            return auditor.Report(auditor.CheckRoot(ExportReader.CheckpointFile) ?? FirstStranger());
        }
        catch (ExportFaultException e)
        {
            return auditor.Report(e.Fault);
        }
    }

    private IEnumerable<LeafRun> Bundles(Checkpoint checkpoint)
    {
        for (var first = 0L; first < checkpoint.Size; first += TreeTile.FullWidth)
        {
            var tile = _export.TileAt(0, first / TreeTile.FullWidth);
            _expected.Add(tile.EntriesPath);
            yield return new LeafRun(tile.EntriesPath, first, _export.ReadEntries(tile), _export.ReadTile(tile));
        }
    }

    // Tiles of level 0 were compared leaf by leaf.
    private void CompareTile(TreeTile tile, ReadOnlyMemory<byte> hashes)
    {
        _expected.Add(tile.Path);
        if (tile.Level > 0 && !_export.ReadTile(tile).AsSpan().SequenceEqual(hashes.Span))
            throw new ExportFaultException(new AuditFault(tile.Path, null, "it is not the tile over the entries"));
    }

    /// <summary>The first file, link or the like that an export of this checkpoint does not have; empty folders say nothing and are left alone.</summary>
    private AuditFault? FirstStranger()
    {
        var found = new List<string>();
        var folders = new Stack<DirectoryInfo>([new DirectoryInfo(directory)]);
        while (folders.TryPop(out var folder))
        {
            foreach (var item in folder.EnumerateFileSystemInfos())
            {
                if (item is DirectoryInfo inner && inner.LinkTarget is null)
                    folders.Push(inner);
                else if (Path.GetRelativePath(directory, item.FullName) is var path && !_expected.Contains(path))
                    found.Add(path);
            }
        }
        return found.Order(StringComparer.Ordinal).FirstOrDefault() is { } stranger
            ? new AuditFault(SafeText.ForTerminal(stranger), null, "it is not part of the export: it was added")
            : null;
    }
}
