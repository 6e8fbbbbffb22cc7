using System.CommandLine;
using Qwamos.Client.Showing;
using Qwamos.Client.Talking;
using Qwamos.ControlBus.Files;

namespace Qwamos.Client.Commands;

/// <summary>
/// <c>qwamosctl domains enroll NAME</c>: the operator compares the fingerprint that the courier heard with the one that the domain itself prints, and signs that it
/// is the domain's. Nothing is believed on first use.
/// </summary>
internal static class DomainsEnrollCommand
{
    public static Command Build(SharedOptions shared, Terminal terminal)
    {
        Argument<string> name = new("NAME") { Description = "The domain, as qwamosctl domains names it" };
        Option<string> fingerprint = new("--fingerprint") { HelpName = "HEX", Description = "The fingerprint that gateway-policyd fingerprint prints in the domain: nobody is asked" };
        Command command = new("enroll", "Sign that a domain's key is its own, so that what it reports is believed") { name, fingerprint };
        command.SetAction(parse => shared.Run(parse, terminal, session => Run(session, parse.GetValue(name)!, parse.GetValue(fingerprint))));
        return command;
    }

    private static int Run(Session session, string name, string? given)
    {
        if (!KnownDomains.TryFind(session, name, out var domain, out var failure))
            return session.Fail(failure);
        if (domain.Link is null)
            return session.Fail(Failure.Usage($"domains.json does not name {name}", "Name it there first, and restart qwamosd"));
        if (domain is not { Key: { } key, Fingerprint: { } heard })
            return session.Fail(new Failure(ExitCode.Refused, $"{name} has not said its key yet: {domain.Link}", "Its gateway-policyd must run, and qwamosd courier here; a gateway-policyd of before this version has no key"));
        // First: that a key is enrolled already says nothing of whose it is.
        if (given is not null && !string.Equals(given.Trim(), heard, StringComparison.OrdinalIgnoreCase))
            return session.Fail(new Failure(ExitCode.Refused, $"{name} says another key than that: {heard}", $"Nothing was signed. Somebody may answer in its place: look at its link, and run {FingerprintCommand(session, domain)} in the domain again"));
        if (domain.IsEnrolled && domain.Statement!.Key == key)
        {
            session.Terminal.Note($"{SafeText.ForTerminal(name)} is enrolled with this key already: {heard}");
            return (int)ExitCode.Done;
        }
        if (given is null && !IsConfirmed(session, domain, heard, out failure))
            return session.Fail(failure);
        return DomainsCommand.Send(session, domain, key, isRevoked: false, $"enrolled  {SafeText.ForTerminal(name)} with the key {heard}");
    }

    /// <summary>In a trial the domain's folder is most often the same one.</summary>
    private static string FingerprintCommand(Session session, KnownDomain domain) =>
        ProposedCommand.Of(session.Paths, "gateway-policyd", $"{(domain.Class == "gateway" ? "" : $"--domain {SafePath.Quote(domain.Class)} ")}fingerprint");

    private static bool IsConfirmed(Session session, KnownDomain domain, string heard, out Failure failure)
    {
        failure = null!;
        session.Terminal.Note(
            $"""
            {SafeText.ForTerminal(domain.Name)} (class {SafeText.ForTerminal(domain.Class)}) says that its key is
              {heard}
            """);
        if (domain is { IsEnrolled: true, Statement: { } before })
            session.Terminal.Note($"in place of the one that is enrolled\n  {before.Fingerprint}");
        session.Terminal.Note($"Compare it with what this prints in the domain itself: {FingerprintCommand(session, domain)}");
        switch (session.Terminal.Confirm("Is it the same, all of it? Type yes: "))
        {
            case true:
                return true;
            case null:
                failure = new Failure(ExitCode.Refused, "nobody sits here to compare the fingerprint; nothing was signed", $"As {FingerprintCommand(session, domain)} prints it in the domain: qwamosctl domains enroll {SafePath.Quote(domain.Name)} --fingerprint HEX");
                return false;
            default:
                failure = new Failure(ExitCode.Refused, "nothing was signed: the fingerprint was not confirmed");
                return false;
        }
    }
}
