using System.CommandLine;
using Qwamos.Client.Showing;
using Qwamos.Client.Talking;
using Qwamos.ControlBus.Files;

namespace Qwamos.Client.Commands;

/// <summary><c>qwamosctl domains revoke NAME</c>: nothing that a domain reports is believed any more, until it is enrolled anew.</summary>
internal static class DomainsRevokeCommand
{
    public static Command Build(SharedOptions shared, Terminal terminal)
    {
        Argument<string> name = new("NAME") { Description = "The domain, as qwamosctl domains names it" };
        Command command = new("revoke", "Sign that a domain's key counts no more: nothing that it reports is believed") { name };
        command.SetAction(parse => shared.Run(parse, terminal, session => Run(session, parse.GetValue(name)!)));
        return command;
    }

    private static int Run(Session session, string name)
    {
        if (!KnownDomains.TryFind(session, name, out var domain, out var failure))
            return session.Fail(failure);
        if (domain.Statement is not { IsRevoked: false } statement)
            return session.Fail(Failure.Usage($"{name} is not enrolled: {domain.WhyNot}"));
        return DomainsCommand.Send(session, domain with { Class = statement.Class }, statement.Key, tlsKey: null, isRevoked: true, $"revoked   {SafeText.ForTerminal(name)}, which had the key {statement.Fingerprint}");
    }
}
