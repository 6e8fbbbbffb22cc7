using System.CommandLine;
using Qwamos.ControlBus.Files;

namespace Qwamos.ControlBus.Hosting.Commands;

/// <summary>What the daemons' commands for root have in common: the paths, the user, and how they end.</summary>
public static class RootCommandAction
{
    /// <summary>Runs an action that says why it did not do its work, or null; that sentence goes to standard error, exit code 1.</summary>
    public static void Set(Command command, Func<ParseResult, SystemPaths, string?> action) => command.SetAction(parsed =>
    {
        if (!DaemonCommandLine.TryFindPaths(parsed, out var paths, out var error)) return End(ExitCodes.Usage, error);
        if (!paths.IsTrial && !Posix.IsRoot) return End(ExitCodes.Failed, $"{command.Name} changes what the system trusts: run it as root");
        try
        {
            return action(parsed, paths) is { } fault ? End(ExitCodes.Failed, fault) : ExitCodes.Done;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return End(ExitCodes.Failed, e.Message);
        }
    });

    private static int End(int code, string sentence)
    {
        Console.Error.WriteLine(SafeText.ForTerminal(sentence));
        return code;
    }
}
