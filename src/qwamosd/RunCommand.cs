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

    public static Task<int> RunAsync(ParseResult parsed, SystemPaths paths) =>
        ForegroundDaemon.RunAsync(parsed, Confinement.ForDaemon(paths), closesNetwork: true, lines => new LogMessages(lines), async (process, log) =>
        {
            ProcessSetup.ContinueOnSocketThreads();
            TimeProvider time = TimeProvider.System;
            if (!Startup.TryPrepare(paths, time, log, out Prepared? prepared, out string? fault))
                return process.DoesNotStart(fault);
            await using var daemon = new Daemon(prepared, time, log, process.MaxConnections);
            return await daemon.RunAsync(process.Stop.Requested, ServiceNotifier.FromEnvironment());
        });
}
