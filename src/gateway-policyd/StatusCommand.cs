using System.CommandLine;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Hosting.Commands;
using Qwamos.ControlBus.Json;

namespace Qwamos.Gateway;

/// <summary><c>gateway-policyd status</c>: asks the daemon's own socket, unsigned, and shows the answer.</summary>
internal static class StatusCommand
{
    private const string Json = "json";

    private static readonly Option<string> Output = new("--output", "-o")
    {
        Description = "How the answer is shown.",
        HelpName = "text|json",
        DefaultValueFactory = _ => "text",
    };

    public static Command Create()
    {
        Output.AcceptOnlyFromAmong("text", Json);
        var command = new Command("status", "Show what this gateway has accepted, and what of it is in force.") { Output };
        command.SetAction(DaemonCommandLine.Under(RunAsync));
        return command;
    }

    private static async Task<int> RunAsync(ParseResult parsed, SystemPaths paths)
    {
        (AnswerReader? answer, int failed) = await OwnSocket.AskAsync(paths, Commands.GetStatus);
        if (answer is null)
            return failed;
        Console.Out.WriteLine(parsed.GetValue(Output) == Json ? JsonText.ToText(answer.Document, isIndented: true) : StatusText.Of(answer.Document));
        return ExitCodes.Done;
    }
}
