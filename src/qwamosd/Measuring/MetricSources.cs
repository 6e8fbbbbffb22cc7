using Qwamos.ControlBus.Hosting.Pipeline;
using Qwamos.ControlBus.Policy;

namespace Qwamos.Daemon.Measuring;

/// <summary>Where <see cref="BusMetrics"/> looks when it is asked; each may be called on any thread.</summary>
internal sealed record MetricSources
{
    public required StageTimes Stages { get; init; }

    public required Func<RequestCounts> Counts { get; init; }

    public required Func<PublishedState> Published { get; init; }

    public required Func<IEnumerable<DomainFigures>> Domains { get; init; }

    public required Func<int> Unfinished { get; init; }

    public required Func<int> Waiting { get; init; }

    public required Func<int> Connections { get; init; }

    public required Func<long> LedgerBytes { get; init; }

    public required Func<double> CheckpointAgeSeconds { get; init; }

    public required Func<bool> IsFull { get; init; }

    public required Func<string?> ProjectionFault { get; init; }

    /// <summary>What root remembers of the boots; null when it cannot be read.</summary>
    public required Func<BootAssessment?> Assessment { get; init; }

    public required Func<long> NowSeconds { get; init; }
}
