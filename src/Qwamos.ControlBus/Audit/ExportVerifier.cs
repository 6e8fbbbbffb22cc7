using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Policy;

namespace Qwamos.ControlBus.Audit;

/// <summary>
/// Checks an export offline, trusting nothing in it but what the ledger's key signed: the checkpoint, every leaf hash and tile, the root, every
/// leaf's form, every envelope's signature, that no nonce stands twice, and the fold. Stops at the first fault and says where it is.
/// </summary>
/// <param name="directory">The export.</param>
/// <param name="key">The ledger's key.</param>
/// <param name="signers">The operators' keys, at most 16: an entry of any other key is a fault.</param>
public sealed class ExportVerifier(string directory, NoteVerifierKey key, IReadOnlyList<VerifyingKey> signers)
{
    internal const string CheckpointFile = "checkpoint";

    private readonly HashSet<string> _expected = new(StringComparer.Ordinal) { CheckpointFile };
    private readonly HashSet<Nonce> _nonces = [];
    private EntryAuditor _auditor = null!;
    private TileBuilder _tiles = null!;
    private AuditFault? _tileFault;
    private PolicyState _state = PolicyState.Empty;
    private long _signatures;
    private long _withheld;

    /// <summary>Runs it, once.</summary>
    /// <param name="progress">Told now and then how many entries of how many are done.</param>
    public AuditReport Verify(Action<long, long>? progress = null)
    {
        if (!TryRead(CheckpointFile, Limits.MaxNoteBytes, out var note, out var fault))
            return new AuditReport { Fault = fault };
        if (!Checkpoint.TryOpen(note, key, out var checkpoint, out var why))
            return new AuditReport { Fault = new AuditFault(CheckpointFile, null, why) };
        _auditor = new EntryAuditor(signers, checkpoint.SystemId);
        _tiles = new TileBuilder(CompareTile);
        fault = CheckEntries(checkpoint, progress) ?? CheckEnd(checkpoint);
        return new AuditReport
        {
            Fault = fault,
            Checkpoint = checkpoint,
            Entries = _tiles.Tree.Size,
            Signatures = _signatures,
            Withheld = _withheld,
            State = _state,
        };
    }

    private AuditFault? CheckEntries(Checkpoint checkpoint, Action<long, long>? progress)
    {
        for (var first = 0L; first < checkpoint.Size; first += TreeTile.FullWidth)
        {
            var tile = new TreeTile(0, first / TreeTile.FullWidth, (int)Math.Min(TreeTile.FullWidth, checkpoint.Size - first));
            if (CheckBundle(tile, first) is { } fault)
                return fault;
            progress?.Invoke(_tiles.Tree.Size, checkpoint.Size);
        }
        _tiles.Finish();
        return _tileFault;
    }

    private AuditFault? CheckBundle(TreeTile tile, long first)
    {
        var place = tile.EntriesPath;
        _expected.Add(place);
        if (!TryRead(place, EntryBundle.MaxBytes, out var bundle, out var fault) || !TryRead(tile.Path, TreeTile.FullWidth * MerkleTree.HashBytes, out var hashes, out fault))
            return fault;
        if (!EntryBundle.TryRead(bundle, tile.Width, out var leaves, out var why))
            return new AuditFault(place, first + leaves.Count, why);
        if (hashes.Length != tile.Width * MerkleTree.HashBytes)
            return new AuditFault(tile.Path, null, $"it has {hashes.Length} bytes, not {tile.Width * MerkleTree.HashBytes}");
        var audited = new AuditedEntry[leaves.Count];
        var computed = new byte[leaves.Count][];
        Parallel.For(0, leaves.Count, i =>
        {
            computed[i] = MerkleTree.LeafHash(leaves[i]);
            // What is not in the tree is not worth a look: its hash is the fault to be told.
            if (computed[i].AsSpan().SequenceEqual(hashes.AsSpan(i * MerkleTree.HashBytes, MerkleTree.HashBytes)))
                audited[i] = _auditor.Judge(first + i, leaves[i]);
        });
        for (var i = 0; i < leaves.Count; i++)
        {
            if (Take(first + i, audited[i]) is { } entryFault)
                return new AuditFault(place, first + i, entryFault);
            _tiles.Append(computed[i]);
            if (_tileFault is not null)
                return _tileFault;
        }
        return null;
    }

    private string? Take(long index, AuditedEntry audited)
    {
        if (!audited.IsSound)
            return audited.Fault ?? "its bytes do not have the hash that is in the tree";
        if (audited.Entry is WithheldEntry)
            _withheld++;
        if (audited.Entry is MessageEntry message)
        {
            _signatures++;
            if (!_nonces.Add(message.Message.Nonce!.Value))
                return "its nonce stands in an earlier entry: the message was replayed";
        }
        try
        {
            _state = LedgerFold.Apply(_state, audited.Entry!, index);
            return null;
        }
        catch (InvalidDataException e)
        {
            return e.Message;
        }
    }

    private void CompareTile(TreeTile tile, ReadOnlyMemory<byte> hashes)
    {
        _expected.Add(tile.Path);
        if (_tileFault is not null || (TryRead(tile.Path, TreeTile.FullWidth * MerkleTree.HashBytes, out var stored, out _tileFault) && stored.AsSpan().SequenceEqual(hashes.Span)))
            return;
        _tileFault ??= new AuditFault(tile.Path, null, "it is not the tile over the entries");
    }

    private AuditFault? CheckEnd(Checkpoint checkpoint)
    {
        if (!_tiles.Tree.Root().AsSpan().SequenceEqual(checkpoint.RootHash.Span))
            return new AuditFault(CheckpointFile, null, $"the entries' root hash is {Convert.ToHexStringLower(_tiles.Tree.Root())}, and {checkpoint.RootHex} was signed: entries were changed together with their tiles");
        return FirstStranger() is { } stranger ? new AuditFault(SafeText.ForTerminal(stranger), null, "it is not part of the export: it was added") : null;
    }

    /// <summary>The first file, link or the like that an export of this checkpoint does not have; empty folders say nothing and are left alone.</summary>
    private string? FirstStranger()
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
        return found.Order(StringComparer.Ordinal).FirstOrDefault();
    }

    private bool TryRead(string path, int maxBytes, out byte[] content, out AuditFault? fault)
    {
        try
        {
            content = DurableFile.ReadAllBounded(Path.Combine(directory, path), maxBytes);
            fault = null;
            return true;
        }
        catch (IOException e)
        {
            content = [];
            fault = new AuditFault(path, null, e is PosixException { IsNotFound: true } ? "it is missing" : e.Message);
            return false;
        }
    }
}
