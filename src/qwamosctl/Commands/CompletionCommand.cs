using System.CommandLine;
using Qwamos.Client.Completing;
using Qwamos.Client.Showing;
using Qwamos.ControlBus.Json;

namespace Qwamos.Client.Commands;

/// <summary><c>qwamosctl completion SHELL</c>: prints a script that makes a shell ask this program what may come next.</summary>
internal static class CompletionCommand
{
    public static Command Build(SharedOptions shared, Terminal terminal)
    {
        Argument<string> shell = new("SHELL") { Description = "bash, zsh or fish" };
        Command command = new("completion", "Print a completion script for bash, zsh or fish") { shell };
        command.SetAction(parse => shared.Run(parse, terminal, session => Run(session, parse.GetValue(shell)!)));
        return command;
    }

    private static int Run(Session session, string shell)
    {
        if (ShellScripts.For(shell) is not { } script)
            return session.Fail(Failure.Usage($"completion is for bash, zsh and fish, not {shell}"));
        session.Terminal.Print(session.Json
            ? JsonPrinter.Print(JsonValue.Object([("status", JsonValue.Of("ok")), ("shell", JsonValue.Of(shell)), ("script", JsonValue.Of(script))])) + "\n"
            : script);
        return (int)ExitCode.Done;
    }
}
