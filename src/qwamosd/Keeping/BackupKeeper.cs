using System.Diagnostics.CodeAnalysis;
using System.Globalization;
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
    private const string Prefix = "backup-";
    private const string Suffix = ".db";
    private const int MinNumberDigits = 8;
    private const int MaxNumberDigits = 18;

    // What a stop waits for at most: a step of copying ends sooner, a check in SQLite may not, and leaves a file that the next start removes.
    private static readonly TimeSpan StopGrace = TimeSpan.FromMilliseconds(100);

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
            var number = Numbers().DefaultIfEmpty(0).Max() + 1;
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
        var known = answer.Verdict == ReplayVerdict.Replayed ? _known.Find(backup => backup.Name == NameOf(answer.Index)) : null;
        refusal = (known, answer.Verdict) switch
        {
            ({ }, _) => null,
            (_, ReplayVerdict.Replayed) => new Refusal(ErrorCode.Replayed, $"this request was received before, and {NameOf(answer.Index)}, which it began, made place for newer backups"),
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
        var backup = begun = new RequestedBackup(NameOf(number), source.Tree);
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
        foreach (var path in Directory.EnumerateFiles(paths.BackupsDir, $".{Prefix}*{Suffix}.tmp"))
            OnlineBackup.RemoveLeftover(paths.BackupsDir, Path.GetFileName(path)[1..^".tmp".Length]);
    }

    /// <summary>The top of its thread: whatever goes wrong is told to who asked, and the daemon serves on.</summary>
    private void Make(OnlineBackup source, RequestedBackup backup, long number)
    {
        try
        {
            using (source)
                backup.Finish(source.Write(paths.BackupsDir, backup.Name, backup.Show, _stop.Token));
            log.BackupMade(backup.Name, backup.Tree.Size, backup.File!.Bytes);
            Prune(number);
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

    /// <summary>Only what was made here, by number: a clock that was set back does not make the newest the oldest.</summary>
    private void Prune(long newest)
    {
        foreach (var old in Numbers().Where(number => number != newest).OrderDescending().Skip(Limits.MaxKeptBackups - 1).ToList())
            DurableFile.Remove(Path.Combine(paths.BackupsDir, NameOf(old)));
    }

    private IEnumerable<long> Numbers() =>
        from path in Directory.Exists(paths.BackupsDir) ? Directory.EnumerateFiles(paths.BackupsDir, $"{Prefix}*{Suffix}") : []
        let digits = Path.GetFileName(path)[Prefix.Length..^Suffix.Length]
        where digits.Length is >= MinNumberDigits and <= MaxNumberDigits && long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out _)
        select long.Parse(digits, NumberStyles.None, CultureInfo.InvariantCulture);

    private static string NameOf(long number) => Prefix + number.ToString("D8", CultureInfo.InvariantCulture) + Suffix;
}
