using System.CommandLine;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Hosting.Commands;
using Qwamos.Gateway.Receiving;

namespace Qwamos.Gateway;

/// <summary>The commands of gateway-policyd; without one it runs as the daemon.</summary>
internal static class Program
{
    private static async Task<int> Main(string[] args)
    {
        var commands = new RootCommand("The QWAMOS gateway daemon: verifies signed policy changes again in its own domain, and enforces them.")
        {
            GatewayOptions.Root,
            GatewayOptions.LogFormat,
            RunCommand.Create(),
            StatusCommand.Create(),
            EnrollCommand.Create(GatewayOptions.Root, RootNotes.AnchorReplaced),
            TimeFloorCommand.Create(GatewayOptions.Root, RootNotes.LowerFloor, "The time floor is lowered."),
        };
        commands.SetAction(GatewayOptions.Under(RunCommand.RunAsync));

        ParseResult parsed = commands.Parse(args);
        foreach (var error in parsed.Errors)
            await Console.Error.WriteLineAsync($"gateway-policyd: {SafeText.ForTerminal(error.Message)}");
        // The daemon stops by its own handling of SIGTERM, with requests in flight finished: not by the parser's.
        return parsed.Errors.Count > 0 ? ExitCodes.Usage : await parsed.InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = null });
    }
}
