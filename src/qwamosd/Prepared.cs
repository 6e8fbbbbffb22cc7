using System.Net.Sockets;
using Qwamos.ControlBus.Audit;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Hosting.Listening;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Policy;
using Qwamos.ControlBus.Verification;

namespace Qwamos.Daemon;

/// <summary>All that a start has checked and opened; the daemon runs on it.</summary>
internal sealed record Prepared(
    SystemPaths Paths,
    VerifyingKey Key,
    string SystemId,
    PolicySchema Schema,
    DaemonConfig Config,
    BusSocket Socket,
    Socket? MetricsSocket,
    LedgerStore Ledger,
    CheckpointSigner LedgerKey,
    LoadedLedger Loaded,
    RootHistory Roots,
    BootNote? LastBoot,
    BootAssessment Assessment) : IDisposable
{
    public void Dispose()
    {
        Ledger.Dispose();
        LedgerKey.Dispose();
        Socket.Dispose();
        MetricsSocket?.Dispose();
    }
}
