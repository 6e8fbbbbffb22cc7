using System.CommandLine;
using Qwamos.ControlBus.Files;

namespace Qwamos.Daemon;

/// <summary><c>qwamosd run</c>: the daemon itself.</summary>
internal static class RunCommand
{
    public static Command Create()
    {
        var command = new Command("run", "Run the daemon in the foreground (the same as no command).");
        command.SetAction(DaemonOptions.Under(RunAsync));
        return command;
    }

    public static Task<int> RunAsync(ParseResult parsed, SystemPaths paths)
    {
        return Task.FromResult(ExitCodes.Failed);
    }
}
