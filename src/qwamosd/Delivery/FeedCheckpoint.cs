using Qwamos.ControlBus.Audit;
using Qwamos.ControlBus.Envelopes;

namespace Qwamos.Daemon.Delivery;

/// <summary>A checkpoint as qwamosd gave it.</summary>
/// <param name="Checkpoint">What the ledger's key signed.</param>
/// <param name="Note">The note, with the ledger's own lines only.</param>
/// <param name="Key">That key.</param>
/// <param name="Statement">The operator's word for it; null while there is none.</param>
internal sealed record FeedCheckpoint(Checkpoint Checkpoint, string Note, NoteVerifierKey Key, LedgerKeyStatement? Statement);
