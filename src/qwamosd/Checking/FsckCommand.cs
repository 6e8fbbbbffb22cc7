using System.CommandLine;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Hosting.Commands;

namespace Qwamos.Daemon.Checking;

/// <summary><c>qwamosd fsck</c>: the ledger's checker as a command. It changes nothing, and may run beside the daemon.</summary>
internal static class FsckCommand
{
    private const string Json = "json";

    public static Command Create()
    {
        Argument<string?> file = new("FILE")
        {
            Description = "A ledger: a backup, or a gateway's accepted.db. Without it this system's, which is compared with what the boot remembers, too.",
            Arity = ArgumentArity.ZeroOrOne,
        };
        Option<string> output = new("--output", "-o") { Description = "How the result is shown.", HelpName = "text|json", DefaultValueFactory = _ => "text" };
        output.AcceptOnlyFromAmong("text", Json);
        var command = new Command("fsck", "Check every entry and every hash of the ledger: 0 it is sound, 1 it is not, and why.") { file, output };
        command.SetAction(DaemonCommandLine.Under((parsed, paths) =>
            Task.FromResult(Run(paths, parsed.GetValue(file), parsed.GetValue(output) == Json))));
        return command;
    }

    private static int Run(SystemPaths paths, string? file, bool wantsJson)
    {
        using var progress = Console.IsErrorRedirected ? null : new ProgressLine(Console.Error);
        FsckResult result = FsckResult.Of(paths, file is null ? null : Path.GetFullPath(file), progress is null ? null : progress.Show);
        progress?.Dispose();
        Console.Out.WriteLine(wantsJson ? result.ToJson() : SafeText.ForTerminal(result.ToText()));
        return result.IsSound ? ExitCodes.Done : ExitCodes.Failed;
    }
}
