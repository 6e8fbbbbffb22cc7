using System.CommandLine;
using Qwamos.Client.Commands;
using Qwamos.Client.Showing;
using Qwamos.Client.Signing;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Hosting.Commands;

namespace Qwamos.Client;

/// <summary><c>qwamosctl</c>: holds the operator's key, signs, sends, shows. Needs no root.</summary>
internal static class Program
{
    private static int Main(string[] args)
    {
        Posix.ForbidCoreDumps();
        PortableBuild.ChooseSigner();
        return Run(args, Terminal.OfProcess());
    }

    /// <summary>Every command and option: what is parsed, shown by --help, completed, and printed in the manual.</summary>
    internal static Command Commands(Terminal terminal)
    {
        SharedOptions shared = new();
        Command root = new("qwamosctl", "Signs policy changes, sends them to the control bus, and shows what is in force.")
        {
            SetCommand.Build(shared, terminal),
            ApplyCommand.Build(shared, terminal),
            CanCommand.Build(shared, terminal),
            SignCommand.Build(shared, terminal),
            SendCommand.Build(shared, terminal),
            TrustCommand.Build(shared, terminal),
            StatusCommand.Build(shared, terminal),
            DomainsCommand.Build(shared, terminal),
            BootCommand.Build(shared, terminal),
            KeysCommand.Build(shared, terminal),
            KeyCommand.Build(shared, terminal),
            AgentCommand.Build(shared, terminal),
            AuditCommand.Build(shared, terminal),
            BackupCommand.Build(shared, terminal),
            HealthCommand.Build(shared, terminal),
            DoctorCommand.Build(shared, terminal),
            ConvertCommand.Build(shared, terminal),
            ValidateCommand.Build(shared, terminal),
            CompletionCommand.Build(shared, terminal),
        };
        shared.AddTo(root);
        root.Add(ProgramOptions.Help());
        root.Add(ProgramOptions.Version());
        return root;
    }

    internal static int Run(string[] args, Terminal terminal)
    {
        var root = Commands(terminal);
        var exit = args is [CompleteCommand.Name, .. var words]
            ? CompleteCommand.Run(words, root, terminal)
            : CommandLine.Run(root, args, terminal);
        return exit == (int)ExitCode.Done && terminal.OutputFault is { } fault ? Unprinted(terminal, fault) : exit;
    }

    /// <summary>Whoever redirects the output to a full disk must not go on with half a file.</summary>
    private static int Unprinted(Terminal terminal, string fault)
    {
        terminal.Complain($"it is done, but what it prints could not be written: {fault}");
        return (int)ExitCode.Refused;
    }
}
