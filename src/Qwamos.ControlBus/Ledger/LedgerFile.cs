using Qwamos.ControlBus.Files;

namespace Qwamos.ControlBus.Ledger;

/// <summary>What is checked about a ledger's files before SQLite sees them (ATTACKS 27).</summary>
internal static class LedgerFile
{
    private const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    // -journal is SQLite's before the first switch to write-ahead mode; SQLite itself follows no link to any of them.
    private static readonly string[] Companions = ["-wal", "-shm", "-journal"];

    /// <summary>Refuses links and other things that are not plain files; makes a missing file, 0600, never through a link.</summary>
    /// <exception cref="LedgerFormatException">Something else than a plain file with one name is in a place.</exception>
    public static void Check(string path, LedgerOpenMode mode)
    {
        if (!Path.IsPathFullyQualified(path))
            throw new ArgumentException("A ledger's path is absolute.", nameof(path));
        if (mode == LedgerOpenMode.ReadWrite && !Posix.TryStat(path, out _))
            Create(path);
        if (!Posix.TryStat(path, out var stat))
            throw new LedgerFormatException($"{SafeText.ForTerminal(path)}: there is no ledger.");
        CheckPlain(path, stat);
        foreach (var suffix in Companions)
        {
            if (Posix.TryStat(path + suffix, out var companion))
                CheckPlain(path + suffix, companion);
        }
    }

    private static void Create(string path)
    {
        try
        {
            _ = DurableFile.CreateNew(path, [], Private);
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
