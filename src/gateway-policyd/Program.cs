using System.CommandLine;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Hosting.Commands;
using Qwamos.ControlBus.Hosting.Running;
using Qwamos.ControlBus.Keys;
using Qwamos.Gateway.Receiving;

namespace Qwamos.Gateway;

/// <summary>The commands of gateway-policyd; without one it runs as the daemon.</summary>
internal static class Program
{
    private static Task<int> Main(string[] args) => DaemonCommandLine.InvokeAsync(Commands(), args);

    /// <summary>Every command and option: what is parsed, shown by --help, and printed in the manual.</summary>
    internal static Command Commands()
    {
        var commands = new Command("gateway-policyd", "The QWAMOS gateway daemon: verifies signed policy changes again in its own domain, and enforces them.")
        {
            DaemonCommandLine.Root,
            DaemonCommandLine.Domain,
            DaemonCommandLine.LogFormat,
            RunCommand.Create(),
            RunHookCommand.Create(),
            StatusCommand.Create(),
            WitnessCommand.Create(),
            FingerprintCommand.Create(),
            BaselineCommand.Create(),
            EnrollCommand.Create(AnchorReplaced, takesSystem: true),
            TimeFloorCommand.Create(LowerFloor, _ => "The time floor is lowered."),
            ProgramOptions.Help(),
            ProgramOptions.Version(),
        };
        commands.SetAction(DaemonCommandLine.Under(RunCommand.RunAsync));
        return commands;
    }

    private static void AnchorReplaced(SystemPaths paths, KeyId? old, KeyId key)
    {
        if (RootNotes.AnchorReplaced(paths, old, key) && old == key)
            Console.Out.WriteLine("The trust roots taken so far are forgotten: Dom0 brings them again, and each is verified from this key on. What was staged by other keys is not applied.");
    }

    private static string? LowerFloor(SystemPaths paths, long seconds)
    {
        using var lines = new DaemonLog(LogFormat.Text, TimeProvider.System);
        return RootNotes.LowerFloor(paths, seconds, new LogMessages(lines));
    }
}
