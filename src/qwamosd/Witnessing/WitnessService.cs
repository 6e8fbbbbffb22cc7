using Qwamos.ControlBus.Audit;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Policy;
using Qwamos.Daemon.Auditing;

namespace Qwamos.Daemon.Witnessing;

/// <summary>Gives the gateways of qwamosd.json each new checkpoint, and collects what they cosign.</summary>
internal sealed class WitnessService : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly Cosignatures _cosignatures = new();
    private readonly WitnessCourier[] _couriers;
    private Task _running = Task.CompletedTask;

    public WitnessService(DaemonConfig config, string systemId, Checkpoints checkpoints, LedgerStore ledger, TimeProvider time, LogMessages log) =>
        _couriers =
        [
            .. config.Gateways.Select(gateway =>
                new WitnessCourier(gateway, WitnessKeyFile.NameOf(systemId, gateway.Name), checkpoints, ledger, _cosignatures, time, log)),
        ];

    public void Start() => _running = Task.WhenAll(_couriers.Select(courier => Task.Run(() => courier.RunAsync(_stop.Token))));

    /// <summary>To be called when there is a new checkpoint, or could be one; never blocks.</summary>
    public void Wake()
    {
        foreach (WitnessCourier courier in _couriers)
            courier.Wake();
    }

    /// <summary>The witnesses' lines under a tree, each with its newline, and how many of the living may still come.</summary>
    public (string Lines, int Awaited) Of(long size) =>
        (string.Concat(_cosignatures.Of(size).Select(line => $"{line}\n")), _couriers.Count(courier => courier.IsAwaited(size)));

    /// <summary>What status says of a gateway as a witness.</summary>
    public JsonValue Status(string gateway) => _couriers.First(courier => courier.Name == gateway).Row.ToJson();

    /// <summary>Whether a gateway saw another history of this ledger.</summary>
    public bool IsAlarmed(string gateway) => _couriers.First(courier => courier.Name == gateway).Row.State == WitnessState.Alarm;

    /// <summary>Ends the couriers. To be called before the ledger is closed.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _running.ConfigureAwait(false);
        _stop.Dispose();
    }
}
