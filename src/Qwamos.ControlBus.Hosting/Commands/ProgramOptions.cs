using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.Reflection;

namespace Qwamos.ControlBus.Hosting.Commands;

/// <summary>
/// --help and --version of a program. The parser's own RootCommand looks by reflection for the program's name and for the language of these options'
/// descriptions, at each start: that takes longer than to parse the words. Here they are written down, and a program is a Command; the rest is the parser's.
/// </summary>
public static class ProgramOptions
{
    public static Option<bool> Help() => new("--help", "-h", "/h", "-?", "/?")
    {
        Description = "Show help and usage information",
        Recursive = true,
        Arity = ArgumentArity.Zero,
        Action = new HelpAction(),
    };

    public static Option<bool> Version() => new("--version")
    {
        Description = "Show version information",
        Arity = ArgumentArity.Zero,
        Action = new PrintVersion(),
    };

    private sealed class PrintVersion : SynchronousCommandLineAction
    {
        public override bool ClearsParseErrors => true;

        public override int Invoke(ParseResult parseResult)
        {
            parseResult.InvocationConfiguration.Output.WriteLine(typeof(ProgramOptions).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion);
            return 0;
        }
    }
}
