using System.Diagnostics.CodeAnalysis;
using Qwamos.ControlBus;
using Qwamos.ControlBus.Audit;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Hosting.Listening;
using Qwamos.ControlBus.Hosting.Pipeline;
using Qwamos.ControlBus.Hosting.Running;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Policy;
using Qwamos.ControlBus.Trust;
using Qwamos.ControlBus.Verification;
using Qwamos.Gateway.Enforcing;
using Qwamos.Gateway.Linking;
using Qwamos.Gateway.Reporting;
using Qwamos.Gateway.Witnessing;

namespace Qwamos.Gateway.Receiving;

/// <summary>
/// The running gateway: the same pipeline and writer as Dom0's, with a receiver's scope; what they commit is handed to the
/// <see cref="Enforcer"/>. Parts start from the ledger outwards, and stop from the socket inwards.
/// </summary>
internal sealed class Receiver : IAsyncDisposable
{
    private static readonly TimeSpan StopGrace = TimeSpan.FromMilliseconds(700);

    /// <summary>What the answers of the writer's last batch get, where the disk was too slow for the first grace.</summary>
    private static readonly TimeSpan LastAnswersGrace = TimeSpan.FromMilliseconds(100);

    private readonly ReceiverSettings _settings;
    private readonly bool _isActivated;
    private readonly LogMessages _log;
    private readonly RequestLog _requestLog;
    private readonly LedgerStore _store;
    private readonly SigningKey _key;
    private readonly Witness? _witness;
    private readonly Writer _writer;
    private readonly Enforcer _enforcer;
    private readonly StatusFile _statusFile;
    private readonly Reports _reports;
    private readonly ReceiverStatus _status;
    private readonly BusListener _listener;
    private readonly VirtioPort[] _ports;
    private long _trustVersion;

    private Receiver(
        ReceiverSettings settings, BusSocket socket, SigningKey key, LedgerStore store, LoadedLedger loaded, Witness? witness, Enforcer enforcer, int maxConnections, TimeProvider time, LogMessages log)
    {
        _settings = settings;
        _isActivated = socket.IsActivated;
        _log = log;
        _key = key;
        _store = store;
        _witness = witness;
        _enforcer = enforcer;
        _trustVersion = loaded.State.Trust.Version;
        var replay = new ReplayStore(store);
        _writer = new Writer(store, loaded, replay, settings.Schema, settings.Scope);
        _statusFile = new StatusFile(settings.Paths.GatewayStatusFile, log);
        var watching = new WitnessAnswers(witness, () => _writer.Published.Policy.Trust.Root, time);
        _status = new ReceiverStatus(settings, _writer, _enforcer, () => _statusFile.State, watching.Status, time);
        _reports = new Reports(settings, key, () => _writer.Published.Policy, () => _enforcer.Observed, () => watching.IsStale, time);
        var scheduler = new FairScheduler(Environment.ProcessorCount, Limits.MaxWaitingPerUid);
        Verifier verifier = settings.Verifier();
        var reads = new TrustRootAnswers(store, () => _writer.Published, new CursorAnswers(settings, key, () => _writer.Published.Policy, witness, watching));
        var pipeline = new RequestPipeline(verifier, scheduler, _writer, _status, new ChangeAnswer(settings.Domain), time, reads, new DeliveryJudge(verifier, () => witness?.Memory, Forked, RootAt), waits: _reports);
        _requestLog = new RequestLog(time, log);
        pipeline.Refused += _requestLog.Refused;
        pipeline.StatusFailed += e => _log.StatusFailed(e.GetType().Name, e.Message);
        _writer.Committed += Committed;
        _enforcer.Changed += _statusFile.HasChanged;
        _enforcer.Changed += _reports.HasChanged;
        _listener = new BusListener(socket, pipeline, time, maxConnections);
        _ports = [.. settings.Domain.Listen.Select(port => new VirtioPort(port.Path, () => OpenPort(port.Path), _listener.Connect, log))];
    }

