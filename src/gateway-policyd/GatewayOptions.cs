using System.CommandLine;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Hosting.Running;

namespace Qwamos.Gateway;

/// <summary>The options that every command takes, before or after its name.</summary>
internal static class GatewayOptions
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
        DefaultValueFactory = _ => ControlBus.Hosting.Running.LogFormat.Text,
    };

    /// <summary>Makes a command's action of a method that takes the paths; a bad --root is a usage error.</summary>
    public static Func<ParseResult, CancellationToken, Task<int>> Under(Func<ParseResult, SystemPaths, Task<int>> action) => (parsed, _) =>
    {
        if (SystemPaths.TryCreate(parsed.GetValue(Root), out SystemPaths? paths, out string? error))
            return action(parsed, paths);
        Console.Error.WriteLine($"gateway-policyd: {SafeText.ForTerminal(error)}");
        return Task.FromResult(ExitCodes.Usage);
    };
}
