using System.CommandLine;
using Qwamos.Client.Changing;
using Qwamos.Client.Showing;

namespace Qwamos.Client.Commands;

/// <summary><c>qwamosctl apply FILE</c>: signs and sends what a policy file says, as one change where that is possible.</summary>
internal static class ApplyCommand
{
    public static Command Build(SharedOptions shared, Terminal terminal)
    {
        Argument<string> file = new("FILE")
        {
            Arity = ArgumentArity.ZeroOrOne,
            Description = "A JSON object of policy keys and values; - reads standard input",
        };
        ChangeOptions options = new();
        Command command = new("apply", "Set what a policy file says: sign it and send it") { file };
        options.AddTo(command);
        command.SetAction(parse => shared.Run(parse, terminal, session =>
            Run(session, parse.GetValue(file), parse.GetValue(shared.PolicyFile), parse, options)));
        return command;
    }

    private static int Run(Session session, string? file, string? olderSpelling, ParseResult parse, ChangeOptions options)
    {
        if (file is null == olderSpelling is null)
            return session.Fail(Failure.Usage("apply takes one policy file: qwamosctl apply FILE"));
        if (!options.TryRead(parse, out var terms, out var failure))
            return session.Fail(failure);
        if (!session.TryLoadSchema(out var schema, out failure))
            return session.Fail(failure);
        if (!PolicyFile.TryRead(session.Terminal, file ?? olderSpelling!, schema, out var settings, out failure))
            return session.Fail(failure);
        var changes = ChangeSplit.Split(settings);
        if (changes.Count > 1 && (terms.Base is not null || terms.Audience is not null))
            return session.Fail(ChangeSplit.NotWithOneMessageOptions());
        return ChangeRun.Run(session, changes, terms);
    }
}
