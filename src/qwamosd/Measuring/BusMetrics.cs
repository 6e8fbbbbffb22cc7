using System.Reflection;
using System.Text;
using Prometheus;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Hosting.Pipeline;

namespace Qwamos.Daemon.Measuring;

/// <summary>
/// What Prometheus reads: figures of this daemon alone. No value or key of the policy, no person and no message is in them. What is counted
/// anyway is only looked at when somebody asks.
/// </summary>
internal sealed class BusMetrics
{
    private readonly CollectorRegistry _registry = Metrics.NewCustomRegistry();
    private readonly StageTimes _times;
    private readonly Histogram.Child[] _stages;
    private readonly (long Count, TimeSpan Sum)[,] _told = new (long, TimeSpan)[Enum.GetValues<RequestStage>().Length, StageTimes.Buckets];

    /// <param name="sources">Where the figures are.</param>
    public BusMetrics(MetricSources sources)
    {
        MetricFactory make = Metrics.WithCustomRegistry(_registry);
        _times = sources.Stages;
        double[] seconds = [.. Enumerable.Range(0, StageTimes.Buckets - 1).Select(bucket => StageTimes.Longest(bucket).TotalSeconds)];
        Histogram stages = make.CreateHistogram(
            "qwamos_stage_seconds", "Time of a stage: queue, verify and wait of each signed request; commit, publish and answer of each batch.", ["stage"], new HistogramConfiguration { Buckets = seconds });
        _stages = [.. Enum.GetValues<RequestStage>().Select(stage => stages.WithLabels(stage.ToString().ToLowerInvariant()))];

        Counter requests = make.CreateCounter("qwamos_requests_total", "Requests since the start by the code of their answer; accepted: changes that were recorded and stand.", ["code"]);
        Gauge domainLag = make.CreateGauge("qwamos_domain_lag_seconds", "How long a gateway has lacked a change that is for it; 0: it has taken all.", ["domain"]);
        Gauge domainEntry = make.CreateGauge("qwamos_domain_entry", "The last entry that a gateway took; -1: none.", ["domain"]);
        Gauge alarm = make.CreateGauge("qwamos_witness_alarm", "1: this gateway saw another history of the ledger.", ["domain"]);
        Gauge unfinished = make.CreateGauge("qwamos_requests_unfinished", "Signed requests without their outcome yet, those that wait for the writer among them.");
        Gauge waiting = make.CreateGauge("qwamos_requests_waiting", "Verified changes that wait for the writer.");
        Gauge connections = make.CreateGauge("qwamos_connections", "Connections open.");
        Gauge entries = make.CreateGauge("qwamos_ledger_entries", "Entries in the ledger.");
        Gauge bytes = make.CreateGauge("qwamos_ledger_bytes", "Bytes of the ledger and its write-ahead log on the disk.");
        Gauge staged = make.CreateGauge("qwamos_staged_keys", "Keys that wait for the next boot.");
        Gauge onTrial = make.CreateGauge("qwamos_boot_trial_keys", "Keys whose value no boot has completed with yet.");
        Gauge putBack = make.CreateGauge("qwamos_boot_put_back_keys", "Keys whose last known good a boot put back, and that were not set and applied since.");
        Gauge checkpointAge = make.CreateGauge("qwamos_checkpoint_age_seconds", "Age of the newest checkpoint; it is made anew each minute.");
        Gauge full = make.CreateGauge("qwamos_storage_full", "1: the disk is full, and changes are refused.");
        Gauge projections = make.CreateGauge("qwamos_projections_failing", "1: status.json and pending.conf cannot be written.");
        Gauge behind = make.CreateGauge("qwamos_clock_behind_seconds", "How far the clock is behind the greatest timestamp accepted; 0: it is not.");
        make.CreateGauge("qwamos_build_info", "1.", ["version"]).WithLabels(Version).Set(1);
        DotNetStats.Register(_registry);

        _registry.AddBeforeCollectCallback(() =>
        {
            TellStages();
            RequestCounts counts = sources.Counts();
            requests.WithLabels("accepted").IncTo(counts.Accepted);
            foreach (ErrorCode code in ErrorCodes.All)
                requests.WithLabels(ErrorCodes.Name(code)).IncTo(counts.Refused(code));
            foreach (DomainFigures domain in sources.Domains())
            {
                domainLag.WithLabels(domain.Name).Set(domain.LagSeconds);
                domainEntry.WithLabels(domain.Name).Set(domain.Taken ?? -1);
                alarm.WithLabels(domain.Name).Set(domain.IsAlarmed ? 1 : 0);
            }
            unfinished.Set(sources.Unfinished());
            waiting.Set(sources.Waiting());
            connections.Set(sources.Connections());
            PublishedState state = sources.Published();
            entries.Set(state.Size);
            staged.Set(state.Policy.Staged.Count);
            bytes.Set(sources.LedgerBytes());
            // One that cannot be read is no boot at which nothing was put back.
            onTrial.Set(sources.Assessment() is { } boot ? boot.OnTrial.Count() : double.NaN);
            putBack.Set(sources.Assessment()?.Returned.Count ?? double.NaN);
            checkpointAge.Set(sources.CheckpointAgeSeconds());
            full.Set(sources.IsFull() ? 1 : 0);
            projections.Set(sources.ProjectionFault() is null ? 0 : 1);
            behind.Set(Math.Max(0, state.Policy.FloorSeconds - sources.NowSeconds()));
        });
    }

    /// <summary>
    /// What came to each bucket since the last time: as often its mean, which lies in it, so that count and sum are right. Only one collects at a time.
    /// </summary>
    private void TellStages()
    {
        lock (_told)
        {
            foreach (RequestStage stage in Enum.GetValues<RequestStage>())
            {
                for (int bucket = 0; bucket < StageTimes.Buckets; bucket++)
                {
                    ref (long Count, TimeSpan Sum) told = ref _told[(int)stage, bucket];
                    (long count, TimeSpan sum) = _times.Read(stage, bucket);
                    if (count == told.Count)
                        continue;
                    // A time whose count is still to come may be in the sum: what is too much for the bucket is told with it.
                    TimeSpan mean = (sum - told.Sum) / (count - told.Count);
                    if (bucket < StageTimes.Buckets - 1 && mean > StageTimes.Longest(bucket))
                        mean = StageTimes.Longest(bucket);
                    _stages[(int)stage].Observe(mean.TotalSeconds, count - told.Count);
                    told = (count, told.Sum + (mean * (count - told.Count)));
                }
            }
        }
    }

    /// <summary>All of it, in Prometheus's text format.</summary>
    public async Task<string> TextAsync(CancellationToken stop)
    {
        using var text = new MemoryStream();
        await _registry.CollectAndExportAsTextAsync(text, stop);
        return Encoding.UTF8.GetString(text.ToArray());
    }

    private static string Version => typeof(BusMetrics).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "";
}
