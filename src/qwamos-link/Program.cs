using System.CommandLine;
using Qwamos.ControlBus.Hosting.Commands;

namespace Qwamos.Linking;

/// <summary>The commands of qwamos-link, which carries links over TLS: a program of its own, so that no daemon of the bus has a TLS stack or a network.</summary>
internal static class Program
{
    private static Task<int> Main(string[] args) => DaemonCommandLine.InvokeAsync(Commands(), args);

    /// <summary>Every command and option: what is parsed, shown by --help, and printed in the manual.</summary>
    internal static Command Commands() => new("qwamos-link", "Carries the links between Dom0 and its domains over TLS 1.3, with both keys pinned.")
    {
        DaemonCommandLine.Root,
        DaemonCommandLine.LogFormat,
        DialCommand.Create(),
        ServeCommand.Create(),
        FingerprintCommand.Create(),
        PinCommands.CreatePin(),
        PinCommands.CreateUnpin(),
        ProgramOptions.Help(),
        ProgramOptions.Version(),
    };
}
