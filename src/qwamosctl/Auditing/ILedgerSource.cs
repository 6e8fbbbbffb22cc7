using Qwamos.Client.Talking;
using Qwamos.ControlBus.Audit;

namespace Qwamos.Client.Auditing;

/// <summary>Where a ledger is read from: its daemon, or an exported copy. Neither is believed but for what the ledger's key signed.</summary>
internal interface ILedgerSource
{
    /// <summary>What a fault is put down to.</summary>
    string Place { get; }

    /// <summary>The newest checkpoint that there is; the daemon's covers every entry durable when it is asked.</summary>
    bool TryGetCheckpoint(out SignedCheckpoint checkpoint, out Failure failure);

    /// <summary>The leaves from an index up to, and without, another one, in order.</summary>
    /// <exception cref="SourceException">It cannot give them; thrown after the leaves before.</exception>
    IEnumerable<byte[]> ReadLeaves(long from, long to);

    /// <summary>The proof that an entry is in the newest checkpoint's tree, its leaf with it. Not checked yet.</summary>
    bool TryGetProof(long index, out InclusionProof proof, out NoteVerifierKey key, out Failure failure);

    /// <summary>The entries of a tree that recorded the trust roots of an entry's time, from version 1 on: what decides who might sign it, and who is revoked since.</summary>
    bool TryFindRoots(long index, long size, out IReadOnlyList<long> indexes, out Failure failure);

    /// <summary>The proof that an entry is in the tree of a size, its leaf with it. Not checked yet.</summary>
    bool TryGetRoot(long index, long size, out ProofRoot root, out Failure failure);

    /// <summary>RFC 6962's proof that the tree of the new size begins with that of the old one. Not checked yet.</summary>
    bool TryGetConsistency(long old, long @new, out IReadOnlyList<byte[]> proof, out Failure failure);
}
