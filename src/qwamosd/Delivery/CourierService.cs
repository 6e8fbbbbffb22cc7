using System.Threading.Channels;
using Qwamos.ControlBus;
using Qwamos.ControlBus.Audit;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Policy;

namespace Qwamos.Daemon.Delivery;

/// <summary>The running courier: the ledger's feed, a task for each domain, and the file that says how they stand.</summary>
internal sealed class CourierService : IDisposable
{
    /// <summary>So many domains may be given a checkpoint of nothing new in a second.</summary>
    private const double QuietDomainsPerSecond = 20;

    /// <summary>So many domains add a second to the pause between two files, for theirs is longer.</summary>
    private const int DomainsPerPauseSecond = 200;

    private static readonly TimeSpan Delay = TimeSpan.FromMilliseconds(Limits.ProjectionDelayMilliseconds);

    private static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(1);

    /// <summary>Least time between two writings that can wait: domains talk, and come and go, as often as they like.</summary>
    private readonly TimeSpan _reportPause;

    private readonly Channel<bool> _changes = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private readonly SystemPaths _paths;
    private readonly string _configuration;
    private readonly LedgerFeed _feed;
    private readonly PolicyHistory _history;
    private readonly EnrolledDomains _enrolled;
    private readonly ReportSender _reports;
    private readonly DomainCourier[] _couriers;
    private readonly TimeProvider _time;
    private readonly LogMessages _log;
    private readonly TaskCompletionSource _ending = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private TaskCompletionSource _urgent = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long? _writtenAt;
    private bool _isFailing;

    /// <param name="remembered">How the domains stood at the last stop.</param>
    public CourierService(
        SystemPaths paths, DaemonConfig config, PolicySchema schema, string systemId, IReadOnlyDictionary<string, DomainRow> remembered, TimeProvider time, LogMessages log)
    {
        _paths = paths;
        _configuration = config.Hash;
        _time = time;
        _log = log;
        _feed = new LedgerFeed(paths.BusSocket, time, log);
        _enrolled = new EnrolledDomains(_feed, time);
        _reports = new ReportSender(paths.BusSocket, time);
        _reportPause = TimeSpan.FromSeconds(Math.Clamp(config.Gateways.Count / DomainsPerPauseSecond, 2, 5));
        var quietPause = TimeSpan.FromSeconds(Math.Max(1, config.Gateways.Count / QuietDomainsPerSecond));
        (GatewayEntry Domain, DeliveryRule Rule)[] domains = [.. config.Gateways.Select(domain => (domain, new DeliveryRule(schema, domain)))];
        _history = new PolicyHistory(_feed, paths, domains.Any(domain => domain.Rule.TakesConfidential), config.Gateways.Select(domain => domain.Name).ToHashSet(StringComparer.Ordinal), log);
        _couriers =
        [
            .. domains.Select(domain =>
            {
                DomainRow row = remembered.GetValueOrDefault(domain.Domain.Name) ?? new DomainRow();
                var reports = new ReportFollower(domain.Domain, domain.Rule, _history, systemId, _enrolled, _reports, row.Report, time);
                return new DomainCourier(
                    domain.Domain, domain.Rule, WitnessKeyFile.NameOf(systemId, domain.Domain.Name), _feed, _history, _enrolled, reports, row, quietPause, time, log, Note);
            }),
        ];
    }

    /// <summary>How a domain stands.</summary>
    public DomainRow Row(string domain) => _couriers.First(courier => courier.Name == domain).Row;

    /// <summary>Until asked to stop; then the file says how far it came.</summary>
    public async Task RunAsync(Task asked)
    {
        using var stop = new CancellationTokenSource();
        Task writing = KeepFileAsync();
        Task serving = Task.WhenAll(_couriers.Select(courier => Task.Run(() => courier.RunAsync(stop.Token))).Append(_feed.RunAsync(stop.Token)).Append(_enrolled.RunAsync(stop.Token)).Append(_reports.RunAsync(stop.Token)));
        await asked.ConfigureAwait(false);
        await stop.CancelAsync().ConfigureAwait(false);
        await serving.ConfigureAwait(false);
        _changes.Writer.TryWrite(true);
        _changes.Writer.Complete();
        _ending.SetResult();
        await writing.ConfigureAwait(false);
    }

    public void Dispose()
    {
        _history.Dispose();
        _feed.Dispose();
    }

    private void Note(bool canWait)
    {
        if (!canWait)
            Volatile.Read(ref _urgent).TrySetResult();
        _changes.Writer.TryWrite(true);
    }

    private async Task KeepFileAsync()
    {
        Note(canWait: false);
        await foreach (bool _ in _changes.Reader.ReadAllAsync().ConfigureAwait(false))
        {
            await PauseAsync(Delay).ConfigureAwait(false);
            if (_writtenAt is { } at && _reportPause - _time.GetElapsedTime(at) is { Ticks: > 0 } left)
                await Task.WhenAny(PauseAsync(left), _urgent.Task).ConfigureAwait(false);
            // Whoever sets the next one has a row that may not be in this file.
            Volatile.Write(ref _urgent, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
            _writtenAt = _time.GetTimestamp();
            while (!TryWrite() && !_ending.Task.IsCompleted)
                await PauseAsync(RetryAfter).ConfigureAwait(false);
        }
    }

    private bool TryWrite()
    {
        try
        {
            DomainsFile.Write(_paths, _configuration, _couriers.Select(courier => KeyValuePair.Create(courier.Name, courier.Row)));
            if (_isFailing)
                _log.DomainsKept();
            _isFailing = false;
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            if (!_isFailing)
                _log.DomainsNotKept(_paths.DomainsFile, e.Message);
            _isFailing = true;
            return false;
        }
    }

    /// <summary>Shorter when the courier stops meanwhile.</summary>
    private Task<Task> PauseAsync(TimeSpan pause) => Task.WhenAny(Task.Delay(pause, _time), _ending.Task);
}
