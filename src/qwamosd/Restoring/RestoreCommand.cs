using System.CommandLine;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Hosting.Commands;

namespace Qwamos.Daemon.Restoring;

/// <summary><c>qwamosd restore FILE</c>: puts a backup in the ledger's place, unless somebody has seen more than it has (ATTACKS 13).</summary>
internal static class RestoreCommand
{
    public static Command Create()
    {
        Argument<string> file = new("FILE") { Description = "A ledger: made by qwamosctl backup, or kept in /var/lib/qwamos/backups. It is copied and left as it is." };
        Option<string[]> seen = new("--seen")
        {
            Description = "A checkpoint that was seen: a client's seen/SYSTEM-ID, or a signed checkpoint. Once for each file.",
            HelpName = "FILE",
            DefaultValueFactory = _ => [],
        };
        Option<bool> acceptOlder = new("--accept-older")
        {
            Description = "Restore it even where more was seen: that is lost, which is recorded, and the ledger gets another key.",
        };
        var command = new Command("restore", "Put a backup in the ledger's place, as root, while qwamosd does not run.") { file, seen, acceptOlder };
        RootCommandAction.Set(command, (parsed, paths) =>
        {
            Posix.ForbidCoreDumps();
            using var progress = Console.IsErrorRedirected ? null : new Checking.ProgressLine(Console.Error);
            return new Restore(paths, TimeProvider.System, Console.Out)
            {
                File = Path.GetFullPath(parsed.GetRequiredValue(file)),
                Seen = [.. parsed.GetRequiredValue(seen).Select(Path.GetFullPath)],
                AcceptOlder = parsed.GetValue(acceptOlder),
                Progress = progress is null ? null : progress.Show,
            }.Run();
        });
        return command;
    }
}
