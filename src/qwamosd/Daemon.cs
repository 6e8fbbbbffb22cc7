using Qwamos.ControlBus.Hosting.Commands;
using Qwamos.ControlBus;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Hosting.Listening;
using Qwamos.ControlBus.Hosting.Pipeline;
using Qwamos.ControlBus.Hosting.Running;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Policy;
using Qwamos.ControlBus.Verification;
using Qwamos.Daemon.Auditing;
using Qwamos.Daemon.Delivery;
using Qwamos.Daemon.Keeping;
using Qwamos.Daemon.Measuring;
using Qwamos.Daemon.Staging;

namespace Qwamos.Daemon;

/// <summary>The running daemon: its parts put together, started, and stopped in their order.</summary>
internal sealed class Daemon : IAsyncDisposable
{
    /// <summary>Of the second that a stop may take, what requests in flight get; the rest is for the ledger.</summary>
    private static readonly TimeSpan StopGrace = TimeSpan.FromMilliseconds(700);

    /// <summary>What the answers of the writer's last batch get, where the disk was too slow for the first grace.</summary>
    private static readonly TimeSpan LastAnswersGrace = TimeSpan.FromMilliseconds(100);

    private static readonly HashSet<string> Served =
        new(StringComparer.Ordinal) { Commands.SetPolicy, Commands.GetStatus, Commands.GetCheckpoint, Commands.GetEntries, Commands.GetProof, Commands.GetConsistency, Commands.LedgerKey, Commands.DomainKey, Commands.TrustRoot, Commands.GetTrustRoot, Commands.Backup, Commands.GetBackup, Commands.GetGrowth, Commands.GetEnvelope, Commands.GetDomains, Commands.Report, Commands.GetInForce };

    private readonly Prepared _start;
    private readonly LogMessages _log;
    private readonly Writer _writer;
    private readonly StorageWatch _storage;
    private readonly ProjectionWorker _projections;
    private readonly CheckpointWorker _checkpoints;
    private readonly CourierView _courier;
    private readonly LedgerFollowers _followers;
    private readonly InForceWaits _inForce;
    private readonly BackupKeeper _backups;
    private readonly RequestPipeline _pipeline;
    private readonly BusListener _listener;
    private readonly MetricsServer? _metrics;
    private long _trustVersion;

    public Daemon(Prepared start, TimeProvider time, LogMessages log, int maxConnections)
    {
        _start = start;
        _log = log;
        _trustVersion = start.Loaded.State.Trust.Version;
        var replay = new ReplayStore(start.Ledger, start.Config.ReplayNonces);
        _writer = new Writer(start.Ledger, start.Loaded, replay, start.Schema, DomainScope.Authority);
        _projections = new ProjectionWorker(new ProjectionFiles(start.Paths, start.Schema), () => _writer.Published, time, log);
        _followers = new LedgerFollowers(() => _writer.Published, IsCourier, time);
        _courier = new CourierView(start.Paths, start.Config, start.Schema, _followers, () => _writer.Published, time);
        _inForce = new InForceWaits(start.Config, start.Schema, start.Ledger, () => _writer.Published, _courier, time);
        _writer.Committed += _projections.Committed;
        _writer.Committed += _ => _followers.Grown();
        _writer.Committed += _ => _inForce.Grown();
        _storage = new StorageWatch(start.Paths.StateDir);
        _writer.Committed += NoteTrust;
        _writer.StorageFull += NoteStorage;

        var verifier = new Verifier(new VerifierOptions
        {
            Keys = [start.Key],
            Commands = Served,
            SystemId = start.SystemId,
            LedgerKey = start.LedgerKey.Key.ToString(),
            AudienceRule = AudienceRules.ForAuthority(start.Schema, start.Config.Domains),
        });
        var scheduler = new FairScheduler(Environment.ProcessorCount, Limits.MaxWaitingPerUid);
        var checkpoints = new Checkpoints(start.LedgerKey, () => _writer.Published, time);
        _checkpoints = new CheckpointWorker(checkpoints, start.Paths.CheckpointFile, time, log);
        _writer.Committed += _ => _checkpoints.Committed();
        var status = new StatusAnswer(start, checkpoints, () => _writer.Published, _courier.Status, () => _storage.IsFull, () => _projections.Fault, () => _pipeline!.Counts, _writer.Stages, time);
        var audit = new AuditAnswers(start.Ledger, checkpoints, _courier.Cosignatures, _courier.Serves);
        _backups = new BackupKeeper(start.Paths, time, log);
        _pipeline = new RequestPipeline(verifier, scheduler, _writer, status, new ChangeAnswer(checkpoints, start.Schema, start.Config), time, new BackupAnswers(_backups, new TrustRootAnswers(start.Ledger, () => _writer.Published, new DomainAnswers(start.Config, _courier, () => _writer.Published, audit))), followers: _followers, waits: _inForce, reports: new ReportJudge(start.SystemId, () => _writer.Published, _inForce.WhyUnproven));
        _pipeline.StatusFailed += e => _log.StatusFailed(e.GetType().Name, e.Message);
        _listener = new BusListener(start.Socket, _pipeline, time, maxConnections);
        _metrics = start.MetricsSocket is { } socket ? new MetricsServer(socket, Metrics(scheduler, checkpoints, time)) : null;
    }

