using Microsoft.Win32.SafeHandles;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Ledger;

namespace Qwamos.Daemon.Restoring;

/// <summary>
/// FILE, opened by root, who may read what the daemon's account may not, and to be copied by that account. A write-ahead log beside it holds its
/// newest entries, and belongs to it.
/// </summary>
internal sealed class SourceFiles : IDisposable
{
    private const string WriteAheadLog = "-wal";

    private readonly List<(SafeFileHandle File, string Path, long Bytes, string Suffix)> _files = [];

    private SourceFiles(string path) => Path = path;

    /// <summary>FILE.</summary>
    public string Path { get; }

    /// <summary>FILE, for people.</summary>
    public string Shown => SafeText.ForTerminal(Path);

    /// <summary>Opens them.</summary>
    /// <exception cref="IOException">One cannot be opened, is a link, or anything but a plain file with one name.</exception>
    public static SourceFiles Open(string path)
    {
        var source = new SourceFiles(path);
        try
        {
            if (Posix.IsAbsent(path))
                throw new IOException($"there is no file {source.Shown}: give a backup that qwamosctl backup made, or one of those in backups/ beside the ledger");
            // A transaction half done, which SQLite would take back: no ledger of this program's has one.
            if (!Posix.IsAbsent(path + "-journal"))
                throw new IOException($"{source.Shown}-journal is there: another program was writing {source.Shown}, which is not restored");
            source.Add(path, "");
            if (!Posix.IsAbsent(path + WriteAheadLog))
                source.Add(path + WriteAheadLog, WriteAheadLog);
            return source;
        }
        catch
        {
            source.Dispose();
            throw;
        }
    }

    /// <summary>Copies them to a new file and its write-ahead log.</summary>
    /// <exception cref="IOException">There is no room, or a call failed.</exception>
    public void CopyTo(string path)
    {
        foreach (var (file, from, bytes, suffix) in _files)
            LedgerCopy.Copy(file, from, bytes, path + suffix);
    }

    public void Dispose()
    {
        foreach (var (file, _, _, _) in _files)
            file.Dispose();
    }

    private void Add(string path, string suffix) => _files.Add((LedgerCopy.OpenPlain(path, out var bytes), path, bytes, suffix));
}
