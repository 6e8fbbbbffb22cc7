using System.CommandLine;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Hosting.Running;

namespace Qwamos.ControlBus.Hosting.Commands;

/// <summary>A daemon in the foreground, as each of them begins: with its log, a hardened process, and SIGTERM and SIGINT taken.</summary>
public sealed class ForegroundDaemon
{
    private readonly IStartLog _log;

    private ForegroundDaemon(IStartLog log, StopSignal stop, int maxConnections)
    {
        _log = log;
        Stop = stop;
        MaxConnections = maxConnections;
    }

    public StopSignal Stop { get; }

    /// <summary>How many connections the limit of open files leaves room for.</summary>
    public int MaxConnections { get; }

    /// <summary>Begins a daemon and runs it until it ends; gives the exit code.</summary>
    /// <param name="parsed">Says how log lines look.</param>
    /// <param name="unconfined">What <see cref="Landlock.Confine"/> gave, which comes before all else: why the daemon must not go on, or null.</param>
    /// <param name="closesNetwork">As to <see cref="Landlock.Confine"/>.</param>
    /// <param name="messages">Makes the program's own messages of its log.</param>
    /// <param name="run">Prepares and serves; gives the exit code. A fault of a file or a socket that it throws is said in the log.</param>
    public static async Task<int> RunAsync<TLog>(
        ParseResult parsed, string? unconfined, bool closesNetwork, Func<ILogger, TLog> messages, Func<ForegroundDaemon, TLog, Task<int>> run)
        where TLog : IStartLog
    {
        using var lines = new DaemonLog(parsed.GetValue(DaemonCommandLine.LogFormat), TimeProvider.System);
        TLog log = messages(lines);
        // From the first moment on, so that a stop during the start is a clean one too.
        using var stop = new StopSignal();
        try
        {
            var daemon = new ForegroundDaemon(log, stop, ProcessSetup.Harden());
            if (unconfined is not null)
                return daemon.DoesNotStart(unconfined);
            log.Confined(Landlock.Describe(closesNetwork));
            return await run(daemon, log);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or SocketException)
        {
            log.DoesNotStart(e.Message);
            return ExitCodes.Failed;
        }
    }

    /// <summary>Says why in the log; gives the exit code.</summary>
    public int DoesNotStart(string reason)
    {
        _log.DoesNotStart(reason);
        return ExitCodes.Failed;
    }
}
