using System.CommandLine;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Hosting.Commands;
using Qwamos.Daemon.Boot;

namespace Qwamos.Daemon;

/// <summary>The commands of qwamosd; without one it runs as the daemon.</summary>
internal static class Program
{
    private static async Task<int> Main(string[] args)
    {
        var commands = new RootCommand("The QWAMOS control bus daemon: verifies, decides, records and stages signed policy changes.")
        {
            DaemonOptions.Root,
            DaemonOptions.LogFormat,
            RunCommand.Create(),
            ApplyPendingCommand.Create(),
            EnrollCommand.Create(DaemonOptions.Root, RootRequests.RecordReplacedAnchor),
            TimeFloorCommand.Create(DaemonOptions.Root, RootRequests.LowerTimeFloor, "The boot's timestamps are lowered; restart qwamosd to lower its own."),
        };
        commands.SetAction(DaemonOptions.Under(RunCommand.RunAsync));

        ParseResult parsed = commands.Parse(args);
        foreach (var error in parsed.Errors)
            await Console.Error.WriteLineAsync($"qwamosd: {SafeText.ForTerminal(error.Message)}");
        // The daemon stops by its own handling of SIGTERM, with requests in flight finished: not by the parser's.
        return parsed.Errors.Count > 0 ? ExitCodes.Usage : await parsed.InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = null });
    }
}
