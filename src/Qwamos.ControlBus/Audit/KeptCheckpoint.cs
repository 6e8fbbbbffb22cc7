using System.Diagnostics.CodeAnalysis;
using System.Text;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Ledger;

namespace Qwamos.ControlBus.Audit;

/// <summary>
/// A checkpoint as somebody keeps it in a file: the verifier key's line, an operator's statement about that key on a line as JSON, where there is
/// one, and the signed note, for a note names its key but does not hold it. It was opened with that key; whose key that is must be known otherwise.
/// </summary>
/// <param name="Key">The ledger's key.</param>
/// <param name="Checkpoint">What it signed.</param>
/// <param name="Note">The signed note's bytes.</param>
/// <param name="Statement">An operator's word for that key, not verified; null when there is none, or one about another key.</param>
public sealed record KeptCheckpoint(NoteVerifierKey Key, Checkpoint Checkpoint, ReadOnlyMemory<byte> Note, LedgerKeyStatement? Statement = null)
{
    /// <summary>The longest file: two lines, each of which fits a file with a verifier key, and a note.</summary>
    public const int MaxFileBytes = (2 * Limits.MaxVerifierKeyFileBytes) + Limits.MaxNoteBytes;

    /// <summary>The tree that a ledger must extend.</summary>
    public RememberedTree Tree => new(Checkpoint.Size, Checkpoint.RootHex);

    /// <summary>Reads the file's content; the note must hold under the key above it.</summary>
    public static bool TryParse(ReadOnlySpan<byte> content, [NotNullWhen(true)] out KeptCheckpoint? kept, [NotNullWhen(false)] out string? fault)
    {
        kept = null;
        fault = "it does not begin with a verifier key on a line of its own";
        if (!TryTakeLine(ref content, out var line) || !NoteVerifierKey.TryParse(Encoding.UTF8.GetString(line), out var key, out _))
            return false;
        JsonValue? statement = null;
        if (content.StartsWith((byte)'{') && (!TryTakeLine(ref content, out line) || !StrictJson.TryParse(line, out statement, out _)))
        {
            fault = "its second line is not a statement about that key";
            return false;
        }
        return TryOpen(key, statement, content, out kept, out fault);
    }

    /// <summary>Opens a note with the key that came with it.</summary>
    /// <param name="key">The key.</param>
    /// <param name="statement">What may be an operator's statement about it; one about another key, or of another form, counts as none.</param>
    /// <param name="note">The signed note.</param>
    /// <param name="kept">What was opened.</param>
    /// <param name="fault">Why it was not.</param>
    public static bool TryOpen(
        NoteVerifierKey key, JsonValue? statement, ReadOnlySpan<byte> note, [NotNullWhen(true)] out KeptCheckpoint? kept, [NotNullWhen(false)] out string? fault)
    {
        kept = null;
        if (!Checkpoint.TryOpen(note, key, out var checkpoint, out fault))
            return false;
        var isOfKey = LedgerKeyStatement.TryRead(statement, out var read, out _) && read.Key == key.ToString();
        kept = new KeptCheckpoint(key, checkpoint, note.ToArray(), isOfKey ? read : null);
        return true;
    }

    /// <summary>Reads a file; none there is no fault, and gives null. Whatever else keeps it from being read is a fault, and no absence.</summary>
    public static bool TryLoad(string path, out KeptCheckpoint? kept, [NotNullWhen(false)] out string? fault)
    {
        kept = null;
        fault = null;
        try
        {
            if (TryParse(DurableFile.ReadAllBounded(path, MaxFileBytes), out kept, out var why))
                return true;
            fault = $"{SafeText.ForTerminal(path)} does not hold a checkpoint: {why}; find out what wrote there, then move it away: mv {SafePath.Quote(path)} {SafePath.Quote(path + ".old")}";
        }
        catch (PosixException e) when (e.IsNotFound)
        {
            return true;
        }
        catch (IOException e)
        {
            fault = $"{e.Message}; {DurableFile.MendOfReading(e, path)}";
        }
        return false;
    }

    /// <summary>The file's content.</summary>
    public byte[] ToBytes() =>
        [.. Encoding.UTF8.GetBytes(Key + "\n"), .. Statement is null ? [] : JsonText.Line(Statement.ToJson()), .. Note.Span];

    /// <summary>Why a ledger does not extend this checkpoint, and what to do about it; null when it does.</summary>
    /// <param name="ledger">The ledger.</param>
    /// <param name="paths">The system whose checkpoint this is.</param>
    public string? Fault(LedgerStore ledger, SystemPaths paths)
    {
        try
        {
            LedgerFold.CheckExtends(ledger, Tree);
            return null;
        }
        catch (LedgerIntegrityException e)
        {
            return $"{e.Message} {SafeText.ForTerminal(paths.CheckpointFile)} says so, which the ledger's key signed. Put the newest ledger back; {LedgerIntegrityException.GoOn(paths)}";
        }
    }

    private static bool TryTakeLine(ref ReadOnlySpan<byte> content, out ReadOnlySpan<byte> line)
    {
        var cut = content.IndexOf((byte)'\n');
        line = content[..Math.Max(0, cut)];
        content = content[(cut + 1)..];
        return cut >= 0;
    }
}
