using Qwamos.ControlBus;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Json;
using BusCommands = Qwamos.ControlBus.Envelopes.Commands;

namespace Qwamos.Client.Talking;

/// <summary>Reads <c>get_domains</c>, page by page.</summary>
internal static class KnownDomains
{
    /// <summary>All domains, by name.</summary>
    public static bool TryRead(Session session, out List<KnownDomain> domains, out Failure failure)
    {
        domains = [];
        for (string? after = null; ;)
        {
            MessageDraft draft = new() { Command = BusCommands.GetDomains, Args = after is null ? null : JsonValue.Object([(Message.AfterArg, JsonValue.Of(after))]) };
            if (!EnvelopeWriter.TryWriteUnsigned(draft, out var envelope, out var refusal))
                return Strange(session, refusal.Reason, out failure);
            if (!Bus.TryAsk(session, envelope, out var answer, out failure))
                return false;
            if (!answer.IsOk)
            {
                failure = new Failure(ExitCode.Refused, $"refused ({answer.Code}): {answer.Reason}", answer.Code == ErrorCodes.Name(ErrorCode.UnknownCommand) ? $"The daemon is an older one: {session.RestartDaemon}" : null);
                return false;
            }
            if (!answer.Document.TryGet("domains", out var list) || list.Kind != JsonKind.Array)
                return Strange(session, "domains is missing", out failure);
            foreach (var item in list.Items)
            {
                if (Read(item) is not { } domain || (domains.Count > 0 && string.CompareOrdinal(domain.Name, domains[^1].Name) <= 0) || domains.Count >= Limits.MaxGateways + Limits.MaxDomainKeys)
                    return Strange(session, "its list of domains cannot be read", out failure);
                domains.Add(domain);
            }
            after = answer.TextOf("more");
            if (after is null)
                return true;
            if (list.Items.Length == 0 || after != domains[^1].Name)
                return Strange(session, "its list of domains does not end", out failure);
        }
    }

    /// <summary>One of them.</summary>
    public static bool TryFind(Session session, string name, out KnownDomain domain, out Failure failure)
    {
        domain = null!;
        if (!TryRead(session, out var all, out failure))
            return false;
        if (all.Find(known => known.Name == name) is { } found)
        {
            domain = found;
            return true;
        }
        failure = Failure.Usage($"there is no domain {name} here", "The domains are those of domains.json: qwamosctl domains");
        return false;
    }

    private static KnownDomain? Read(JsonValue item)
    {
        if (item.Kind != JsonKind.Object || Text(item, "name") is not { } name || Text(item, "class") is not { } @class || !item.TryGet("enrolled", out var enrolled) || enrolled.Kind != JsonKind.Boolean)
            return null;
        DomainKeyStatement? statement = null;
        if (item.TryGet("statement", out var signed) && !DomainKeyStatement.TryRead(signed, out statement, out _))
            return null;
        var key = Text(item, "key");
        return key is not null && !DomainKeyStatement.IsKey(key)
            ? null
            : new KnownDomain(name, @class, Text(item, "link"), item.TryGet("over_tls", out var tls) && tls is { Kind: JsonKind.Boolean, AsBoolean: true }, key, enrolled.AsBoolean ? null : Text(item, "why_not") ?? "it is not enrolled", statement, item.TryGet("seconds", out var time) && time.TryGetInteger(out var seconds) ? seconds : -1);
    }

    private static string? Text(JsonValue item, string name) => item.TryGet(name, out var value) && value.TryGetString(out var text) ? text : null;

    private static bool Strange(Session session, string why, out Failure failure)
    {
        failure = new Failure(ExitCode.Refused, $"what answered on {session.SocketPath} is no control bus's answer: {why}", "Look at --socket: another program seems to listen there");
        return false;
    }
}
