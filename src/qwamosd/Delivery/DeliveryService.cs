using Qwamos.ControlBus;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Policy;
using Qwamos.ControlBus.Trust;
using Qwamos.Daemon.Measuring;

namespace Qwamos.Daemon.Delivery;

/// <summary>Passes the operator's envelopes on to the gateways of qwamosd.json, each served by a courier of its own.</summary>
internal sealed class DeliveryService : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly TimeProvider _time;
    /// <summary>Two quotes, a colon and a comma.</summary>
    private const int RowOverheadBytes = 4;

    private readonly Courier[] _couriers;
    private readonly Courier[] _byName;
    private Task _running = Task.CompletedTask;

    /// <param name="state">The fold of the ledger as it is now.</param>
    public DeliveryService(DaemonConfig config, PolicySchema schema, LedgerStore ledger, PolicyState state, TimeProvider time, LogMessages log)
    {
        _time = time;
        if (config.Gateways.Count == 0)
        {
            _couriers = _byName = [];
            return;
        }

        long now = time.GetUtcNow().ToUnixTimeSeconds();
        long freshFrom = FirstFresh(ledger, now);
        // What several holders signed may be delivered for days.
        long firstFresh = state.Trust.Version == 0 ? freshFrom : FirstFresh(ledger, now - Limits.MaxProposalSeconds);
        IReadOnlyDictionary<string, DeliveryPlace> places = ledger.ReadDeliveries();
        _couriers =
        [
            .. config.Gateways.Select(gateway =>
            {
                var rule = new DeliveryRule(schema, gateway);
                return new Courier(gateway, rule, ledger, Start(rule, ledger, state, places.GetValueOrDefault(gateway.Name), firstFresh, freshFrom), time, log);
            }),
        ];
        _byName = [.. _couriers.OrderBy(courier => courier.Name, StringComparer.Ordinal)];
    }

    public void Start() => _running = Task.WhenAll(_couriers.Select(courier => Task.Run(() => courier.RunAsync(_stop.Token))));

    /// <summary>To be called after each commit; never blocks.</summary>
    public void LedgerHasGrown()
    {
        foreach (Courier courier in _couriers)
            courier.Wake();
    }

    /// <summary>
    /// The member <c>gateways</c> of status, by name, as many rows as <see cref="Limits.MaxGatewayPageBytes"/> holds; and where there are more, <c>more_gateways</c>, the last name shown: first, for a
    /// status that is too long loses what stands last.
    /// </summary>
    /// <param name="witness">How the gateway of that name stands as a witness.</param>
    /// <param name="after">The name after which to begin; empty for the first.</param>
    public IReadOnlyList<(string Name, JsonValue Value)> Status(Func<string, JsonValue> witness, string after = "")
    {
        List<(string Name, JsonValue Row)> rows = [];
        int bytes = 0;
        foreach (Courier courier in _byName.Where(courier => string.CompareOrdinal(courier.Name, after) > 0))
        {
            JsonValue row = courier.Row.ToJson(witness(courier.Name));
            bytes += RowOverheadBytes + courier.Name.Length + JsonText.Bytes(row).Length;
            if (rows.Count > 0 && bytes > Limits.MaxGatewayPageBytes)
                return [("more_gateways", JsonValue.Of(rows[^1].Name)), ("gateways", JsonValue.Object(rows))];
            rows.Add((courier.Name, row));
        }

        return [("gateways", JsonValue.Object(rows))];
    }

    /// <summary>How each gateway stands, for metrics.</summary>
    /// <param name="isAlarmed">Whether the gateway of that name saw another history, as a witness.</param>
    public IEnumerable<DomainFigures> Figures(Func<string, bool> isAlarmed) => _couriers.Select(courier =>
    {
        GatewayRow row = courier.Row;
        double lag = row.BehindSince is { } since ? Math.Max(0, _time.GetUtcNow().ToUnixTimeSeconds() - since) : 0;
        return new DomainFigures(courier.Name, row.Taken, lag, isAlarmed(courier.Name));
    });

    /// <summary>Ends the couriers and notes their places. To be called before the ledger is closed.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _running.ConfigureAwait(false);
        _stop.Dispose();
    }

    /// <summary>
    /// Older entries can be taken by nobody any more. The margin covers a clock that was set back by as much as a receiver bears. Times
    /// rise along the ledger, but for steps back within that margin: so a search by halves, with the margin taken twice, passes by no
    /// entry that is fresh.
    /// </summary>
    private static long FirstFresh(LedgerStore ledger, long now)
    {
        long oldest = now - (2 * Limits.ReplayMarginSeconds);
        long low = 0;
        long high = ledger.Size;
        while (low < high)
        {
            long middle = low + ((high - low) / 2);
            if (ledger.ReadEntry(middle)!.TimeSeconds < oldest)
                low = middle + 1;
            else
                high = middle;
        }

        return low;
    }

    /// <summary>
    /// What the gateway missed up to its noted place stands beside that place; what it missed since is found in the fold, not by reading
    /// the ledger: at most an entry for each key.
    /// </summary>
    private static StartingPlace Start(DeliveryRule rule, LedgerStore ledger, PolicyState state, DeliveryPlace? noted, long firstFresh, long freshFrom)
    {
        long? taken = noted?.Taken;
        long next = Math.Max(firstFresh, (taken ?? -1) + 1);
        var missed = new Dictionary<string, long>(StringComparer.Ordinal);
        foreach ((string key, long index) in noted?.Missed ?? missed)
        {
            if (rule.Concerns(key))
                missed[key] = index;
        }

        foreach ((string key, Applied value) in state.Policy.Concat(state.Staged))
        {
            if (value.Index > (taken ?? -1) && value.Index < next && rule.Concerns(key)
                && ledger.ReadEntry(value.Index) is { } entry && rule.Match(value.Index, entry, TrustRoot.Implicit([])) is not null)
                missed[key] = value.Index;
        }

        return new StartingPlace(next, taken, missed, freshFrom, state.Trust);
    }
}