    /// <summary>Serves until it is asked to stop or the ledger fails; gives the exit code.</summary>
    public async Task<int> RunAsync(Task stopRequested, ServiceNotifier notifier)
    {
        _backups.RemoveLeftoversIfPossible();
        _projections.Start();
        _checkpoints.Start();
        // By way of the pool, so that one without a free thread is noticed, too.
        _writer.Beat += () => ThreadPool.QueueUserWorkItem(_ => notifier.Alive());
        _writer.Start(ServiceNotifier.WatchdogInterval());
        await _listener.StartAsync();
        _metrics?.Start();
        LogStart();
        notifier.Ready();

        Task ended = await Task.WhenAny(stopRequested, _writer.Broken);
        notifier.Stopping();
        _followers.Release();
        _inForce.Release();
        await _listener.StopAsync(StopGrace);
        _backups.Dispose();
        _writer.Stop();
        // Only now: what the writer recorded last is answered, too.
        await _listener.CutOffAsync(LastAnswersGrace);
        // Their last lines and files come before the line that says how it ended.
        await _projections.DisposeAsync();
        await _checkpoints.DisposeAsync();
        if (_writer.Broken.IsCompleted)
        {
            _log.LedgerBroken((await _writer.Broken).Message);
            return ExitCodes.Failed;
        }
        _log.Stopped(_pipeline.Counts.Accepted, _pipeline.Counts.AllRefused);
        return ended == stopRequested ? ExitCodes.Done : ExitCodes.Failed;
    }

    public async ValueTask DisposeAsync()
    {
        if (_metrics is not null)
            await _metrics.DisposeAsync();
        await _listener.DisposeAsync();
        await _projections.DisposeAsync();
        await _checkpoints.DisposeAsync();
        _start.Dispose();
    }

    /// <summary>Whose its folder is; and this user, who has the ledger.</summary>
    private bool IsCourier(PeerCredentials peer) =>
        peer.Uid == Posix.EffectiveUid || (Posix.TryStat(_start.Paths.CourierDir, out FileStat folder) && folder.Kind == FileKind.Directory && folder.Uid == peer.Uid);

    private BusMetrics Metrics(FairScheduler scheduler, Checkpoints checkpoints, TimeProvider time)
    {
        long Now() => time.GetUtcNow().ToUnixTimeSeconds();
        return new BusMetrics(new MetricSources
        {
            Stages = _writer.Stages,
            Counts = () => _pipeline.Counts,
            Published = () => _writer.Published,
            Domains = _courier.Figures,
            Unfinished = () => scheduler.Unfinished,
            Waiting = () => _writer.Waiting,
            Connections = () => _listener.ConnectionCount,
            LedgerBytes = () => ((string[])["", "-wal"]).Sum(suffix => Posix.TryStat(_start.Paths.LedgerFile + suffix, out FileStat stat) ? stat.SizeBytes : 0),
            CheckpointAgeSeconds = () => Math.Max(0, Now() - (checkpoints.Made?.Seconds ?? Now())),
            IsFull = () => _storage.IsFull,
            ProjectionFault = () => _projections.Fault,
            Assessment = () => new BootFolder(_start.Paths).TryReadAssessment(out BootAssessment? assessment, out _) ? assessment : null,
            NowSeconds = Now,
        });
    }

    private void LogStart()
    {
        PublishedState state = _writer.Published;
        _log.Key(_start.Key.Id.ToString());
        if (_start.Paths.IsTrial && Posix.IsAbsent(_start.Paths.AnchorFile))
            _log.TrialKey(KeyHome.DefaultDirectory);
        var ledgerKey = _start.LedgerKey.Key.ToString();
        _log.LedgerKey(ledgerKey, state.Policy.LedgerKey?.Statement is { } word && word.Key == ledgerKey ? $"signed by {word.Signer}" : "not signed by an operator");
        if (state.Policy.Trust.Root is { } root)
            _log.TrustRoot(root.Version, root.Hash, root.Holders.Count, root.ExpiresOn);
        _log.Schema(_start.Schema.Hash, _start.Schema.Origin, _start.Schema.RuntimeCount, _start.Schema.RebootCount);
        _log.Policy(state.Policy.Policy.Count, state.Policy.Staged.Count, state.Size);
        if (_start.Socket.IsActivated)
            _log.ActivatedSocket(_start.Socket.Path);
        else
            _log.Socket(_start.Socket.Path);
        if (_start.MetricsSocket is { } metrics)
            _log.Metrics(metrics.LocalEndPoint?.ToString() ?? "");
        _log.Ready();
    }

    /// <summary>On the writer's thread.</summary>
    private void NoteTrust(CommittedBatch batch)
    {
        RecordedTrust trust = batch.State.Policy.Trust;
        if (trust.Version == _trustVersion || trust.Root is not { } root)
            return;
        _trustVersion = trust.Version;
        _log.TrustRootTaken(root.Version, trust.Entries[^1], root.Hash);
    }

    private void NoteStorage(bool isFull)
    {
        _storage.Note(isFull);
        if (isFull)
            _log.StorageFull();
        else
            _log.StorageBack();
    }
}
