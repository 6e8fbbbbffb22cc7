using System.CommandLine;
using Qwamos.Client.Showing;
using Qwamos.Client.Trusting;

namespace Qwamos.Client.Commands;

/// <summary><c>qwamosctl trust rotate</c>: replaces this key home's key without a moment in which neither counts.</summary>
internal static class TrustRotateCommand
{
    private const string DefaultTimeout = "10m";

    public static Command Build(SharedOptions shared, Terminal terminal)
    {
        Option<string> every = new("--every") { HelpName = "TIME", Description = "Only when the key is older than this, like 90d: for a timer" };
        Option<bool> undo = new("--undo") { Description = "Take back a replacement that is not finished" };
        Option<string> timeout = new("--timeout") { HelpName = "TIME", Description = $"How long to wait for the gateways (default: {DefaultTimeout})" };
        Option<string> file = new("--out") { HelpName = "FILE", Description = "Where a version that others must sign is written, or is by now (default: here)" };
        Option<bool> yes = new("--yes") { Description = "Do not ask" };
        Command command = new("rotate", "Replace your key by a new one; run again after an interruption, it goes on") { every, undo, timeout, file, yes };
        command.SetAction(parse => shared.Run(parse, terminal, session =>
        {
            long? interval = null;
            if (parse.GetValue(every) is { } text)
            {
                if (!Duration.TryParse(text, out var age))
                    return session.Fail(Failure.Usage($"--every takes {Duration.Form}, not {text}"));
                interval = age;
            }
            var patience = parse.GetValue(timeout) ?? DefaultTimeout;
            if (!Duration.TryParse(patience, out var seconds))
                return session.Fail(Failure.Usage($"--timeout takes {Duration.Form}, not {patience}"));
            RotationTerms terms = new(interval, seconds, parse.GetValue(yes), parse.GetValue(file));
            if (parse.GetValue(file) is { } named && OutputPlace.Fault(named) is { } place)
                return session.Fail(place);
            if (!terms.IsConfirmed && !session.Terminal.HasPerson)
                return session.Fail(RootEnding.NotConfirmed(session, "no key is replaced"));
            return parse.GetValue(undo) ? new RotationUndoing(session, terms, _ => { }).Run() : new Rotation(session, terms, _ => { }).Run();
        }));
        return command;
    }
}
