using System.CommandLine;
using Qwamos.Client.Showing;
using Qwamos.Client.Unlocking;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Keys;

namespace Qwamos.Client;

/// <summary>The options every command takes, before or after its name.</summary>
internal sealed class SharedOptions
{
    private readonly Option<string> output = new("--output", "-o")
    {
        Recursive = true,
        HelpName = "text|json",
        Description = "What to print: text (default), or json",
    };

    private readonly Option<string> root = new("--root")
    {
        Recursive = true,
        HelpName = "DIR",
        Description = "Find the system's files and socket under DIR, for a trial or a test",
    };

    private readonly Option<string> home = new("--home")
    {
        Recursive = true,
        HelpName = "DIR",
        Description = "The key home (default: ~/.qwamos/dom0)",
    };

    private readonly Option<string> socket = new("--socket")
    {
        Recursive = true,
        HelpName = "PATH",
        Description = "The bus's or a gateway's socket (default: /run/qwamos/bus.sock)",
    };

    private readonly Option<string> passphraseFile = new("--passphrase-file")
    {
        Recursive = true,
        HelpName = "FILE",
        Description = "Read the private key's passphrase from FILE, its first line; - is standard input",
    };

    private readonly Option<int?> passphraseDescriptor = new("--passphrase-fd")
    {
        Recursive = true,
        HelpName = "N",
        Description = "Read it from the open file descriptor N",
    };

    /// <summary>The older spelling of `apply FILE`: `--policy-file FILE apply`.</summary>
    public Option<string> PolicyFile { get; } = new("--policy-file")
    {
        Recursive = true,
        Hidden = true,
        HelpName = "FILE",
    };

    public void AddTo(Command command)
    {
        command.Add(output);
        command.Add(root);
        command.Add(home);
        command.Add(socket);
        command.Add(passphraseFile);
        command.Add(passphraseDescriptor);
        command.Add(PolicyFile);
    }

    /// <summary>True when <c>-o json</c> was asked for, so that even a failure has its JSON form.</summary>
    public bool WantsJson(ParseResult parse) => parse.GetResult(output) is not null && parse.GetValue(output) == "json";

    /// <summary>Runs a command with what these options say; a usage error when they say nonsense.</summary>
    public int Run(ParseResult parse, Terminal terminal, Func<Session, int> command)
    {
        var json = WantsJson(parse);
        if (parse.GetValue(output) is { } form and not ("text" or "json"))
            return Failure.Usage($"-o takes text or json, not {form}").Report(terminal, json);
        if (new[] { home, socket, passphraseFile }.FirstOrDefault(option => parse.GetValue(option) is "") is { } empty)
            return Failure.Usage($"{empty.Name} needs a path").Report(terminal, json);
        if (parse.GetValue(PolicyFile) is not null && parse.CommandResult.Command.Name != "apply")
            return Failure.Usage("--policy-file goes with apply only").Report(terminal, json);
        if (!SystemPaths.TryCreate(parse.GetValue(root), out var paths, out var fault))
            return Failure.Usage(fault).Report(terminal, json);
        if (!PassphraseSource.TryRead(parse.GetValue(passphraseFile), parse.GetValue(passphraseDescriptor), out var passphrase, out var misuse))
            return misuse.Report(terminal, json);
        return Run(new Session(terminal, paths, parse.GetValue(home), parse.GetValue(socket) ?? paths.BusSocket, json) { Passphrase = passphrase }, command);
    }

    /// <summary>What cannot be verified is refused here, whatever the command is: none goes on without.</summary>
    private static int Run(Session session, Func<Session, int> command)
    {
        try
        {
            return command(session);
        }
        catch (NotSignedException why)
        {
            return session.Fail(why.Failure);
        }
        catch (NoVerificationException why)
        {
            return session.Fail(new Failure(ExitCode.Refused, why.Message, "Use a client where libsodium can be loaded: docs/operations/packages.md"));
        }
    }
}
