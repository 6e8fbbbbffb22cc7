using System.Globalization;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Json;

namespace Qwamos.ControlBus.Policy;

/// <summary>The folder of boot notes: written by root's programs, read by qwamosd (DESIGN section 6).</summary>
public static class BootNotes
{
    internal const long MaxSequence = 99_999_999;

    private const string Suffix = ".json";
    private const int SequenceDigits = 8;

    // Qwamosd imports at every start and root prunes at every boot: more waiting notes mean that something is broken.
    private const int MaxWaitingNotes = 4_096;
    private const UnixFileMode FileMode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead;

    /// <summary>Writes one note durably; never over another. <paramref name="gid"/>: the group that may read it.</summary>
    /// <exception cref="IOException">It could not be written, or a note of this number exists.</exception>
    public static void Write(SystemPaths paths, BootNote note, uint? gid = null)
    {
        ArgumentNullException.ThrowIfNull(note);
        if (note.Sequence is < 1 or > MaxSequence)
            throw new ArgumentException("the note's number is out of range", nameof(note));
        var path = PathOf(paths, note.Sequence);
        if (!DurableFile.CreateNew(path, JsonText.Line(note.ToJson()), FileMode, gid))
            throw new IOException($"{path}: exists already");
    }

    /// <summary>
    /// The number for the next note: after a crash between note and memory the folder may be ahead of the memory, and a
    /// restored memory may be behind the ledger.
    /// </summary>
    public static long NextSequence(SystemPaths paths, long remembered, long imported)
    {
        var highest = Sequences(paths).LastOrDefault();
        return Math.Max(Math.Max(remembered, imported + 1), highest + 1);
    }

    /// <summary>The notes after <paramref name="lastImported"/>, in order. A file that is not wholly understood is a fault: nothing is skipped silently.</summary>
    public static bool TryReadAfter(SystemPaths paths, long lastImported, out IReadOnlyList<BootNote> notes, out string fault)
    {
        var read = new List<BootNote>();
        notes = read;
        fault = "";
        foreach (var sequence in Sequences(paths).Where(sequence => sequence > lastImported))
        {
            if (read.Count == MaxWaitingNotes)
                return true;
            if (!TryRead(paths, sequence, out var note, out fault))
                return false;
            read.Add(note!);
        }
        return true;
    }

    /// <summary>Removes the notes that the ledger holds already.</summary>
    /// <exception cref="IOException">One could not be removed.</exception>
    public static void Prune(SystemPaths paths, long lastImported)
    {
        foreach (var sequence in Sequences(paths).TakeWhile(sequence => sequence <= lastImported))
            DurableFile.Remove(PathOf(paths, sequence));
    }

    /// <summary>Removes one note.</summary>
    /// <exception cref="IOException">It could not be removed.</exception>
    public static void Remove(SystemPaths paths, long sequence) => DurableFile.Remove(PathOf(paths, sequence));

    private static bool TryRead(SystemPaths paths, long sequence, out BootNote? note, out string fault)
    {
        note = null;
        var path = PathOf(paths, sequence);
        if (!TrustedDocument.TryRead(path, paths, Limits.MaxLeafBytes, out var document, out fault))
            return false;
        if (!BootNote.TryRead(document, out note, out fault))
            fault = $"{path}: {fault}";
        else if (note.Sequence != sequence)
            fault = $"{path}: holds the note {note.Sequence}";
        return fault.Length == 0;
    }

    private static List<long> Sequences(SystemPaths paths)
    {
        ArgumentNullException.ThrowIfNull(paths);
        var sequences = new List<long>();
        if (!Directory.Exists(paths.BootNotesDir))
            return sequences;
        foreach (var path in Directory.EnumerateFiles(paths.BootNotesDir, "*" + Suffix))
        {
            var digits = Path.GetFileName(path)[..^Suffix.Length];
            if (digits.Length == SequenceDigits && long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var sequence))
                sequences.Add(sequence);
        }
        sequences.Sort();
        return sequences;
    }

    private static string PathOf(SystemPaths paths, long sequence)
        => Path.Combine(paths.BootNotesDir, sequence.ToString("D8", CultureInfo.InvariantCulture) + Suffix);
}
