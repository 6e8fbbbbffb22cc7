using System.CommandLine;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Hosting.Commands;
using Qwamos.ControlBus.Hosting.Running;
using Qwamos.Gateway.Receiving;

namespace Qwamos.Gateway;

/// <summary><c>gateway-policyd run</c>: the daemon itself.</summary>
internal static class RunCommand
{
    public static Command Create()
    {
        var command = new Command("run", "Run the daemon in the foreground (the same as no command).");
        command.SetAction(DaemonCommandLine.Under(RunAsync));
        return command;
    }

    public static Task<int> RunAsync(ParseResult parsed, SystemPaths paths) =>
        ForegroundDaemon.RunAsync(parsed, Confinement.ForGateway(paths), closesNetwork: false, lines => new LogMessages(lines), async (process, log) =>
        {
            ProcessSetup.ContinueOnSocketThreads();
            try
            {
                if (!Receiver.TryCreate(paths, process.MaxConnections, TimeProvider.System, log, process.Stop.Token, out Receiver? receiver, out string? fault))
                    return process.DoesNotStart(fault);
                await using (receiver)
                    return await receiver.RunAsync(process.Stop.Requested) ? ExitCodes.Done : ExitCodes.Failed;
            }
            catch (OperationCanceledException) when (process.Stop.Token.IsCancellationRequested)
            {
                log.Stopped();
                return ExitCodes.Done;
            }
        });
}
