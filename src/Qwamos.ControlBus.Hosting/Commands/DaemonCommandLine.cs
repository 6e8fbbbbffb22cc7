using System.CommandLine;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Hosting.Running;

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

    public static readonly Option<LogFormat> LogFormat = new("--log-format")
    {
        Description = "How log lines on stderr look.",
        HelpName = "text|json",
        Recursive = true,
        DefaultValueFactory = _ => Running.LogFormat.Text,
    };

    /// <summary>Makes a command's action of a method that takes the paths; a bad --root is a usage error.</summary>
    public static Func<ParseResult, CancellationToken, Task<int>> Under(Func<ParseResult, SystemPaths, Task<int>> action) => (parsed, _) =>
    {
        if (SystemPaths.TryCreate(parsed.GetValue(Root), out SystemPaths? paths, out string? error))
            return action(parsed, paths);
        Complain(error);
        return Task.FromResult(ExitCodes.Usage);
    };

    /// <summary>Runs what the arguments ask for; gives the exit code.</summary>
    public static async Task<int> InvokeAsync(RootCommand commands, string[] arguments)
    {
        ParseResult parsed = commands.Parse(arguments);
        foreach (var error in parsed.Errors)
            Complain(error.Message);
        if (parsed.Errors.Count > 0)
            Console.Error.WriteLine($"See: {commands.Name} --help");
        // A daemon stops by its own handling of SIGTERM, with requests in flight finished: not by the parser's.
        return parsed.Errors.Count > 0 ? ExitCodes.Usage : await parsed.InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = null });
    }

    private static void Complain(string error) =>
        Console.Error.WriteLine($"{Path.GetFileName(Environment.ProcessPath)}: {SafeText.ForTerminal(error)}");
}
