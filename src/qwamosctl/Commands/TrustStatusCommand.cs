using System.CommandLine;
using System.Globalization;
using System.Text;
using Qwamos.Client.Showing;
using Qwamos.Client.Talking;
using Qwamos.Client.Trusting;
using Qwamos.ControlBus.Json;

namespace Qwamos.Client.Commands;

/// <summary><c>qwamosctl trust status</c>: which version is in force in each domain, what ends when, and what it says.</summary>
internal static class TrustStatusCommand
{
    public static Command Build(SharedOptions shared, Terminal terminal)
    {
        Command command = new("status", "Show which trust root is in force where, what ends when, and who may sign what");
        command.SetAction(parse => shared.Run(parse, terminal, Run));
        return command;
    }

    private static int Run(Session session)
    {
        if (!TrustSource.TryGet(session, out var trust, out var failure))
            return session.Fail(failure);
        session.Terminal.Print(session.Json ? JsonPrinter.Print(ToJson(session, trust)) + "\n" : Text(session, trust));
        return (int)ExitCode.Done;
    }

    private static string Text(Session session, TrustInForce trust)
    {
        var paint = session.Terminal.OutputPaint;
        StringBuilder text = new(RootText.Describe(trust.Root, session.Now));
        if (trust.Signed is null)
            return session.Placed(text.Append("\nto say who may sign what: qwamosctl trust init\n").ToString())!;
        text.Append("\nin force\n");
        var domains = DomainTrust.Of(trust);
        var width = domains.Max(domain => domain.Name.Length);
        foreach (var (name, version) in domains)
        {
            text.Append("  ").Append(name.PadRight(width)).Append("  ");
            text.Append(version == trust.Root.Version ? $"version {version}" : paint.Waiting(version is null ? "not known: it has not said" : string.Create(CultureInfo.InvariantCulture, $"version {version}, is behind"))).Append('\n');
        }
        foreach (var (key, why) in DisownedValues.Of(trust.Status))
            text.Append('\n').Append(paint.Bad($"{key} was {why}, and nobody has set it since")).Append(session.Placed($": {DisownedValues.Mend(key)}")).Append('\n');
        if (RootExpiry.Warning(trust.Root.ExpiresSeconds, session.Now) is { } warning)
            text.Append('\n').Append(paint.Bad(warning)).Append(session.Placed(": qwamosctl trust renew")).Append('\n');
        return text.ToString();
    }

    private static JsonValue ToJson(Session session, TrustInForce trust) => JsonValue.Object(
    [
        ("status", JsonValue.Of("ok")),
        ("version", JsonValue.Of(trust.Root.Version)),
        ("domains", JsonValue.Object(DomainTrust.Of(trust).Select(domain => (domain.Name, domain.Version is { } version ? JsonValue.Of(version) : JsonValue.Null)))),
        ("expires_soon", JsonValue.Of(trust.Signed is not null && RootExpiry.Warning(trust.Root.ExpiresSeconds, session.Now) is not null)),
        ("policy_disowned", trust.Status?.ObjectOf("policy_disowned") ?? JsonValue.Object()),
        .. trust.Signed is null ? [] : RootText.ToJson(trust.Signed).Members.Where(member => member.Key != "version").Select(member => (member.Key, member.Value)),
    ]);
}
