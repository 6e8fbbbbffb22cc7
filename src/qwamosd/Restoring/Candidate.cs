using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Ledger;

namespace Qwamos.Daemon.Restoring;

/// <summary>
/// The ledger that is to be restored: a copy in the state folder that nobody else can change, every entry and hash of it checked before
/// anything of it is believed.
/// </summary>
internal sealed class Candidate : IDisposable
{
    private const UnixFileMode FolderMode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    private readonly LedgerChecker _checker;

    private Candidate(LedgerStore store, LedgerChecker checker)
    {
        Store = store;
        _checker = checker;
        Ledger = checker.Check();
    }

    public LedgerStore Store { get; }

    /// <summary>The fold from the first entry on.</summary>
    public LoadedLedger Ledger { get; }

    /// <summary>Signatures of the enrolled key that hold.</summary>
    public long Verified => _checker.Signatures;

    /// <summary>Entries signed by other keys, earlier ones for the most part: not checked.</summary>
    public long Unverified => _checker.UncheckedSignatures;

    /// <summary>Policy key to the timestamp of the newest accepted message whose signature was verified.</summary>
    public Dictionary<string, long> Timestamps { get; } = new(StringComparer.Ordinal);

    /// <summary>Where the copy is.</summary>
    public static string PathIn(SystemPaths paths) => Path.Combine(paths.RestoringDir, Path.GetFileName(paths.LedgerFile));

    /// <summary>Copies what was opened, the write-ahead log after the file, into a folder of its own, and checks the copy.</summary>
    /// <exception cref="IOException">It is not a sound ledger of this system, or there is no room; the sentence names FILE.</exception>
    public static Candidate Make(SystemPaths paths, SourceFiles source, TrustedKey key, Action<long, long>? progress)
    {
        var copy = PathIn(paths);
        Remove(paths);
        DurableFile.MakeDirectory(paths.RestoringDir, FolderMode);
        try
        {
            source.CopyTo(copy);
            // For writing: an older format is migrated, and what is in the write-ahead log folded in.
            var store = LedgerStore.Open(copy, LedgerOpenMode.ReadWrite);
            try
            {
                var candidate = new Candidate(store, new LedgerChecker(store) { Signers = [key.Anchor], Progress = progress is null ? null : done => progress(done, store.Size) });
                candidate.CheckSystem(key);
                return candidate;
            }
            catch
            {
                store.Dispose();
                throw;
            }
        }
        catch (IOException e) when (e is LedgerIntegrityException or LedgerFormatException)
        {
            throw new IOException($"{source.Shown} is not restored: {e.Message.Replace(copy, source.Shown, StringComparison.Ordinal)}", e);
        }
    }

    /// <summary>Makes the copy one durable file without a write-ahead log, and closes it.</summary>
    /// <exception cref="IOException">That could not be done.</exception>
    public void Settle()
    {
        if (!Store.FoldWal())
            throw new IOException($"{Store.Path} could not be made one file: the disk is full, or another program reads it");
        Store.Dispose();
        DurableFile.SyncFile(Store.Path);
        DurableFile.SyncDirectory(Path.GetDirectoryName(Store.Path)!);
    }

    /// <summary>Removes the copy and its folder.</summary>
    public static void Remove(SystemPaths paths)
    {
        if (Posix.Exists(paths.RestoringDir) && Posix.Stat(paths.RestoringDir).Kind != FileKind.Directory)
            DurableFile.Remove(paths.RestoringDir);
        else if (Directory.Exists(paths.RestoringDir))
            Directory.Delete(paths.RestoringDir, recursive: true);
    }

    public void Dispose() => Store.Dispose();

    /// <summary>What the checker does not look at: that the entries are this system's. Notes when each key was last changed, by verified signatures.</summary>
    private void CheckSystem(TrustedKey key)
    {
        foreach (LedgerRow row in Store.ReadFrom(0))
        {
            LedgerEntry entry = Store.Parse(row);
            var message = (entry as MessageEntry)?.Message;
            if ((message?.System ?? (entry as LedgerKeyEntry)?.Statement.SystemId ?? (entry as DomainKeyEntry)?.Statement.SystemId ?? (entry as InForceEntry)?.Statement.SystemId) is { } system && system != key.SystemId)
                throw new LedgerIntegrityException($"Entry {row.Index} is of the system {system}, and this is {key.SystemId}.", row.Index);
            if (entry is not MessageEntry { IsAccepted: true } change || change.Signer != key.Anchor.Id)
                continue;
            foreach (var (name, _) in message!.Args!.Members)
                Timestamps[name] = Math.Max(message.Timestamp!.Value, Timestamps.GetValueOrDefault(name));
        }
    }
}
