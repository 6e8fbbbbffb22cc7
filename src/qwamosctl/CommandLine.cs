using System.CommandLine;
using System.CommandLine.Parsing;
using System.Text;
using Qwamos.Client.Showing;
using Qwamos.ControlBus.Policy;

namespace Qwamos.Client;

/// <summary>Parses the arguments and runs the command they name; what cannot be parsed is a usage error with the nearest known name.</summary>
internal static class CommandLine
{
    // No response files: a value that starts with @ is a value. No bundling: there is one short option.
    private static readonly ParserConfiguration Configuration = new() { ResponseFileTokenReplacer = null, EnablePosixBundling = false };

    public static int Run(Command root, string[] args, Terminal terminal)
    {
        var parse = root.Parse(args, Configuration);
        if (Explain(parse) is { } failure && !AsksForHelp(args))
            return failure.Report(terminal, WantsJson(args));
        StringWriter output = new();
        var exit = parse.Invoke(new InvocationConfiguration { Output = output, Error = output, EnableDefaultExceptionHandler = false });
        if (output.GetStringBuilder() is { Length: > 0 } help)
            terminal.Print(help.ToString());
        return exit;
    }

    private static Failure? Explain(ParseResult parse)
    {
        if (parse.Errors.Count == 0)
            return null;
        var command = parse.CommandResult.Command;
        if (parse.UnmatchedTokens.Count == 0)
            return Failure.Usage(Sentence(parse.Errors[0]), $"See: {NameOf(command)} --help");
        var word = parse.UnmatchedTokens[0];
        if (word.StartsWith('-'))
            return UnknownOption(parse, word);
        if (command.Subcommands.Count > 0)
            return Unknown("command", word, command.Subcommands.Select(sub => sub.Name), $"All commands: {NameOf(command)} --help");
        return Failure.Usage($"{NameOf(command)} does not take {word}", $"See: {NameOf(command)} --help");
    }

    /// <summary>The parser's own words, but for a number: there they name a type of this program's language.</summary>
    private static string Sentence(ParseError error) =>
        error.Message.Contains(nameof(System) + ".", StringComparison.Ordinal) && error.SymbolResult is { Tokens: [.., var word] } symbol
            ? $"{(symbol is OptionResult option ? option.Option.Name : symbol is ArgumentResult { Parent: OptionResult of } ? of.Option.Name : ((ArgumentResult)symbol).Argument.Name)} takes a number, not {word.Value}"
            : error.Message;

    /// <summary>For a word that looks like an option and is none: the parser takes it for an argument where a command takes many.</summary>
    public static Failure UnknownOption(ParseResult parse, string word)
    {
        var command = parse.CommandResult.Command;
        var known = command.Options.Concat(parse.RootCommandResult.Command.Options.Where(option => option.Recursive));
        return Unknown("option", word, known.Where(option => !option.Hidden).Select(option => option.Name), $"See: {NameOf(command)} --help");
    }

    private static Failure Unknown(string what, string word, IEnumerable<string> known, string hint) =>
        Failure.Usage(NearestName.Sentence(what, word, known), hint);

    private static string NameOf(Command command) => command switch
    {
        _ when command.Parents.FirstOrDefault() is Command parent => $"{NameOf(parent)} {command.Name}",
        _ => command.Name,
    };

    private static bool AsksForHelp(string[] args) => args.Any(word => word is "--help" or "-h" or "-?" or "--version");

    /// <summary>Looked for in the words themselves, since this is for when they could not be parsed.</summary>
    private static bool WantsJson(string[] args)
    {
        for (var i = 0; i < args.Length; i++)
        {
            if (args[i] is "-o=json" or "--output=json" or "-o:json" or "--output:json" or "-ojson")
                return true;
            if (args[i] is "-o" or "--output" && i + 1 < args.Length && args[i + 1] == "json")
                return true;
        }
        return false;
    }
}
