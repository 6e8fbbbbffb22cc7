using System.CommandLine;
using Qwamos.ControlBus.Hosting.Commands;
using Qwamos.Daemon.Boot;
using Qwamos.Daemon.Checking;
using Qwamos.Daemon.Restoring;

namespace Qwamos.Daemon;

/// <summary>The commands of qwamosd; without one it runs as the daemon.</summary>
internal static class Program
{
    private static Task<int> Main(string[] args)
    {
        var commands = new RootCommand("The QWAMOS control bus daemon: verifies, decides, records and stages signed policy changes.")
        {
            DaemonCommandLine.Root,
            DaemonCommandLine.LogFormat,
            RunCommand.Create(),
            ApplyPendingCommand.Create(),
            FsckCommand.Create(),
            RestoreCommand.Create(),
            EnrollCommand.Create(DaemonCommandLine.Root, RootRequests.RecordReplacedAnchor),
            TimeFloorCommand.Create(DaemonCommandLine.Root, RootRequests.LowerTimeFloor, "The boot's timestamps are lowered; restart qwamosd to lower its own."),
        };
        commands.SetAction(DaemonCommandLine.Under(RunCommand.RunAsync));
        return DaemonCommandLine.InvokeAsync(commands, args);
    }
}
