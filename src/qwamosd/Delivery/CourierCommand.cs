using System.CommandLine;
using System.Diagnostics.CodeAnalysis;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Hosting.Commands;
using Qwamos.ControlBus.Hosting.Running;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Policy;

namespace Qwamos.Daemon.Delivery;

/// <summary><c>qwamosd courier</c>: delivers what the ledger holds to the domains, in a process of its own, so that what they answer is never read beside the ledger's writer.</summary>
internal static class CourierCommand
{
    public static Command Create()
    {
        var command = new Command("courier", "Deliver recorded changes to the domains of domains.json (and the gateways of qwamosd.json), in the foreground.");
        command.SetAction(DaemonCommandLine.Under(RunAsync));
        return command;
    }

    private static Task<int> RunAsync(ParseResult parsed, SystemPaths paths) =>
        ForegroundDaemon.RunAsync(parsed, Confinement.ForCourier(paths), closesNetwork: true, lines => new LogMessages(lines), async (process, log) =>
        {
            if (!TryPrepare(paths, TimeProvider.System, log, out CourierService? courier, out FileLock? taken, out string? fault))
                return process.DoesNotStart(fault);
            using (taken)
            using (courier)
            {
                var notifier = ServiceNotifier.FromEnvironment();
                log.Ready();
                notifier.Ready();
                await courier.RunAsync(process.Stop.Requested);
                notifier.Stopping();
            }

            log.CourierStopped();
            return ExitCodes.Done;
        });

    private static bool TryPrepare(
        SystemPaths paths, TimeProvider time, LogMessages log, [NotNullWhen(true)] out CourierService? courier, [NotNullWhen(true)] out FileLock? taken, [NotNullWhen(false)] out string? fault)
    {
        courier = null;
        taken = null;
        TrialTree.MakeMissing(paths);
        if (!SafePath.TryCheckTrusted(paths.EtcDir, paths, PathRules.TrustedDirectory, out fault)
            || !SafePath.TryCheckTrusted(paths.CourierDir, paths, PathRules.OwnDirectory, out fault)
            || !SystemId.TryFind(paths, out string? systemId, out fault)
            || !PolicySchema.TryLoadFor(paths, out PolicySchema? schema, out fault)
            || !DaemonConfig.TryLoad(paths, schema, out DaemonConfig? config, out fault))
            return false;
        if (!FileLock.TryTake(paths.CourierLockFile, out taken))
        {
            fault = $"another courier runs: it holds {SafeText.ForTerminal(paths.CourierLockFile)}";
            return false;
        }

        DurableFile.RemoveLeftovers(paths.CourierDir);
        // Its own memory only: without it each domain is asked where it stands, and shown as never reached until then.
        if (!DomainsFile.TryRead(paths, config.Gateways.Count, out IReadOnlyDictionary<string, DomainRow>? remembered, out _, out fault))
        {
            log.DomainsForgotten(paths.DomainsFile, fault);
            remembered = new Dictionary<string, DomainRow>(StringComparer.Ordinal);
        }

        courier = new CourierService(paths, config, schema, systemId, remembered, time, log);
        fault = null;
        return true;
    }
}