    /// <summary>Reads the settings, takes the socket's path (and with it the lock), and loads the record. Hooks of staged keys run here.</summary>
    /// <exception cref="OperationCanceledException">Stopped meanwhile.</exception>
    public static bool TryCreate(
        SystemPaths paths, int maxConnections, TimeProvider time, LogMessages log, CancellationToken stop,
        [NotNullWhen(true)] out Receiver? receiver, [NotNullWhen(false)] out string? fault)
    {
        receiver = null;
        TrialTree.MakeMissing(paths);
        if (!ReceiverSettings.TryLoad(paths, out ReceiverSettings? settings, out fault)
            || !BusSocket.TryBind(paths.GatewaySocket, paths, owner: null, out BusSocket? socket, out fault, paths.GatewayLockFile))
            return false;
        LedgerStore? store = null;
        SigningKey? key = null;
        Witness? witness = null;
        try
        {
            if (!AcceptedRecord.TryOpen(paths, out store, out fault))
                return false;
            LoadedLedger loaded = LedgerFold.Load(store);
            if (!AcceptedRecord.TryVerifyTrust(settings, store, loaded, out RootHistory? roots, out fault) || !TryLoadKey(paths, roots, out key, out fault) || !TryOpenWitness(settings, roots, time, log, out witness, out fault))
                return false;
            StateKeeper keeper = BuiltInEnforcers.Keeper(paths, settings.Domain.Enforcers, settings.Schema, time, log);
            keeper.Begin(loaded.State);
            var enforcer = new Enforcer(Hooks(paths, time, log), time, log, keeper);
            loaded = new StagedAtStart(settings, roots, enforcer, time, log).Apply(store, loaded, stop);
            receiver = new Receiver(settings, socket, key, store, loaded, witness, enforcer, maxConnections, time, log);
            return true;
        }
        catch (OperationCanceledException)
        {
            store!.FoldWal();
            throw;
        }
        catch (LedgerIntegrityException e)
        {
            fault = $"{SafeText.ForTerminal(paths.AcceptedFile)}: {e.Message} {AcceptedRecord.Mend(paths)}";
            return false;
        }
        finally
        {
            if (receiver is null)
            {
                store?.Dispose();
                witness?.Dispose();
                key?.Dispose();
                socket.Dispose();
            }
        }
    }

    /// <summary>Serves until asked to stop; false when the record broke.</summary>
    public async Task<bool> RunAsync(Task asked)
    {
        var notifier = ServiceNotifier.FromEnvironment();
        _statusFile.Start(_status.Document);
        EnforcePolicy(_writer.Published.Policy);
        _enforcer.Start();
        // By way of the pool, so that one without a free thread is noticed, too.
        _writer.Beat += () => ThreadPool.QueueUserWorkItem(_ => notifier.Alive());
        _writer.Start(ServiceNotifier.WatchdogInterval());
        await _listener.StartAsync();
        foreach (VirtioPort port in _ports)
            port.Start();
        Announce();
        notifier.Ready();

        Task first = await Task.WhenAny(asked, _writer.Broken);
        notifier.Stopping();
        bool isBroken = first == _writer.Broken;
        if (isBroken)
            _log.RecordBroken((await _writer.Broken).Message);
        _reports.Release();
        await _listener.StopAsync(StopGrace);
        foreach (VirtioPort port in _ports)
            port.Dispose();
        _writer.Stop();
        // Only now: what the writer recorded last is answered, too.
        await _listener.CutOffAsync(LastAnswersGrace);
        _enforcer.Dispose();
        _statusFile.Complete();
        _log.Stopped();
        return !isBroken;
    }

    public async ValueTask DisposeAsync()
    {
        await _listener.DisposeAsync();
        _statusFile.Dispose();
        _store.Dispose();
        _witness?.Dispose();
        _key.Dispose();
    }

