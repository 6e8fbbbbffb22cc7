using System.Diagnostics.CodeAnalysis;
using System.Text;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Keys;

namespace Qwamos.ControlBus.Audit;

/// <summary>A checkpoint that a witness is offered, read. Nothing of it is believed before <see cref="TryVerify"/>.</summary>
public sealed class OfferedCheckpoint
{
    private readonly SignedNote _note;

    private OfferedCheckpoint(SignedNote note, NoteVerifierKey key, Checkpoint checkpoint)
    {
        _note = note;
        Key = key;
        Checkpoint = checkpoint;
    }

    /// <summary>The key it is offered with.</summary>
    public NoteVerifierKey Key { get; }

    /// <summary>What the note says.</summary>
    public Checkpoint Checkpoint { get; }

    /// <summary>Reads note and key; the key must have the name of the log.</summary>
    public static bool TryRead(CheckpointOffer offer, [NotNullWhen(true)] out OfferedCheckpoint? offered, [NotNullWhen(false)] out string? fault)
    {
        offered = null;
        if (!NoteVerifierKey.TryParse(offer.Key, out var key, out fault)
            || !SignedNote.TryParse(Encoding.UTF8.GetBytes(offer.Note), out var note, out fault)
            || !Checkpoint.TryParse(note.Text, out var checkpoint, out fault))
            return false;
        fault = key.Name != checkpoint.Origin ? $"the key is named for {key.Name}, and the checkpoint is of {checkpoint.Origin}"
            // One of no entries with another root could never be extended, and would lock the witness against the log.
            : checkpoint.Size == 0 && !checkpoint.RootHash.Span.SequenceEqual(Primitives.Sha256([])) ? "the root hash is not that of a tree without entries"
            : null;
        if (fault is not null)
            return false;
        offered = new OfferedCheckpoint(note, key, checkpoint);
        return true;
    }

    /// <summary>
    /// Whether its key signed it, and when (unix seconds, as the ledger says). <paramref name="signed"/> is the note with the ledger's own lines
    /// only: what else stood under it proves nothing and is not kept.
    /// </summary>
    public bool TryVerify([NotNullWhen(true)] out SignedNote? signed, out long signedSeconds, [NotNullWhen(false)] out string? fault)
    {
        signed = null;
        signedSeconds = -1;
        var clock = CosignatureKey.Of(Key);
        if (!Key.Accepts(_note, out fault) || !clock.TryReadTime(_note, out var time, out fault))
            return false;
        signedSeconds = time;
        signed = new SignedNote(
            _note.Text, [_note.Signatures.First(Key.IsMine), _note.Signatures.First(line => clock.TryVerify(_note.Text, line, out var said) && said == time)]);
        return true;
    }
}
