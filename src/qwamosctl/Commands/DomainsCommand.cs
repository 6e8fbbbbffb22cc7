using System.CommandLine;
using System.Text;
using Qwamos.Client.Showing;
using Qwamos.Client.Talking;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Json;

namespace Qwamos.Client.Commands;

/// <summary><c>qwamosctl domains</c>: the domains that Dom0 delivers to, how it reaches them, and whose reports are believed.</summary>
internal static class DomainsCommand
{
    /// <summary>A hostile name must not push what follows off the screen.</summary>
    private const int MaxWidth = 48;

    public static Command Build(SharedOptions shared, Terminal terminal)
    {
        Command command = new("domains", "Show the domains, how they are reached, and whose reports are believed")
        {
            DomainsEnrollCommand.Build(shared, terminal),
            DomainsRevokeCommand.Build(shared, terminal),
        };
        command.SetAction(parse => shared.Run(parse, terminal, Run));
        return command;
    }

    private static int Run(Session session)
    {
        if (!KnownDomains.TryRead(session, out var domains, out var failure))
            return session.Fail(failure);
        session.Terminal.Print(session.Json
            ? JsonPrinter.Print(JsonValue.Object([("status", JsonValue.Of("ok")), ("domains", JsonValue.Array(domains.Select(ToJson)))])) + "\n"
            : session.Placed(Describe(domains, session.Terminal.OutputPaint))!);
        return (int)ExitCode.Done;
    }

    private static string Describe(List<KnownDomain> domains, Paint paint)
    {
        if (domains.Count == 0)
            return "no domains: domains.json names none\n";
        StringBuilder text = new();
        var names = Math.Min(MaxWidth, domains.Max(domain => SafeText.ForTerminal(domain.Name).Length));
        var classes = Math.Min(MaxWidth, domains.Max(domain => SafeText.ForTerminal(domain.Class).Length));
        foreach (var domain in domains)
        {
            text.Append(SafeText.ForTerminal(domain.Name).PadRight(names)).Append("  ").Append(SafeText.ForTerminal(domain.Class).PadRight(classes)).Append("  ");
            text.Append(domain.IsEnrolled ? paint.Good("enrolled    ") : domain.Statement is { IsRevoked: true } ? paint.Bad("revoked     ") : paint.Waiting("not enrolled"));
            text.Append("  ").Append(domain.Link is null ? "domains.json does not name it" : SafeText.ForTerminal(domain.Link)).Append('\n');
            AppendKeys(text, domain, paint);
        }
        return text.ToString();
    }

    private static void AppendKeys(StringBuilder text, KnownDomain domain, Paint paint)
    {
        if (domain.Fingerprint is { } heard)
            text.Append("  ").Append(paint.Faint($"key it says    {heard}")).Append('\n');
        if (domain.Statement is { } statement && (statement.Key != domain.Key || !domain.IsEnrolled))
            text.Append("  ").Append(domain.IsEnrolled ? paint.Bad($"enrolled key   {statement.Fingerprint}") : $"not believed   {statement.Fingerprint}: {SafeText.ForTerminal(domain.WhyNot ?? "")}").Append('\n');
        if (domain is { IsEnrolled: true, Statement.TlsKey: { } tls })
            text.Append("  ").Append(paint.Faint($"key of its TLS {tls}")).Append('\n');
        if (domain.EnrolCommand is { } enrol && (!domain.IsEnrolled || (domain.Key is not null && domain.Statement?.Key != domain.Key) || (domain.IsOverTls && domain.Statement?.TlsKey is null)))
            text.Append("  to believe what it reports: ").Append(SafeText.ForTerminal(enrol)).Append('\n');
    }

    private static JsonValue ToJson(KnownDomain domain) => JsonValue.Object(
    [
        ("name", JsonValue.Of(domain.Name)),
        ("class", JsonValue.Of(domain.Class)),
        ("link", Text(domain.Link)),
        ("fingerprint", Text(domain.Fingerprint)),
        ("enrolled", JsonValue.Of(domain.IsEnrolled)),
        ("enrolled_fingerprint", Text(domain.Statement is { IsRevoked: false } statement ? statement.Fingerprint : null)),
        ("enrolled_tls_key", Text(domain.Statement?.TlsKey)),
        ("why_not", Text(domain.WhyNot)),
    ]);

    private static JsonValue Text(string? text) => text is null ? JsonValue.Null : JsonValue.Of(text);

    /// <summary>Signs a statement about a domain's key, sends it, and says what became of it; gives the exit status.</summary>
    internal static int Send(Session session, KnownDomain domain, string key, string? tlsKey, bool isRevoked, string done)
    {
        if (!SystemName.TryRead(session.Paths, out var system, out var failure))
            return session.Fail(failure);
        if (system is null)
            return session.Fail(new Failure(ExitCode.Refused, "this machine has no system ID, which the statement must name", $"Enrol a key first, or start qwamosd: {session.StartDaemon}"));
        if (!OperatorKey.TryOpen(session, out var opened, out failure))
            return session.Fail(failure);
        using (opened)
        {
            // Only a later one counts in the place of the one that is recorded.
            var statement = DomainKeyStatement.Sign(opened.Signer, domain.Name, domain.Class, key, system, Math.Max(session.Now, domain.Seconds + 1), isRevoked, tlsKey);
            MessageDraft draft = new() { Command = ControlBus.Envelopes.Commands.DomainKey, Args = statement.ToJson() };
            if (!EnvelopeWriter.TryWriteUnsigned(draft, out var envelope, out var refusal))
                return session.Fail(Failure.Usage(refusal.Reason));
            if (!Bus.TryAsk(session, envelope, out var answer, out failure))
                return session.Fail(failure);
            if (answer.IsOk && answer.Index is null)
                return session.Fail(Bus.Incomplete(session, "index"));
            if (session.Json)
                session.Terminal.Print(JsonPrinter.Print(answer.Document) + "\n");
            else if (answer.IsOk)
                session.Terminal.Print($"{done}, recorded as entry {answer.Index}\n");
            if (answer.IsOk)
                return (int)ExitCode.Done;
            RefusalReport.Show(session, answer, opened);
            return (int)ExitCode.Refused;
        }
    }
}
