using System.Text;
using Qwamos.ControlBus.Audit;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Json;

namespace Qwamos.Client.Talking;

/// <summary>A checkpoint as it came, opened with the key that came with it: sound, but whose key that is must be known otherwise.</summary>
/// <param name="Note">The signed note's bytes.</param>
/// <param name="Checkpoint">What was signed.</param>
/// <param name="Key">The key that it holds under.</param>
/// <param name="Statement">An operator's word for that key, not verified; null when none came.</param>
internal sealed record SignedCheckpoint(byte[] Note, Checkpoint Checkpoint, NoteVerifierKey Key, LedgerKeyStatement? Statement)
{
    /// <summary>When the ledger says that it signed this, unix seconds.</summary>
    public long TimeSeconds => Checkpoint.TimeSeconds!.Value;

    /// <summary>Reads the members of an answer: <c>checkpoint</c>, <c>key</c>, and <c>key_statement</c> when it is about that key.</summary>
    public static bool TryRead(AnswerReader answer, out SignedCheckpoint signed, out string fault)
    {
        signed = null!;
        fault = "it has no checkpoint, or no key";
        if (answer.TextOf("checkpoint") is not { } note || answer.TextOf("key") is not { } line || !NoteVerifierKey.TryParse(line, out var key, out _))
            return false;
        var isOpen = KeptCheckpoint.TryOpen(key, answer.ObjectOf("key_statement"), Encoding.UTF8.GetBytes(note), out var kept, out var why);
        return Take(isOpen ? kept : null, why, out signed, out fault);
    }

    /// <summary>Reads what <see cref="ToBytes"/> wrote.</summary>
    public static bool TryParse(ReadOnlySpan<byte> file, out SignedCheckpoint signed, out string fault) =>
        Take(KeptCheckpoint.TryParse(file, out var kept, out var why) ? kept : null, why, out signed, out fault);

    /// <summary>For a file.</summary>
    public byte[] ToBytes() => new KeptCheckpoint(Key, Checkpoint, Note, Statement).ToBytes();

    private static bool Take(KeptCheckpoint? kept, string? why, out SignedCheckpoint signed, out string fault)
    {
        fault = why ?? "";
        signed = kept is null ? null! : new SignedCheckpoint(kept.Note.ToArray(), kept.Checkpoint, kept.Key, kept.Statement);
        return kept is not null;
    }
}
