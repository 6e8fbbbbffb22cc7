using System.Threading.Channels;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Policy;

namespace Qwamos.Daemon.Delivery;

/// <summary>
/// Serves one gateway from the ledger, in order: a task of its own, so that a dead or hostile gateway delays no other, and never the
/// writer. It remembers places in the ledger only, whatever has piled up.
/// </summary>
internal sealed class Courier
{
    /// <summary>Entries taken between two notes of the place while there is no pause: a place that is lost costs a redelivery, no more.</summary>
    private const int NoteEveryDeliveries = 256;

    private readonly Channel<bool> _wake = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private readonly Dictionary<string, long> _missed;
    private readonly GatewayEntry _gateway;
    private readonly DeliveryRule _rule;
    private readonly LedgerStore _ledger;
    private readonly TimeProvider _time;
    private readonly LogMessages _log;
    private GatewayRow _row;
    private int _unnoted;
    private bool _isDown;

    public Courier(GatewayEntry gateway, DeliveryRule rule, LedgerStore ledger, StartingPlace start, TimeProvider time, LogMessages log)
    {
        _gateway = gateway;
        _rule = rule;
        _ledger = ledger;
        _time = time;
        _log = log;
        _missed = new Dictionary<string, long>(start.Missed, StringComparer.Ordinal);
        _row = new GatewayRow(start.Taken, false, null);
        if (_missed.Count > 0)
            Show(_row with { IsBehind = true, BehindSince = ledger.ReadEntry(_missed.Values.Min())?.TimeSeconds });
        Position = start.Next;
    }

    public string Name => _gateway.Name;

    public GatewayRow Row => Volatile.Read(ref _row);

    /// <summary>The next entry to look at.</summary>
    public long Position { get; private set; }

    /// <summary>Says that the ledger has grown. Never blocks.</summary>
    public void Wake() => _wake.Writer.TryWrite(true);

    /// <summary>Until stopped.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        try
        {
            while (true)
            {
                await ServeAsync(stop).ConfigureAwait(false);
                NotePlace();
                await _wake.Reader.ReadAsync(stop).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            NotePlace();
        }
        catch (Exception e) when (e is LedgerBrokenException or LedgerIntegrityException or LedgerFormatException)
        {
            // The writer meets the same ledger and ends the daemon where it must; this row says why it stands still.
            Show(_row with { IsBehind = true, LastError = "the ledger cannot be read" });
            _log.DeliveryStopped(Name, e.Message);
        }
    }

    private async Task ServeAsync(CancellationToken stop)
    {
        foreach (LedgerRow row in _ledger.ReadFrom(Position))
        {
            if (_rule.Match(row.Index, _ledger.Parse(row)) is { } delivery)
                await DeliverAsync(delivery, stop).ConfigureAwait(false);
            Position = row.Index + 1;
        }
    }

    /// <summary>Tries while the envelope is fresh; each gets one attempt at least, but for those that are stale when found.</summary>
    private async Task DeliverAsync(PendingDelivery delivery, CancellationToken stop)
    {
        var backoff = new Backoff();
        Show(Row with { IsBehind = true });
        while (_time.GetUtcNow().ToUnixTimeSeconds() <= delivery.LastSecond)
        {
            Reception reception = await AttemptAsync(delivery, stop).ConfigureAwait(false);
            if (reception == Reception.Taken)
            {
                Take(delivery);
                return;
            }

            if (reception == Reception.Refused)
            {
                Miss(delivery);
                _log.DeliveryRefused(Name, delivery.Index, Row.LastError ?? "");
                return;
            }

            await Task.Delay(backoff.Next(), _time, stop).ConfigureAwait(false);
        }

        Miss(delivery);
        _log.DeliveryStale(Name, delivery.Index);
    }

    private async Task<Reception> AttemptAsync(PendingDelivery delivery, CancellationToken stop)
    {
        try
        {
            AnswerReader answer = await GatewayLink.SendAsync(_gateway.SocketPath, delivery.Envelope, _time, stop).ConfigureAwait(false);
            if (_isDown)
                _log.GatewayBack(Name);
            _isDown = false;
            Reception reception = Receptions.Of(answer);
            if (reception != Reception.Taken)
                Show(Row with { LastError = Receptions.Describe(answer) });
            return reception;
        }
        catch (GatewayLinkException e)
        {
            Show(Row with { LastError = e.Message });
            if (!_isDown)
                _log.GatewayDown(Name, e.Message);
            _isDown = true;
            return Reception.Later;
        }
    }

    private void Take(PendingDelivery delivery)
    {
        foreach (string key in delivery.Keys)
            _missed.Remove(key);
        Show(new GatewayRow(delivery.Index, _missed.Count > 0, null));
        CountUnnoted();
    }

    private void Miss(PendingDelivery delivery)
    {
        foreach (string key in delivery.Keys)
            _missed[key] = delivery.Index;
        Show(Row with { IsBehind = true });
        CountUnnoted();
    }

    private void CountUnnoted()
    {
        if (++_unnoted >= NoteEveryDeliveries)
            NotePlace();
    }

    private void NotePlace()
    {
        if (_unnoted == 0)
            return;
        try
        {
            _ledger.SaveDelivery(Name, new DeliveryPlace(Row.Taken, _missed));
            _unnoted = 0;
        }
        catch (Exception e) when (e is LedgerFullException or LedgerBusyException or LedgerBrokenException)
        {
            // The old place stands, which costs a redelivery. A broken ledger ends the daemon by way of its writer.
        }
    }

    private void Show(GatewayRow row) =>
        Volatile.Write(ref _row, row with { BehindSince = row.IsBehind ? row.BehindSince ?? _time.GetUtcNow().ToUnixTimeSeconds() : null });
}
