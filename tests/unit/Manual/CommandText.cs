using System.CommandLine;
using System.Text;

namespace Qwamos.ControlBus.Tests.Manual;

/// <summary>A program's commands, arguments and options as man(7), from the same table that parses them and prints the help.</summary>
internal static class CommandText
{
    public static string Synopsis(string program, Command root) =>
        $"{Roff.Bold(program)} [{Roff.Italic("options")}] {(root.Action is null ? Roff.Italic("command") : $"[{Roff.Italic("command")}]")} [{Roff.Italic("arguments")}]\n";

    /// <summary>The options that go with every command.</summary>
    public static string Options(Command root) => string.Concat(Shown(root.Options).Select(Tagged));

    public static string Commands(Command root) => string.Concat(Leaves(root).Select(leaf => Command(root, leaf)));

    /// <summary>Commands that do something; a group of commands is named in each of its members.</summary>
    private static IEnumerable<Command> Leaves(Command parent) =>
        parent.Subcommands.Where(command => !command.Hidden).SelectMany(command => command.Subcommands.Count > 0 ? Leaves(command) : [command]);

    private static string Command(Command root, Command command)
    {
        StringBuilder text = new();
        var words = string.Join(' ', PathOf(command));
        var own = Shown(command.Options).Except(root.Options).ToList();
        var options = own.Count > 0 ? $" [{Roff.Italic("options")}]" : "";
        text.Append(Roff.Tagged(Roff.Bold(words) + string.Concat(command.Arguments.Select(argument => " " + Place(argument))) + options, Roff.Text(Sentence(command.Description!))));
        var inner = string.Concat(command.Arguments.Where(argument => argument.Description is not null).Select(argument =>
            Roff.Tagged(Roff.Italic(argument.Name), Roff.Text(Sentence(argument.Description!)))).Concat(own.Select(Tagged)));
        if (inner.Length > 0)
            text.Append(".RS\n").Append(inner).Append(".RE\n");
        return text.ToString();
    }

    private static string[] PathOf(Command command) =>
        command.Parents.OfType<Command>().FirstOrDefault() is { } parent && parent.Parents.Any() ? [.. PathOf(parent), command.Name] : [command.Name];

    private static string Place(Argument argument)
    {
        var name = Roff.Italic(argument.Name) + (argument.Arity.MaximumNumberOfValues > 1 ? " ..." : "");
        return argument.Arity.MinimumNumberOfValues == 0 ? $"[{name}]" : name;
    }

    private static IEnumerable<Option> Shown(IEnumerable<Option> options) => options.Where(option => !option.Hidden);

    private static string Tagged(Option option)
    {
        var names = option.Aliases.Where(alias => alias != "/?" && alias != "/h").Order(StringComparer.Ordinal).Append(option.Name);
        var value = option.HelpName is { } help ? " " + Roff.Italic(help) : "";
        return Roff.Tagged(string.Join(", ", names.Select(Roff.Bold)) + value, Roff.Text(Sentence(option.Description!)));
    }

    private static string Sentence(string description) => description.EndsWith('.') ? description : description + ".";
}
