using System.Diagnostics.CodeAnalysis;
using Qwamos.ControlBus;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Verification;

namespace Qwamos.Daemon.Keeping;

/// <summary>
/// Makes the backups that operators ask for, one at a time on a thread of its own, in <c>/var/lib/qwamos/backups/</c>, and keeps the newest few of
/// them. Only those of this run are given out: their names are looked up here and never are paths.
/// </summary>
internal sealed class BackupKeeper(SystemPaths paths, TimeProvider time, LogMessages log) : IDisposable
{
    // What a stop waits for at most: a step of copying ends sooner, a check in SQLite may not, and leaves a file that the next start removes.
    private static readonly TimeSpan StopGrace = TimeSpan.FromMilliseconds(100);

    private readonly BackupNames _names = new(paths.BackupsDir, "backup");
    private readonly Lock _gate = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly List<RequestedBackup> _known = [];

    // The number of the backup that each fresh request began. Whoever saw a request could else send it again, until the newest backups had
    // pushed out all those made before.
    private readonly ReplayStore _requests = new(null, Limits.MaxBackupRequests);
    private Thread? _running;

    /// <summary>
    /// Begins a backup that holds every entry durable now; refused while one is being made. The same request again is answered with the one that
    /// it began.
    /// </summary>
    /// <param name="request">Verified: signed, and fresh.</param>
    /// <param name="refusal">Why none is begun.</param>
    /// <exception cref="IOException">The ledger or the folder cannot be read.</exception>
    public RequestedBackup? TryBegin(Message request, out Refusal? refusal)
    {
        lock (_gate)
        {
            var number = _names.Next();
            Nonce nonce = request.Nonce!.Value;
            _requests.SetNow(new EffectiveTime(time.GetUtcNow().ToUnixTimeSeconds(), 0), long.MaxValue);
            ReplayAnswer answer = _requests.TryAdd(nonce, number, default, request.Timestamp!.Value);
            if (answer.Verdict != ReplayVerdict.Added)
                return Earlier(answer, out refusal);
            var hasBegun = false;
            try
            {
                hasBegun = TryBegin(number, out RequestedBackup? begun, out refusal);
                return begun;
            }
            finally
            {
                if (!hasBegun)
                    _requests.Forget(nonce);
            }
        }
    }

    /// <summary>A backup of this run by its name; null when there is none, or it has made place for newer ones.</summary>
    public RequestedBackup? Find(string name)
    {
        lock (_gate)
            return _known.Find(backup => backup.Name == name);
    }

    /// <summary>What a request began that came before.</summary>
    private RequestedBackup? Earlier(ReplayAnswer answer, out Refusal? refusal)
    {
        var known = answer.Verdict == ReplayVerdict.Replayed ? _known.Find(backup => backup.Name == _names.NameOf(answer.Index)) : null;
        refusal = (known, answer.Verdict) switch
        {
            ({ }, _) => null,
            (_, ReplayVerdict.Replayed) => new Refusal(ErrorCode.Replayed, $"this request was received before, and {_names.NameOf(answer.Index)}, which it began, made place for newer backups"),
            _ => new Refusal(ErrorCode.ReplayStoreFull, "too many backups were asked for to take another request now"),
        };
        return known;
    }

    private bool TryBegin(long number, [NotNullWhen(true)] out RequestedBackup? begun, out Refusal? refusal)
    {
        (begun, refusal) = (null, null);
        if (_running is { IsAlive: true } || _stop.IsCancellationRequested)
        {
            refusal = new Refusal(ErrorCode.Busy, "another backup is being made; ask again when it is done");
            return false;
        }
        RemoveLeftovers();
        var source = OnlineBackup.Begin(paths.LedgerFile);
        var backup = begun = new RequestedBackup(_names.NameOf(number), source.Tree);
        // One that failed left its number free.
        _known.RemoveAll(known => known.Name == backup.Name);
        _known.Add(backup);
        if (_known.Count > Limits.MaxKeptBackups)
            _known.RemoveAt(0);
        _running = new Thread(() => Make(source, backup, number)) { Name = "backup", IsBackground = true };
        _running.Start();
        return true;
    }

    /// <summary>Removes what a killed daemon left of a backup that it was making; where that fails, the next backup says why.</summary>
    public void RemoveLeftoversIfPossible()
    {
        try
        {
            RemoveLeftovers();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            log.BackupFailed(e.Message);
        }
    }

    /// <summary>Gives up the one being made.</summary>
    public void Dispose()
    {
        _stop.Cancel();
        _running?.Join(StopGrace);
    }

    private void RemoveLeftovers()
    {
        if (!Directory.Exists(paths.BackupsDir))
            return;
        DurableFile.RemoveLeftovers(paths.BackupsDir);
        _names.RemoveLeftovers();
    }

    /// <summary>The top of its thread: whatever goes wrong is told to who asked, and the daemon serves on.</summary>
    private void Make(OnlineBackup source, RequestedBackup backup, long number)
    {
        try
        {
            using (source)
                backup.Finish(source.Write(paths.BackupsDir, backup.Name, backup.Show, _stop.Token));
            log.BackupMade(backup.Name, backup.Tree.Size, backup.File!.Bytes);
            _names.Prune(number, Limits.MaxKeptBackups);
        }
        catch (LedgerFullException e)
        {
            backup.Fail(new Refusal(ErrorCode.StorageFull, $"{e.Message}: nothing was left behind"));
        }
        catch (OperationCanceledException)
        {
            backup.Fail(new Refusal(ErrorCode.Busy, "the daemon is ending"));
        }
        catch (Exception e)
        {
            backup.Fail(new Refusal(ErrorCode.StorageError, $"the backup could not be made: {e.Message.TrimEnd('.')}"));
        }
        if (backup.Failure is { } failure)
            log.BackupFailed(failure.Reason);
    }
}
