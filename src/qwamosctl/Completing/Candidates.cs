using System.CommandLine;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Policy;

namespace Qwamos.Client.Completing;

/// <summary>What may stand in place of the last of some words, read from the commands themselves and from the policy schema.</summary>
internal static class Candidates
{
    private static readonly (string Option, string[] Values)[] Choices =
    [
        ("--output", ["text", "json"]),
        ("--mode", ["auto", "staged"]),
    ];

    public static List<string> For(string[] words, Command root)
    {
        var current = words.Length > 0 ? words[^1] : "";
        var (command, option, arguments, rootDirectory) = Walk(words.AsSpan(0, Math.Max(0, words.Length - 1)), root);
        var all =
            option is not null ? ValuesOf(option)
            : current.StartsWith('-') ? OptionsOf(command, root)
            : command.Subcommands.Count > 0 ? command.Subcommands.Where(sub => !sub.Hidden).Select(sub => sub.Name)
            : ArgumentsOf(command.Name, arguments, rootDirectory);
        return all.Where(candidate => candidate.StartsWith(current, StringComparison.Ordinal)).ToList();
    }

    /// <summary>Follows the words before the last: which command they reach, an option still without its value, and plain arguments.</summary>
    private static (Command Command, Option? Open, List<string> Arguments, string? RootDirectory) Walk(ReadOnlySpan<string> words, Command root)
    {
        Command command = root;
        Option? open = null;
        List<string> arguments = [];
        string? rootDirectory = null;
        foreach (var word in words)
        {
            if (open is not null && word == "=")
                continue; // bash makes three words of --root=DIR
            if (open is not null)
            {
                rootDirectory = open.Name == "--root" ? word : rootDirectory;
                open = null;
            }
            else if (word.StartsWith("--root=", StringComparison.Ordinal))
                rootDirectory = word["--root=".Length..];
            else if (word.StartsWith('-') && word != "-")
                open = AllOptions(command, root).FirstOrDefault(option => IsNamed(option, word) && option.Arity.MinimumNumberOfValues > 0);
            else if (arguments.Count == 0 && command.Subcommands.FirstOrDefault(sub => sub.Name == word) is { } sub)
                command = sub;
            else
                arguments.Add(word);
        }
        return (command, open, arguments, rootDirectory);
    }

    private static IEnumerable<string> ArgumentsOf(string command, List<string> arguments, string? rootDirectory)
    {
        if (command == "completion" && arguments.Count == 0)
            return ["bash", "zsh", "fish"];
        if (command is not ("set" or "can") || (command == "can" && arguments.Count > 1) || !SystemPaths.TryCreate(rootDirectory, out var paths, out _) || !PolicySchema.TryLoadFor(paths, out var schema, out _))
            return [];
        if (arguments.Count % 2 != 0)
            return schema.TryGet(arguments[^1], out var key) ? ValuesOf(key) : [];
        return schema.Keys.Select(known => known.Name).Where(name => !IsSetAlready(name, arguments));
    }

    /// <summary>The default stands for a range, or the shells would offer files.</summary>
    private static IEnumerable<string> ValuesOf(PolicyKey key) =>
        (key.Values.Count > 0 ? key.Values : [key.Default]).Select(value => value.ToLine());

    private static bool IsSetAlready(string name, List<string> arguments)
    {
        for (var i = 0; i < arguments.Count; i += 2)
        {
            if (arguments[i] == name)
                return true;
        }
        return false;
    }

    private static string[] ValuesOf(Option option)
    {
        foreach (var (name, values) in Choices)
        {
            if (option.Name == name)
                return values;
        }
        return [];
    }

    private static IEnumerable<string> OptionsOf(Command command, Command root) =>
        AllOptions(command, root).Where(option => !option.Hidden).Select(option => option.Name).Distinct();

    private static IEnumerable<Option> AllOptions(Command command, Command root) =>
        command == root ? root.Options : command.Options.Concat(root.Options.Where(option => option.Recursive));

    private static bool IsNamed(Option option, string word) => option.Name == word || option.Aliases.Contains(word);
}
