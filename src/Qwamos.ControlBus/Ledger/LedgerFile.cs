using Qwamos.ControlBus.Files;

namespace Qwamos.ControlBus.Ledger;

/// <summary>What is checked about a ledger's files before SQLite sees them (ATTACKS 27).</summary>
internal static class LedgerFile
{
    private const string WriteAheadLog = "-wal";
    private const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    // -journal is SQLite's before the first switch to write-ahead mode; SQLite itself follows no link to any of them.
    private static readonly string[] Companions = [WriteAheadLog, "-shm", "-journal"];

    /// <summary>Refuses links and other things that are not plain files; makes a missing file, 0600, never through a link.</summary>
    /// <exception cref="LedgerFormatException">Something else than a plain file with one name is in a place.</exception>
    public static void Check(string path, LedgerOpenMode mode)
    {
        if (!Path.IsPathFullyQualified(path))
            throw new ArgumentException("A ledger's path is absolute.", nameof(path));
        if (mode == LedgerOpenMode.ReadWrite && Posix.IsAbsent(path))
            Create(path);
        if (!Posix.Exists(path))
            throw new LedgerFormatException($"{SafeText.ForTerminal(path)}: there is no ledger.");
        var stat = Posix.Stat(path);
        CheckPlain(path, stat);
        if (stat.SizeBytes == 0)
            throw new LedgerFormatException(
                $"{SafeText.ForTerminal(path)} is empty, and no ledger ever is: what it held is gone. Restore a backup, or, to begin a new ledger, move it away: mv {SafePath.Quote(path)} {SafePath.Quote(path + ".empty")}");
        foreach (var suffix in Companions)
        {
            if (Posix.Exists(path + suffix))
                CheckPlain(path + suffix, Posix.Stat(path + suffix));
        }
    }

    private static void Create(string path)
    {
        // SQLite would take it for the new ledger's and write its pages over it. An empty one is what a reader leaves.
        var log = path + WriteAheadLog;
        if (Posix.Exists(log) && Posix.Stat(log) is { SizeBytes: > 0 } stat)
        {
            CheckPlain(log, stat);
            throw new LedgerFormatException(
                $"{SafeText.ForTerminal(path)} is gone, and its {SafeText.ForTerminal(log)} is there. Put the ledger back, or, to begin a new one, move that away: mv {SafePath.Quote(log)} {SafePath.Quote(log + ".old")}");
        }
        try
        {
            // Whole at once: a power cut leaves no file, or a ledger.
            _ = DurableFile.CreateNew(path, LedgerTables.EmptyFile(), Private);
        }
        catch (PosixException e) when (e.IsFull)
        {
            throw new LedgerFullException($"{SafeText.ForTerminal(path)} cannot be made: {e.Message}", e);
        }
        catch (PosixException e)
        {
            throw new LedgerFormatException($"{SafeText.ForTerminal(path)} cannot be made: {e.Message}", e);
        }
    }

    private static void CheckPlain(string path, FileStat stat)
    {
        var shown = SafeText.ForTerminal(path);
        if (stat.Kind != FileKind.Regular)
            throw new LedgerFormatException($"{shown}: the ledger is not opened: {SafePath.Describe(stat.Kind)} is in its place; look at it and remove it.");
        if (stat.Links != 1)
            throw new LedgerFormatException($"{shown}: the ledger is not opened: the file has {stat.Links} names (hard links).");
        if (stat.IsWritableByOthers)
            throw new LedgerFormatException($"{shown}: the ledger is not opened: others may write it; mend it: chmod 600 {SafePath.Quote(path)}");
    }
}
