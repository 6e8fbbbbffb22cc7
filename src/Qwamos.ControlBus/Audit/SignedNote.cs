using System.Diagnostics.CodeAnalysis;
using System.Text;
using System.Text.Unicode;

namespace Qwamos.ControlBus.Audit;

// C2SP signed-note v1.0.0.
//   text        valid UTF-8 without control characters but newline; ends in a newline, may hold empty lines
//   blank line  the last one of the note
//   signatures  em dash, space, key name, space, base64(4-byte key ID || signature), newline; at least one
// The text means nothing before a signature over it was verified.

/// <summary>A text and the signature lines under it, as read: nothing of it is verified but by <see cref="NoteVerifierKey.Accepts"/> and
/// <see cref="CosignatureKey.TryReadTime"/>.</summary>
public sealed class SignedNote
{
    private const string Separator = "\n\n";

    /// <param name="text">Ends in a newline.</param>
    /// <param name="signatures">At least one.</param>
    internal SignedNote(string text, IReadOnlyList<NoteSignature> signatures)
    {
        Text = text;
        Signatures = signatures;
    }

    /// <summary>What is signed, its last newline included.</summary>
    public string Text { get; }

    /// <summary>All of them, unknown ones too, in their order.</summary>
    public IReadOnlyList<NoteSignature> Signatures { get; }

    /// <summary>Reads a note of at most 131,072 bytes with at most 100 signatures.</summary>
    public static bool TryParse(ReadOnlySpan<byte> utf8, [NotNullWhen(true)] out SignedNote? note, [NotNullWhen(false)] out string? fault)
    {
        note = null;
        fault = FormFault(utf8);
        if (fault is not null)
            return false;
        var all = Encoding.UTF8.GetString(utf8);
        var cut = all.LastIndexOf(Separator, StringComparison.Ordinal);
        if (cut < 1)
        {
            fault = "the note has no blank line between its text and its signatures";
            return false;
        }
        var lines = all[(cut + Separator.Length)..].Split('\n');
        // The note ends in a newline, so what follows the last one is empty.
        var signatures = new List<NoteSignature>();
        foreach (var line in lines.AsSpan(0, lines.Length - 1))
        {
            if (!NoteSignature.TryParse(line, out var signature))
            {
                fault = $"line {signatures.Count + 1} of the note's signatures is not a signature";
                return false;
            }
            signatures.Add(signature);
        }
        if (signatures.Count is 0 or > Limits.MaxNoteSignatures)
        {
            fault = $"the note has {signatures.Count} signatures; 1 to {Limits.MaxNoteSignatures} are allowed";
            return false;
        }
        note = new SignedNote(all[..(cut + 1)], signatures);
        return true;
    }

    /// <summary>The same text with further signature lines after those it has.</summary>
    public SignedNote With(IEnumerable<NoteSignature> more) => new(Text, [.. Signatures, .. more]);

    /// <summary>The note's bytes; what was read gives the same ones again.</summary>
    public byte[] ToBytes() => Encoding.UTF8.GetBytes(ToString());

    /// <inheritdoc/>
    public override string ToString()
    {
        var note = new StringBuilder(Text).Append('\n');
        foreach (var signature in Signatures)
            note.Append(signature).Append('\n');
        return note.ToString();
    }

    private static string? FormFault(ReadOnlySpan<byte> utf8)
    {
        if (utf8.Length > Limits.MaxNoteBytes)
            return $"the note is longer than {Limits.MaxNoteBytes} bytes";
        if (utf8.IsEmpty || utf8[^1] != (byte)'\n')
            return "the note does not end in a newline";
        if (!Utf8.IsValid(utf8))
            return "the note is not UTF-8";
        foreach (var character in utf8)
        {
            if (character < 0x20 && character != (byte)'\n')
                return "the note holds a control character";
        }
        return null;
    }
}
