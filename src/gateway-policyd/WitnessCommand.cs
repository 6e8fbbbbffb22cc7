using System.CommandLine;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Hosting.Commands;

namespace Qwamos.Gateway;

/// <summary><c>gateway-policyd witness</c>: the witness's verifier key, alone on one line, as <c>qwamosctl audit verify --witnesses</c> takes it.</summary>
internal static class WitnessCommand
{
    public static Command Create()
    {
        var command = new Command("witness", "Print the verifier key that this gateway cosigns the ledger's checkpoints with, alone on one line.");
        command.SetAction(DaemonCommandLine.Under(RunAsync));
        return command;
    }

    private static async Task<int> RunAsync(ParseResult parsed, SystemPaths paths)
    {
        (AnswerReader? answer, int failed) = await OwnSocket.AskAsync(paths, Commands.GetCheckpoint);
        if (answer is null)
            return failed;
        if (!answer.Document.TryGet("witness", out var key) || !key.TryGetString(out string? text))
        {
            Console.Error.WriteLine("gateway-policyd: the daemon is no witness: it is an older one; restart it");
            return ExitCodes.Failed;
        }

        Console.Out.WriteLine(SafeText.ForTerminal(text));
        return ExitCodes.Done;
    }
}
