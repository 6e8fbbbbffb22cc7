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
    private readonly RootCourier _roots;
    private readonly long _freshFrom;
    private GatewayRow _row;
    private int _unnoted;
    private bool _isDown;
    private bool _isDelivering;

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
        _freshFrom = start.FreshFrom;
        _roots = new RootCourier(gateway, ledger, start.Trust, time, log, ShowTrust);
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
                await WaitAsync(stop).ConfigureAwait(false);
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
        // Before anything else: a gateway may be new, or may have been away for long. One that is away now lacks nothing that is known of.
        await _roots.BringAsync(_roots.VersionAt(Position), isPatient: false, SendAsync, stop).ConfigureAwait(false);
        foreach (LedgerRow row in _ledger.ReadFrom(Position))
        {
            LedgerEntry entry = _ledger.Parse(row);
            if (entry is TrustRootEntry)
                await BringAsync(row.Index, stop).ConfigureAwait(false);
            else if (entry is NoteEntry { Note.Kind: BootNoteKind.AnchorReplaced })
                _roots.BeganAnew(row.Index);
            else if (_rule.Match(row.Index, entry, _roots.InForce(row.Index)) is { } delivery)
                await DeliverAsync(delivery, stop).ConfigureAwait(false);
            Position = row.Index + 1;
        }
    }

    /// <summary>A version is never too old for a gateway. What the gateway took before it is noted first: sent once more, its signer may be unknown by then.</summary>
    private async Task BringAsync(long index, CancellationToken stop)
    {
        _roots.Saw(index);
        NotePlace();
        long version = _roots.VersionAt(index + 1);
        if (_roots.Taken is null || _roots.Taken < version)
            Show(Row with { IsBehind = true });
        await _roots.BringAsync(version, isPatient: true, SendAsync, stop).ConfigureAwait(false);
    }

    /// <summary>Until the ledger has grown; and where there is a trust root, in between, for a gateway that comes back, perhaps with an older disk.</summary>
    private async Task WaitAsync(CancellationToken stop)
    {
        while (_roots.Newest > 0)
        {
            using var pause = CancellationTokenSource.CreateLinkedTokenSource(stop);
            Task<bool> grown = _wake.Reader.WaitToReadAsync(pause.Token).AsTask();
            await Task.WhenAny(Task.Delay(_roots.Wait, _time, pause.Token), grown).ConfigureAwait(false);
            bool isGrown = grown.IsCompletedSuccessfully;
            await pause.CancelAsync().ConfigureAwait(false);
            stop.ThrowIfCancellationRequested();
            if (isGrown)
                break;
            _roots.Forget();
            await _roots.BringAsync(_roots.Newest, isPatient: false, SendAsync, stop).ConfigureAwait(false);
        }

        await _wake.Reader.ReadAsync(stop).ConfigureAwait(false);
    }

    /// <summary>Tries while the envelope is fresh; each gets one attempt at least, but for those that are stale when found. First comes the trust root that it was accepted under.</summary>
    private async Task DeliverAsync(PendingDelivery delivery, CancellationToken stop)
    {
        Show(Row with { IsBehind = true });
        if (!IsFresh(delivery))
        {
            Miss(delivery);
            if (delivery.Index >= _freshFrom)
                _log.DeliveryStale(Name, delivery.Index);
            return;
        }

        _isDelivering = true;
        try
        {
            await TryDeliverAsync(delivery, stop).ConfigureAwait(false);
        }
        finally
        {
            _isDelivering = false;
        }
    }

    private async Task TryDeliverAsync(PendingDelivery delivery, CancellationToken stop)
    {
        var backoff = new Backoff();
        await _roots.BringAsync(_roots.VersionAt(delivery.Index), isPatient: true, SendAsync, stop).ConfigureAwait(false);
        while (IsFresh(delivery))
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

    private bool IsFresh(PendingDelivery delivery) => _time.GetUtcNow().ToUnixTimeSeconds() <= delivery.LastSecond;

    private async Task<Reception> AttemptAsync(PendingDelivery delivery, CancellationToken stop)
    {
        AnswerReader? answer = await SendAsync(delivery.Envelope, stop).ConfigureAwait(false);
        if (answer is not null && Receptions.IsDisbelief(answer) && await HasCaughtUpAsync(stop).ConfigureAwait(false))
            answer = await SendAsync(delivery.Envelope, stop).ConfigureAwait(false);
        if (answer is null)
            return Reception.Later;
        Reception reception = Receptions.Of(answer);
        if (reception != Reception.Taken)
            Show(Row with { LastError = Receptions.Describe(answer) });
        return reception;
    }

    /// <summary>A gateway whose disk was put back lacks what it was thought to have: brought that, it is asked once more.</summary>
    private async Task<bool> HasCaughtUpAsync(CancellationToken stop)
    {
        if (_roots.Taken is not { } believed)
            return false;
        _roots.Forget();
        await _roots.BringAsync(believed, isPatient: true, SendAsync, stop).ConfigureAwait(false);
        return _roots.Taken is not null;
    }

    /// <summary>A request to the gateway; null when there was no answer, which the row says.</summary>
    private async Task<AnswerReader?> SendAsync(ReadOnlyMemory<byte> request, CancellationToken stop)
    {
        try
        {
            AnswerReader answer = await GatewayLink.SendAsync(_gateway.SocketPath, request, _time, stop).ConfigureAwait(false);
            if (_isDown)
                _log.GatewayBack(Name);
            _isDown = false;
            return answer;
        }
        catch (GatewayLinkException e)
        {
            Show(Row with { LastError = e.Message });
            if (!_isDown)
                _log.GatewayDown(Name, e.Message);
            _isDown = true;
            return null;
        }
    }

    private void Take(PendingDelivery delivery)
    {
        foreach (string key in delivery.Keys)
            _missed.Remove(key);
        Show(Row with { Taken = delivery.Index, IsBehind = _missed.Count > 0 || _roots.IsLacking, LastError = null });
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

    private void ShowTrust() => Show(Row with
    {
        TrustVersion = _roots.Taken,
        TrustFault = _roots.Fault,
        IsBehind = _isDelivering || _missed.Count > 0 || _roots.IsLacking,
        LastError = _missed.Count > 0 ? Row.LastError : null,
    });

    private void Show(GatewayRow row) =>
        Volatile.Write(ref _row, row with { BehindSince = row.IsBehind ? row.BehindSince ?? _time.GetUtcNow().ToUnixTimeSeconds() : null });
}
