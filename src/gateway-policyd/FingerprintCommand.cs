using System.CommandLine;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Hosting.Commands;

namespace Qwamos.Gateway;

/// <summary><c>gateway-policyd fingerprint</c>: the ID of this domain's own key, alone on one line, to be compared with what Dom0's <c>qwamosctl domains enroll</c> shows.</summary>
internal static class FingerprintCommand
{
    public static Command Create()
    {
        Option<bool> whole = new("--key") { Description = "Print the key itself, in base64, for qwamosctl domains enroll --key: for a domain that is reached over TLS." };
        var command = new Command("fingerprint", "Print the fingerprint of this domain's own key, alone on one line: compare it with what qwamosctl domains enroll shows in Dom0.") { whole };
        command.SetAction(DaemonCommandLine.Under((parsed, paths) => RunAsync(parsed.GetValue(whole), paths)));
        return command;
    }

    private static async Task<int> RunAsync(bool whole, SystemPaths paths)
    {
        (AnswerReader? answer, int failed) = await OwnSocket.AskAsync(paths, Commands.GetCursor);
        if (answer is null)
            return failed;
        if (!answer.Document.TryGet("key", out var key) || !key.TryGetString(out string? text) || !DomainKeyStatement.IsKey(text))
        {
            Console.Error.WriteLine("gateway-policyd: the daemon has no key of its own: it is an older one; restart it");
            return ExitCodes.Failed;
        }

        Console.Out.WriteLine(whole ? Convert.ToBase64String(Convert.FromHexString(text)) : DomainKeyStatement.FingerprintOf(text));
        return ExitCodes.Done;
    }
}
