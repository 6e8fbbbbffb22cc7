using System.CommandLine;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Hosting.Commands;
using Qwamos.ControlBus.Hosting.Running;

namespace Qwamos.Daemon;

/// <summary><c>qwamosd run</c>: the daemon itself.</summary>
internal static class RunCommand
{
    public static Command Create()
    {
        var command = new Command("run", "Run the daemon in the foreground (the same as no command).");
        command.SetAction(DaemonCommandLine.Under(RunAsync));
        return command;
    }

    public static async Task<int> RunAsync(ParseResult parsed, SystemPaths paths)
    {
        string? unconfined = Confinement.ForDaemon(paths);
        TimeProvider time = TimeProvider.System;
        using var lines = new DaemonLog(parsed.GetValue(DaemonCommandLine.LogFormat), time);
        var log = new LogMessages(lines);
        int maxConnections = ProcessSetup.Harden();
        ProcessSetup.ContinueOnSocketThreads();
        // From the first moment on, so that a stop during the start is a clean one too.
        using var stop = new StopSignal();
        if (unconfined is not null)
        {
            log.DoesNotStart(unconfined);
            return ExitCodes.Failed;
        }
        log.Confined(Landlock.Describe(closesNetwork: true));
        if (!Startup.TryPrepare(paths, time, log, out Prepared? prepared, out string? fault))
        {
            log.DoesNotStart(fault);
            return ExitCodes.Failed;
        }
        await using var daemon = new Daemon(prepared, time, log, maxConnections);
        return await daemon.RunAsync(stop.Requested, ServiceNotifier.FromEnvironment());
    }
}
