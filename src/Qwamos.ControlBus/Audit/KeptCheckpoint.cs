using System.Diagnostics.CodeAnalysis;
using System.Text;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Ledger;

namespace Qwamos.ControlBus.Audit;

/// <summary>
/// A checkpoint as somebody keeps it in a file: the verifier key's line, then the signed note, for a note names its key but does not hold it. It
/// was opened with that key; whose key that is must be known otherwise.
/// </summary>
/// <param name="Key">The ledger's key.</param>
/// <param name="Checkpoint">What it signed.</param>
/// <param name="Note">The signed note's bytes.</param>
public sealed record KeptCheckpoint(NoteVerifierKey Key, Checkpoint Checkpoint, ReadOnlyMemory<byte> Note)
{
    private const int MaxFileBytes = Limits.MaxVerifierKeyFileBytes + Limits.MaxNoteBytes;

    /// <summary>The tree that a ledger must extend.</summary>
    public RememberedTree Tree => new(Checkpoint.Size, Checkpoint.RootHex);

    /// <summary>Reads the file's content; the note must hold under the key above it.</summary>
    public static bool TryParse(ReadOnlySpan<byte> content, [NotNullWhen(true)] out KeptCheckpoint? kept, [NotNullWhen(false)] out string? fault)
    {
        kept = null;
        fault = "it does not begin with a verifier key on a line of its own";
        var cut = content.IndexOf((byte)'\n');
        if (cut < 0 || !NoteVerifierKey.TryParse(Encoding.UTF8.GetString(content[..cut]), out var key, out _))
            return false;
        var note = content[(cut + 1)..].ToArray();
        if (!Checkpoint.TryOpen(note, key, out var checkpoint, out fault))
            return false;
        kept = new KeptCheckpoint(key, checkpoint, note);
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
    public byte[] ToBytes() => [.. Encoding.UTF8.GetBytes(Key + "\n"), .. Note.Span];

    /// <summary>Why a ledger does not extend this checkpoint, and what to do about it; null when it does.</summary>
    /// <param name="ledger">The ledger.</param>
    /// <param name="path">Where this is kept.</param>
    public string? Fault(LedgerStore ledger, string path)
    {
        try
        {
            LedgerFold.CheckExtends(ledger, Tree);
            return null;
        }
        catch (LedgerIntegrityException e)
        {
            return $"{e.Message} {SafeText.ForTerminal(path)} says so, which the ledger's key signed. Put the newest ledger back; {LedgerIntegrityException.GoOn(Path.Combine(Path.GetDirectoryName(path)!, Path.GetFileName(ledger.Path)))}";
        }
    }
}
