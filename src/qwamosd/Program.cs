using System.CommandLine;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Hosting.Commands;
using Qwamos.ControlBus.Keys;
using Qwamos.Daemon.Boot;
using Qwamos.Daemon.Checking;
using Qwamos.Daemon.Delivery;
using Qwamos.Daemon.Keeping;
using Qwamos.Daemon.Restoring;

namespace Qwamos.Daemon;

/// <summary>The commands of qwamosd; without one it runs as the daemon.</summary>
internal static class Program
{
    private static Task<int> Main(string[] args) => DaemonCommandLine.InvokeAsync(Commands(), args);

    /// <summary>Every command and option: what is parsed, shown by --help, and printed in the manual.</summary>
    internal static Command Commands()
    {
        var commands = new Command("qwamosd", "The QWAMOS control bus daemon: verifies, decides, records and stages signed policy changes.")
        {
            DaemonCommandLine.Root,
            DaemonCommandLine.LogFormat,
            RunCommand.Create(),
            CourierCommand.Create(),
            ApplyPendingCommand.Create(),
            BootCompleteCommand.Create(),
            FsckCommand.Create(),
            BackupCommand.Create(),
            RestoreCommand.Create(),
            EnrollCommand.Create(RecordReplacedAnchor),
            TimeFloorCommand.Create(RootRequests.LowerTimeFloor, LowersItsOwn),
            ProgramOptions.Help(),
            ProgramOptions.Version(),
        };
        commands.SetAction(DaemonCommandLine.Under(RunCommand.RunAsync));
        return commands;
    }

    private static void RecordReplacedAnchor(SystemPaths paths, KeyId? old, KeyId key)
    {
        RootRequests.RecordReplacedAnchor(paths, old, key);
        if (old == key)
            Console.Out.WriteLine("Trust roots that were recorded count no more from qwamosd's next start on: this key alone does, and signs version 1 anew.");
    }

    private static string LowersItsOwn(SystemPaths paths) =>
        $"The boot's timestamps are lowered; qwamosd's own are at its next start: {ProposedCommand.Restart(paths, "qwamosd")}";
}
