using System.CommandLine;
using Qwamos.Client.Changing;
using Qwamos.Client.Showing;
using Qwamos.ControlBus.Policy;

namespace Qwamos.Client.Commands;

/// <summary><c>qwamosctl set KEY VALUE [KEY VALUE…]</c>: signs and sends one change.</summary>
internal static class SetCommand
{
    public static Command Build(SharedOptions shared, Terminal terminal)
    {
        Argument<string[]> pairs = new("KEY VALUE")
        {
            Arity = ArgumentArity.OneOrMore,
            Description = "Policy keys, each followed by its value; qwamosctl keys lists them",
        };
        ChangeOptions options = new();
        Command command = new("set", "Set policy keys: sign one change and send it") { pairs };
        options.AddTo(command);
        command.SetAction(parse => shared.Run(parse, terminal, session => Run(session, parse.GetValue(pairs)!, parse, options)));
        return command;
    }

    private static int Run(Session session, string[] words, ParseResult parse, ChangeOptions options)
    {
        if (Array.Find(words, word => word.StartsWith("--", StringComparison.Ordinal)) is { } option)
            return session.Fail(CommandLine.UnknownOption(parse, option));
        if (!options.TryRead(parse, out var terms, out var failure))
            return session.Fail(failure);
        if (!session.TryLoadSchema(out var schema, out failure))
            return session.Fail(failure);
        if (!SettingsReader.TryReadPairs(words, schema, out var settings, out failure))
            return session.Fail(failure);
        if (settings.Find(setting => setting.Key.IsEvent && EventValues.IsFire(setting.Value)) is { Key: not null } fire && (terms.Staged || settings.Count > 1))
            return session.Fail(Failure.Usage($"{EventValues.Fire} goes alone in its message and is never staged", $"Write: qwamosctl set {fire.Key.Name} {EventValues.Fire}"));
        var changes = ChangeSplit.Split(settings);
        if (changes.Count > 1)
            return session.Fail(ChangeSplit.NotForSet(changes));
        return ChangeRun.Run(session, changes, terms);
    }
}
