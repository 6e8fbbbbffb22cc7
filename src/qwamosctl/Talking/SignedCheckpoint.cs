using System.Text;
using Qwamos.ControlBus;
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
    /// <summary>The most bytes of <see cref="ToBytes"/>: two lines, each of which fits a file with a verifier key, and a note.</summary>
    public const int MaxFileBytes = (2 * Limits.MaxVerifierKeyFileBytes) + Limits.MaxNoteBytes;

    /// <summary>When the ledger says that it signed this, unix seconds.</summary>
    public long TimeSeconds => Checkpoint.TimeSeconds!.Value;

    /// <summary>Reads the members of an answer: <c>checkpoint</c>, <c>key</c>, and <c>key_statement</c> when it is about that key.</summary>
    public static bool TryRead(AnswerReader answer, out SignedCheckpoint signed, out string fault)
    {
        signed = null!;
        fault = "it has no checkpoint, or no key";
        return answer.TextOf("checkpoint") is { } note && answer.TextOf("key") is { } key
            && TryOpen(key, answer.ObjectOf("key_statement"), Encoding.UTF8.GetBytes(note), out signed, ref fault);
    }

    /// <summary>Reads what <see cref="ToBytes"/> wrote.</summary>
    public static bool TryParse(ReadOnlySpan<byte> file, out SignedCheckpoint signed, out string fault)
    {
        signed = null!;
        fault = "it does not begin with a verifier key on a line of its own";
        if (!TryTakeLine(ref file, out var key))
            return false;
        JsonValue? statement = null;
        if (file.StartsWith((byte)'{'))
        {
            fault = "its second line is not a statement about that key";
            if (!TryTakeLine(ref file, out var line) || !StrictJson.TryParse(Encoding.UTF8.GetBytes(line), out statement, out _))
                return false;
        }
        return TryOpen(key, statement, file.ToArray(), out signed, ref fault);
    }

    /// <summary>For a file: the key, for a note names its key but does not hold it; the statement, when there is one, as JSON; the note.</summary>
    public byte[] ToBytes() =>
        [.. Encoding.UTF8.GetBytes(Key + "\n"), .. Statement is null ? [] : JsonText.Line(Statement.ToJson()), .. Note];

    private static bool TryOpen(string keyLine, JsonValue? json, byte[] note, out SignedCheckpoint signed, ref string fault)
    {
        signed = null!;
        if (!NoteVerifierKey.TryParse(keyLine, out var key, out _))
            return false;
        if (!Checkpoint.TryOpen(note, key, out var checkpoint, out var why))
        {
            fault = why;
            return false;
        }
        var isOfKey = LedgerKeyStatement.TryRead(json, out var statement, out _) && statement.Key == key.ToString();
        signed = new SignedCheckpoint(note, checkpoint, key, isOfKey ? statement : null);
        return true;
    }

    private static bool TryTakeLine(ref ReadOnlySpan<byte> file, out string line)
    {
        var cut = file.IndexOf((byte)'\n');
        line = cut < 0 ? "" : Encoding.UTF8.GetString(file[..cut]);
        file = file[(cut + 1)..];
        return cut >= 0;
    }
}
