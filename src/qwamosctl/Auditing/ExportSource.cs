using Qwamos.Client.Talking;
using Qwamos.ControlBus.Audit;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Policy;

namespace Qwamos.Client.Auditing;

/// <summary>An exported copy of a ledger.</summary>
internal sealed class ExportSource(string directory, Session session, NoteVerifierKey? given) : ILedgerSource
{
    public string Place => directory;

    public bool TryGetCheckpoint(out SignedCheckpoint checkpoint, out Failure failure)
    {
        checkpoint = null!;
        try
        {
            if (!ExportFolder.TryCheck(directory, out failure))
                return false;
            var note = ExportReader.ReadCheckpoint(directory);
            if (!LedgerKeyOption.TryFind(session, given, note, Path.Combine(directory, ExportReader.CheckpointFile), [], out var key, out _, out failure))
                return false;
            if (!Checkpoint.TryOpen(note, key, out var opened, out var fault))
                return No(new AuditFault(ExportReader.CheckpointFile, null, fault), out failure);
            checkpoint = new SignedCheckpoint(note, opened, key, null);
            return true;
        }
        catch (ExportFaultException e)
        {
            return No(e.Fault, out failure);
        }
    }

    public IEnumerable<byte[]> ReadLeaves(long from, long to)
    {
        using var leaves = new ExportReader(directory, to).ReadLeaves(from, to).GetEnumerator();
        while (TryMove(leaves))
            yield return leaves.Current;
    }

    public bool TryGetProof(long index, out InclusionProof proof, out NoteVerifierKey key, out Failure failure)
    {
        (proof, key) = (null!, null!);
        if (!TryGetCheckpoint(out var signed, out failure))
            return false;
        var size = signed.Checkpoint.Size;
        if (index >= size)
        {
            failure = new Failure(ExitCode.Refused, $"there is no entry {index}: the export has {size}", RefusalCode: ErrorCodes.Name(ErrorCode.BadRequest));
            return false;
        }
        try
        {
            ExportReader export = new(directory, size);
            proof = new InclusionProof(index, export.ReadLeaf(index), export.Tree().InclusionProof(index, size), signed.Note);
            key = signed.Key;
            return true;
        }
        catch (ExportFaultException e)
        {
            return No(e.Fault, out failure);
        }
    }

    public bool TryFindRoots(long index, long size, out IReadOnlyList<long> indexes, out Failure failure)
    {
        List<long> found = [];
        (indexes, failure) = (found, null!);
        var at = 0L;
        try
        {
            foreach (var leaf in ReadLeaves(0, size))
            {
                // Of a leaf's one form: most are neither, and are not parsed for this.
                if (leaf.AsSpan().StartsWith("{\"v\":1,\"kind\":\"trust-root\""u8))
                    found.Add(at);
                if (leaf.AsSpan().StartsWith("{\"v\":1,\"kind\":\"note\""u8) && EntryReader.ReadExported(at, leaf) is NoteEntry { Note.Kind: BootNoteKind.AnchorReplaced })
                {
                    // The trust before it, and the one after it, are two.
                    if (at > index)
                        return true;
                    found.Clear();
                }
                at++;
            }
            return true;
        }
        catch (SourceException e)
        {
            failure = e.Failure;
        }
        catch (LedgerIntegrityException e)
        {
            failure = Unsound(new AuditFault(directory, at, e.Message.TrimEnd('.')));
        }
        return false;
    }

    public bool TryGetRoot(long index, long size, out ProofRoot root, out Failure failure)
    {
        (root, failure) = (null!, null!);
        try
        {
            ExportReader export = new(directory, size);
            root = new ProofRoot(index, export.ReadLeaf(index), export.Tree().InclusionProof(index, size));
            return true;
        }
        catch (ExportFaultException e)
        {
            return No(e.Fault, out failure);
        }
    }

    public bool TryGetConsistency(long old, long @new, out IReadOnlyList<byte[]> proof, out Failure failure)
    {
        proof = [];
        if (!TryGetCheckpoint(out var signed, out failure))
            return false;
        var size = signed.Checkpoint.Size;
        if (@new > size)
        {
            failure = new Failure(ExitCode.Refused, $"there is no tree of {@new} entries in the export: it has {size}", RefusalCode: ErrorCodes.Name(ErrorCode.BadRequest));
            return false;
        }
        try
        {
            proof = new ExportReader(directory, size).Tree().ConsistencyProof(old, @new);
            return true;
        }
        catch (ExportFaultException e)
        {
            return No(e.Fault, out failure);
        }
    }

    private bool TryMove(IEnumerator<byte[]> leaves)
    {
        try
        {
            return leaves.MoveNext();
        }
        catch (ExportFaultException e)
        {
            throw new SourceException(Unsound(e.Fault));
        }
    }

    private Failure Unsound(AuditFault fault) => new(ExitCode.Refused, $"the export is not sound: {fault}", AuditText.Mend(fault.Reason, given is not null));

    private bool No(AuditFault fault, out Failure failure)
    {
        failure = Unsound(fault);
        return false;
    }
}
