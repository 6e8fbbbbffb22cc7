using System.CommandLine;
using System.Net.Sockets;
using System.Runtime.InteropServices;
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

    public static async Task<int> RunAsync(ParseResult parsed, SystemPaths paths)
    {
        string? unconfined = Confinement.ForGateway(paths);
        TimeProvider time = TimeProvider.System;
        using var lines = new DaemonLog(parsed.GetValue(DaemonCommandLine.LogFormat), time);
        var log = new LogMessages(lines);
        using var stop = new CancellationTokenSource();
        var asked = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var telling = stop.Token.Register(() => asked.TrySetResult());
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, context => Stop(context, stop));
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, context => Stop(context, stop));
        try
        {
            int maxConnections = ProcessSetup.Harden();
            ProcessSetup.ContinueOnSocketThreads();
            if (unconfined is not null)
            {
                log.DoesNotStart(unconfined);
                return ExitCodes.Failed;
            }
            log.Confined(Landlock.Describe(closesNetwork: false));
            if (Receiver.TryCreate(paths, maxConnections, time, log, stop.Token, out Receiver? receiver, out string? fault))
            {
                await using (receiver)
                    return await receiver.RunAsync(asked.Task) ? ExitCodes.Done : ExitCodes.Failed;
            }

            log.DoesNotStart(fault);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            log.Stopped();
            return ExitCodes.Done;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or SocketException)
        {
            log.DoesNotStart(e.Message);
        }

        return ExitCodes.Failed;
    }

    private static void Stop(PosixSignalContext context, CancellationTokenSource stop)
    {
        context.Cancel = true;
        stop.Cancel();
    }
}
