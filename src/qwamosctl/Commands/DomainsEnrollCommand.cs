using System.CommandLine;
using Qwamos.Client.Showing;
using Qwamos.Client.Talking;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Keys;

namespace Qwamos.Client.Commands;

/// <summary>
/// <c>qwamosctl domains enroll NAME</c>: the operator compares the fingerprint that the courier heard with the one that the domain itself prints, and signs that it
/// is the domain's. Nothing is believed on first use: a domain over TLS is not even heard before, so that the operator brings both of its keys.
/// </summary>
internal static class DomainsEnrollCommand
{
    public static Command Build(SharedOptions shared, Terminal terminal)
    {
        Argument<string> name = new("NAME") { Description = "The domain, as qwamosctl domains names it" };
        Option<string> fingerprint = new("--fingerprint") { HelpName = "HEX", Description = "The fingerprint that gateway-policyd fingerprint prints in the domain: nobody is asked" };
        Option<string> key = new("--key") { HelpName = "BASE64", Description = "The key that gateway-policyd fingerprint --key prints in the domain, which may not have been heard yet: nobody is asked" };
        Option<string> tlsKey = new("--tls-key") { HelpName = "HEX", Description = "For a link over TLS: the fingerprint that qwamos-link fingerprint prints in the domain" };
        Command command = new("enroll", "Sign that a domain's key is its own, so that what it reports is believed") { name, fingerprint, key, tlsKey };
        command.SetAction(parse => shared.Run(parse, terminal, session => Run(session, parse.GetValue(name)!, parse.GetValue(fingerprint)?.Trim().ToLowerInvariant(), parse.GetValue(key)?.Trim(), parse.GetValue(tlsKey)?.Trim().ToLowerInvariant())));
        return command;
    }

    private static int Run(Session session, string name, string? fingerprint, string? givenKey, string? givenTls)
    {
        if (!KnownDomains.TryFind(session, name, out var domain, out var failure) || !TryChooseKey(session, domain, givenKey, isHeardOfOld: givenTls is not null, out var key, out failure) || !TryChooseTls(session, domain, givenTls, out var tls, out failure))
            return session.Fail(failure);
        if (fingerprint is not null && !DomainKeyStatement.IsKey(fingerprint))
            return session.Fail(Failure.Usage("--fingerprint is no fingerprint: 64 hexadecimal digits", $"As {FingerprintCommand(session, domain)} prints it in the domain"));
        var heard = DomainKeyStatement.FingerprintOf(key);
        // First: that a key is enrolled already says nothing of whose it is.
        if (fingerprint is not null && fingerprint != heard)
            return session.Fail(new Failure(ExitCode.Refused, $"{name} says another key than that: {heard}", $"Nothing was signed. Somebody may answer in its place: look at its link, and run {FingerprintCommand(session, domain)} in the domain again"));
        if (domain.IsEnrolled && domain.Statement!.Key == key && domain.Statement.TlsKey == tls)
        {
            session.Terminal.Note($"{SafeText.ForTerminal(name)} is enrolled with this key already: {heard}");
            return (int)ExitCode.Done;
        }
        if (fingerprint is null && givenKey is null && !IsConfirmed(session, domain, heard, tls, out failure))
            return session.Fail(failure);
        return DomainsCommand.Send(session, domain, key, tls, isRevoked: false, $"enrolled  {SafeText.ForTerminal(name)} with the key {heard}{(tls is null ? "" : $",\n          and {tls} for its TLS")}");
    }

    private static bool TryChooseKey(Session session, KnownDomain domain, string? given, bool isHeardOfOld, out string key, out Failure failure)
    {
        key = domain.Key ?? "";
        failure = null!;
        Span<byte> raw = stackalloc byte[VerifyingKey.SizeBytes];
        if (domain.Link is null)
            failure = Failure.Usage($"domains.json does not name {domain.Name}", "Name it there first, and restart qwamosd");
        else if (given is not null && !(Convert.TryFromBase64String(given, raw, out var length) && length == raw.Length))
            failure = Failure.Usage("--key is no key: 44 characters of base64", $"As {FingerprintCommand(session, domain)} --key prints it in the domain");
        // What was heard came from whom the former key of TLS let in: of a machine that was made anew nothing is heard.
        else if (given is not null && !isHeardOfOld && domain.Key is not null && Convert.ToHexStringLower(raw) != domain.Key)
            failure = new Failure(ExitCode.Refused, $"{domain.Name} says another key than that: {domain.Fingerprint}", $"Nothing was signed. Somebody may answer in its place: look at its link, and run {FingerprintCommand(session, domain)} --key in the domain again");
        else if (given is null && domain.Key is null)
        {
            failure = domain.IsOverTls
                ? Failure.Usage($"{domain.Name} is reached over TLS: nothing is heard of it before its keys are enrolled", $"{Both(session, domain)}: {domain.EnrolCommand}")
                : new Failure(ExitCode.Refused, $"{domain.Name} has not said its key yet: {domain.Link}", "Its gateway-policyd must run, and qwamosd courier here; a gateway-policyd of before this version has no key");
        }
        if (failure is null && given is not null)
            key = Convert.ToHexStringLower(raw);
        return failure is null;
    }

    /// <summary>The one that is enrolled stays where none is named.</summary>
    private static bool TryChooseTls(Session session, KnownDomain domain, string? given, out string? tls, out Failure failure)
    {
        tls = given ?? (domain.IsOverTls ? domain.Statement?.TlsKey : null);
        failure = null!;
        if (given is not null && !domain.IsOverTls)
            failure = Failure.Usage($"{domain.Name} is not reached over TLS: its link in domains.json is neither tls:HOST:PORT nor tls+unix:PATH");
        else if (given is not null && !DomainKeyStatement.IsKey(given))
            failure = Failure.Usage("--tls-key is no fingerprint: 64 hexadecimal digits", "As qwamos-link fingerprint prints it in the domain");
        else if (domain.IsOverTls && tls is null)
            failure = Failure.Usage($"{domain.Name} is reached over TLS: the key of its end must be named, too", $"{Both(session, domain)}: {domain.EnrolCommand}");
        return failure is null;
    }

    private static string Both(Session session, KnownDomain domain) => $"As {FingerprintCommand(session, domain)} --key and qwamos-link fingerprint print them in the domain";

    /// <summary>In a trial the domain's folder is most often the same one.</summary>
    private static string FingerprintCommand(Session session, KnownDomain domain) =>
        ProposedCommand.Of(session.Paths, "gateway-policyd", $"{(domain.Class == "gateway" ? "" : $"--domain {SafePath.Quote(domain.Class)} ")}fingerprint");

    private static bool IsConfirmed(Session session, KnownDomain domain, string heard, string? tls, out Failure failure)
    {
        failure = null!;
        session.Terminal.Note(
            $"""
            {SafeText.ForTerminal(domain.Name)} (class {SafeText.ForTerminal(domain.Class)}) says that its key is
              {heard}
            """);
        if (domain is { IsEnrolled: true, Statement: { } before } && before.Key != domain.Key)
            session.Terminal.Note($"in place of the one that is enrolled\n  {before.Fingerprint}");
        if (tls is not null)
            session.Terminal.Note($"and its end of TLS shall be believed by\n  {tls}");
        session.Terminal.Note($"Compare it with what this prints in the domain itself: {FingerprintCommand(session, domain)}{(tls is null ? "" : "; qwamos-link fingerprint")}");
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
