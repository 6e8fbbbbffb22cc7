using System.CommandLine;
using System.CommandLine.Parsing;
using System.Diagnostics.CodeAnalysis;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Hosting.Running;
using Qwamos.ControlBus.Policy;

namespace Qwamos.ControlBus.Hosting.Commands;

/// <summary>What the command lines of both daemons have in common: the options of every command, before or after its name, and how they end.</summary>
public static class DaemonCommandLine
{
    public static readonly Option<string?> Root = new("--root")
    {
        Description = "Work under DIR instead of /: for a trial or a test, without root.",
        HelpName = "DIR",
        Recursive = true,
    };

    /// <summary>gateway-policyd's alone.</summary>
    public static readonly Option<string?> Domain = new("--domain")
    {
        Description = "Serve the domain of this class: /etc/qwamos/CLASS.json, /var/lib/qwamos-CLASS, /run/qwamos/CLASS-bus.sock (default: gateway).",
        HelpName = "CLASS",
        Recursive = true,
    };

    public static readonly Option<LogFormat> LogFormat = new("--log-format")
    {
        Description = "How log lines look: on stderr as text or json, or as entries of systemd's journal; auto is journal where stderr goes there, else text.",
        HelpName = "auto|text|json|journal",
        Recursive = true,
        DefaultValueFactory = _ => Running.LogFormat.Auto,
        CustomParser = ParseLogFormat,
    };

    /// <summary>Makes a command's action of a method that takes the paths; a bad --root or --domain is a usage error.</summary>
    public static Func<ParseResult, CancellationToken, Task<int>> Under(Func<ParseResult, SystemPaths, Task<int>> action) => (parsed, _) =>
    {
        if (TryFindPaths(parsed, out SystemPaths? paths, out string? error))
            return action(parsed, paths);
        Complain(error);
        return Task.FromResult(ExitCodes.Usage);
    };

    /// <summary>Runs what the arguments ask for; gives the exit code.</summary>
    public static async Task<int> InvokeAsync(Command commands, string[] arguments)
    {
        ParseResult parsed = commands.Parse(arguments);
        IReadOnlyList<string> faults = Faults(parsed);
        foreach (string fault in faults)
            Complain(fault);
        if (faults.Count > 0)
            Console.Error.WriteLine($"See: {commands.Name} --help");
        // A daemon stops by its own handling of SIGTERM, with requests in flight finished: not by the parser's.
        return faults.Count > 0 ? ExitCodes.Usage : await parsed.InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = null });
    }

    /// <summary>What cannot be parsed; of words that are too much the first, with the one that was most likely meant.</summary>
    internal static IReadOnlyList<string> Faults(ParseResult parsed)
    {
        Command command = parsed.CommandResult.Command;
        // An option that there is not is taken for an argument, a file's name.
        IEnumerable<string> words = parsed.CommandResult.Children.OfType<ArgumentResult>().SelectMany(argument => argument.Tokens).Select(token => token.Value);
        if (words.Concat(parsed.UnmatchedTokens).FirstOrDefault(word => word is ['-', _, ..]) is { } mistaken)
        {
            IEnumerable<Option> options = command.Options.Concat(parsed.RootCommandResult.Command.Options.Where(option => option.Recursive));
            return [NearestName.Sentence("option", mistaken, options.Select(option => option.Name))];
        }
        if (parsed.Errors.Count == 0 || parsed.UnmatchedTokens is not [string first, ..])
            return [.. parsed.Errors.Select(error => OneLine(error.Message))];
        return [command.Subcommands.Count > 0 ? NearestName.Sentence("command", first, command.Subcommands.Select(sub => sub.Name)) : $"{command.Name} does not take {first}"];
    }

    /// <summary>The paths that the command line asks for.</summary>
    internal static bool TryFindPaths(ParseResult parsed, [NotNullWhen(true)] out SystemPaths? paths, [NotNullWhen(false)] out string? error)
    {
        if (!SystemPaths.TryCreate(parsed.GetValue(Root), out paths, out error) || parsed.GetValue(Domain) is not { } domain)
            return paths is not null;
        if (PolicyNames.IsClass(domain) && domain != PolicyKey.ClassAll)
            return paths.TryForDomain(domain, out paths, out error);
        (paths, error) = (null, $"--domain is a class of the policy, such as gateway, ui or dom0, not {domain}");
        return false;
    }

    private static LogFormat ParseLogFormat(ArgumentResult argument)
    {
        // Numbers are no names, though an enumeration would take them.
        if (argument.Tokens is [{ Value: { } word }] && word.All(char.IsAsciiLetterLower) && Enum.TryParse(word, ignoreCase: true, out LogFormat format))
            return format;
        argument.AddError($"--log-format is {LogFormat.HelpName!.Replace("|", ", ", StringComparison.Ordinal)}, not {string.Join(' ', argument.Tokens.Select(token => token.Value))}");
        return default;
    }

    /// <summary>The library lists values a line each; here a fault is one line.</summary>
    private static string OneLine(string message) => string.Join(' ', message.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));

    private static void Complain(string error) =>
        Console.Error.WriteLine($"{Path.GetFileName(Environment.ProcessPath)}: {SafeText.ForTerminal(error)}");
}
