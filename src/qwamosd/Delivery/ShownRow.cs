using Qwamos.ControlBus;
using Qwamos.ControlBus.Json;

namespace Qwamos.Daemon.Delivery;

/// <summary>
/// What is shown of one domain, and when it is news: what did not change is none, and of what a domain has changed while the ledger stands still only a little is written at once.
/// A hostile one has the file of all domains written no faster than by its reports. Thread-safe: reports are judged beside the courier's task.
/// </summary>
internal sealed class ShownRow
{
    /// <summary>Changes that are written at once for each growth of the ledger, or each <see cref="QuietSpan"/>: what serving a domain brings about, and its link ending and coming back.</summary>
    private const int MaxUrgent = 8;

    private static readonly TimeSpan QuietSpan = TimeSpan.FromSeconds(Limits.CheckpointIdleSeconds);

    private readonly LedgerFeed _feed;
    private readonly CheckpointBringer _checkpoints;
    private readonly ReportFollower _reports;
    private readonly TimeProvider _time;
    private readonly Action<bool> _changed;
    private readonly Lock _turn = new();
    private DomainRow _row;
    private int _urgent;
    private long _urgentVersion;
    private long _urgentSince;

    /// <param name="row">What was known of it at the last stop.</param>
    /// <param name="feed">The ledger.</param>
    /// <param name="checkpoints">How it stands as a witness.</param>
    /// <param name="reports">What it says of itself.</param>
    /// <param name="time">The clock.</param>
    /// <param name="changed">Called when the row has changed, with whether that can wait; it must not block.</param>
    public ShownRow(DomainRow row, LedgerFeed feed, CheckpointBringer checkpoints, ReportFollower reports, TimeProvider time, Action<bool> changed)
    {
        (_row, _feed, _checkpoints, _reports, _time, _changed) = (row, feed, checkpoints, reports, time, changed);
        _urgentSince = time.GetTimestamp();
        reports.Changed += () => Show(null);
    }

    public DomainRow Row => Volatile.Read(ref _row);

    /// <summary>Whether something is for the domain that it has not taken. The courier's own task sets it.</summary>
    public bool HasNext { get; set; }

    /// <param name="row">What its courier knows; null where only its report is another one.</param>
    public void Show(DomainRow? row)
    {
        lock (_turn)
        {
            DomainRow next = Complete(row ?? _row);
            if (IsSame(next, _row))
                return;
            Volatile.Write(ref _row, next);
            _changed(row is null || !IsUrgent());
        }
    }

    private DomainRow Complete(DomainRow row)
    {
        row = row with { Report = _reports.Row, HasGap = row.HasGap && !(_reports.Complete is { } complete && (complete.Sequence, complete.Index) == (row.Sequence, row.Index)) };
        bool isBehind = HasNext || row.LacksSome || row.TrustFault is not null || (_feed.Size >= 0 && row.Index >= _feed.Size);
        return row with
        {
            IsBehind = isBehind,
            HasNext = HasNext,
            BehindSince = isBehind ? row.BehindSince ?? _time.GetUtcNow().ToUnixTimeSeconds() : null,
            LastError = row.LastError is { } error ? CodePoints.Take(error, DomainRow.MaxErrorCodePoints) : null,
            Witness = _checkpoints.Row,
            Cosignatures = _checkpoints.Cosignatures,
        };
    }

    private static bool IsSame(DomainRow next, DomainRow before) => next with { Cosignatures = before.Cosignatures } == before && next.Cosignatures.SequenceEqual(before.Cosignatures);

    private bool IsUrgent()
    {
        if (_feed.Version is var version && version != _urgentVersion || _time.GetElapsedTime(_urgentSince) >= QuietSpan)
            (_urgent, _urgentVersion, _urgentSince) = (0, _feed.Version, _time.GetTimestamp());
        return ++_urgent <= MaxUrgent;
    }
}