    /// <summary>Decided once, at the start: a socket that fails later is a failure, and not run around.</summary>
    private static HookDirectory Hooks(SystemPaths paths, TimeProvider time, LogMessages log)
    {
        if (HookUnits.AreThere(paths))
        {
            log.HooksAreUnits(paths.HookSocket);
            return new HookDirectory(paths, time, new HookUnits(paths.HookSocket, time));
        }

        log.HooksAreProcesses(paths.HookSocket);
        return new HookDirectory(paths, time);
    }

    private static bool TryLoadKey(SystemPaths paths, RootHistory roots, [NotNullWhen(true)] out SigningKey? key, [NotNullWhen(false)] out string? fault)
    {
        if (!DomainKeyFile.TryLoadOrCreate(paths, out key, out fault))
            return false;
        if (roots.FindKey(key.Id) is null)
            return true;
        key.Dispose();
        key = null;
        fault = $"{SafeText.ForTerminal(paths.GatewayDomainKeyFile)} is the operator's key, which must not be here; move it away and start again: the domain makes its own";
        return false;
    }

    /// <summary>Unbuffered: each frame is one write.</summary>
    private static FileStream OpenPort(string path) => new(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite, bufferSize: 0);

    /// <summary>A gateway without a system ID has no ledger to watch, and gives null.</summary>
    private static bool TryOpenWitness(
        ReceiverSettings settings, RootHistory roots, TimeProvider time, LogMessages log, out Witness? witness, [NotNullWhen(false)] out string? fault)
    {
        (witness, fault) = (null, null);
        return settings.SystemId is null
            || Witness.TryOpen(settings.Paths, roots, settings.SystemId, settings.Domain.Name, time, log, out witness, out fault);
    }

    /// <summary>On the writer's thread, after the entries are durable: hands over, and does nothing that could wait.</summary>
    private void Committed(CommittedBatch batch)
    {
        Enforce(batch.Adopted, batch.State.Policy);
        foreach (CommittedChange change in batch.Changes)
        {
            _requestLog.Accepted(change);
            var enforcements = new List<Enforcement>(change.Outcome.Applied.Count);
            foreach (string name in change.Outcome.Applied)
            {
                if (_settings.Schema.TryGet(name, out PolicyKey? key) && Enforcement(key, change) is { } enforcement)
                    enforcements.Add(enforcement);
            }

            _enforcer.Add(enforcements);
        }

        NoteTrust(batch.State.Policy.Trust);
        _statusFile.HasChanged();
        _reports.HasChanged();
    }

    /// <summary>On the writer's thread, and rare. Auditors are given it: a confidential envelope stays out.</summary>
    private void Forked(DeliveryOffer offer, DeliveryCursor taken) => _witness?.Evidence.Keep(
        EvidenceKind.Delivery,
        $"delivery {taken.Sequence} was entry {taken.Index} when it was taken, and is entry {offer.Entry.Index} now",
        _witness.Memory,
        JsonValue.Object([("offered", (offer with { Entry = offer.Entry with { Envelope = null }, CatchUp = null }).ToJson()), ("taken", JsonValue.Object([("seq", JsonValue.Of(taken.Sequence)), ("index", JsonValue.Of(taken.Index)), ("leaf_hash", JsonValue.Of(taken.LeafHash))]))]),
        $"{taken.LeafHash}\n{Convert.ToHexStringLower(MerkleTree.LeafHash(offer.Entry.Leaf))}");

    /// <summary>Before the trust root's sender is told: from then on no word of a revoked key is vouched for. Rare, so that the writer may wait for that file.</summary>
    private void NoteTrust(RecordedTrust trust)
    {
        if (trust.Version == _trustVersion || trust.Root is not { } root)
            return;
        _trustVersion = trust.Version;
        _log.TrustRootTaken(root.Version, trust.Entries[^1], root.Hash);
        if (_witness?.Disown(root) is { } fault)
            _log.WitnessNotKept(fault);
    }

    /// <summary>What was taken over is put in force together, but for what a change beside it has set since: an older value must not be there even for a moment.</summary>
    private void Enforce(IReadOnlyList<(long Index, AdoptedValue Value)> adopted, PolicyState state)
    {
        var enforcements = new List<Enforcement>();
        foreach ((long index, AdoptedValue value) in adopted)
        {
            if (state.Policy.TryGetValue(value.Key, out Applied applied) && applied.Index == index && _settings.Schema.TryGet(value.Key, out PolicyKey? key))
                enforcements.Add(new Enforcement(key, value.Value, index));
        }

        if (enforcements.Count > 0)
            _enforcer.Add(enforcements);
    }

    /// <summary>
    /// Roots are taken in the order of Dom0's ledger, each with the delivery that brought it in the entry after it. One that came late, or another way, has no place there, and the present one counts. What
    /// stands after such a one and was accepted has its own entry in between.
    /// </summary>
    private TrustRoot? RootAt(string ledger, long index)
    {
        RecordedTrust trust = _writer.Published.Policy.Trust;
        for (int i = trust.Entries.Length - 1; i >= 0; i--)
        {
            if (_store.ReadEntry(trust.Entries[i] + 1) is not DeliveryEntry { Outcome: RecordedEntry.Accepted } delivery || delivery.Cursor.Of(ledger) == DeliveryCursor.None)
                return trust.Root;
            if (delivery.Cursor.Index < index)
                return (_store.ReadEntry(trust.Entries[i]) as TrustRootEntry)?.Root.Root ?? trust.Root;
        }

        return null;
    }

    /// <summary>
    /// The entry that accepted an event is its durable note: only the process that committed it runs the hook, once, and no start runs
    /// it again, for the fold says <c>disarmed</c> already.
    /// </summary>
    private static Enforcement? Enforcement(PolicyKey key, CommittedChange change)
    {
        if (!change.Message.Message.Args!.TryGet(key.Name, out JsonValue? json) || !PolicyValue.TryFrom(json, out PolicyValue value))
            return null;
        bool isEvent = key.IsEvent && EventValues.IsFire(value);
        return new Enforcement(key, value, change.Index, isEvent ? change.Message.Message.Timestamp : null);
    }

    /// <summary>What a hook set up may be gone since the last start.</summary>
    private void EnforcePolicy(PolicyState state)
    {
        foreach ((string name, Applied applied) in state.Policy)
        {
            bool isDone = _enforcer.Outcomes.TryGetValue(name, out EnforcementOutcome outcome) && outcome.IsDone;
            if (!isDone && _settings.Schema.TryGet(name, out PolicyKey? key) && _settings.Scope.Includes(key))
                _enforcer.Add([new Enforcement(key, applied.Value, applied.Index)]);
        }
    }

    private void Announce()
    {
        PublishedState state = _writer.Published;
        _log.Key(_settings.Anchor.Id.ToString());
        if (state.Policy.Trust.Root is { } root)
            _log.TrustRoot(root.Version, root.Hash, root.Holders.Count, root.ExpiresOn);
        _log.Schema(_settings.Schema.Hash, _settings.Schema.RuntimeCount, _settings.Schema.RebootCount);
        _log.Policy(_settings.Domain.Name, _settings.Domain.Class, state.Policy.Policy.Count, state.Policy.Staged.Count, state.Size);
        if (_witness is null)
            _log.NoWitness(ProposedCommand.Of(_settings.Paths, "gateway-policyd", "enroll FILE --system HEX"));
        else
            _log.Witness(_witness.Key.ToString());
        if (_isActivated)
            _log.ActivatedSocket(_settings.Paths.GatewaySocket);
        else
            _log.Socket(_settings.Paths.GatewaySocket);
        _log.Ready();
    }
}
