using System.Diagnostics.CodeAnalysis;
using Qwamos.ControlBus;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Hosting.Pipeline;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Policy;

namespace Qwamos.Daemon.Delivery;

/// <summary>
/// <c>get_domains</c>: the domains by name, in pages: the key that each claims, which is the courier's word, and what operators signed about it, which is the ledger's.
/// Every other command is another source's.
/// </summary>
internal sealed class DomainAnswers(DaemonConfig config, CourierView courier, Func<PublishedState> published, IReadSource others) : IReadSource
{
    /// <summary>Braces and commas.</summary>
    private const int RowOverheadBytes = 4;

    public bool Serves(string command) => command == Commands.GetDomains || others.Serves(command);

    public bool TryRead(
        Message message, [NotNullWhen(true)] out IEnumerable<(string Name, JsonValue Value)>? members, [NotNullWhen(false)] out Refusal? refusal)
    {
        if (message.Command != Commands.GetDomains)
            return others.TryRead(message, out members, out refusal);
        refusal = null;
        string after = message.Args is { } args && args.TryGet(Message.AfterArg, out JsonValue? name) ? name.AsString : "";
        PolicyState state = published().Policy;
        IReadOnlyDictionary<string, DomainRow> rows = courier.ByName();
        List<JsonValue> page = [];
        string? last = null;
        int bytes = 0;
        // Those that domains.json names no more still have a key that can be revoked.
        foreach (string domain in rows.Keys.Union(state.Domains.Keys, StringComparer.Ordinal).Where(domain => string.CompareOrdinal(domain, after) > 0).Order(StringComparer.Ordinal))
        {
            JsonValue row = Describe(domain, rows.GetValueOrDefault(domain), state);
            bytes += RowOverheadBytes + JsonText.Bytes(row).Length;
            if (page.Count > 0 && bytes > Limits.MaxGatewayPageBytes)
            {
                members = [("domains", JsonValue.Array(page)), ("more", JsonValue.Of(last!))];
                return true;
            }

            page.Add(row);
            last = domain;
        }

        members = [("domains", JsonValue.Array(page))];
        return true;
    }

    private JsonValue Describe(string name, DomainRow? row, PolicyState state)
    {
        RecordedDomain? recorded = state.Domains.GetValueOrDefault(name);
        string? whyNot = recorded is null ? "no operator has vouched for its key" : recorded.WhyNot(state.Trust.Root);
        return JsonValue.Object(
        [
            ("name", JsonValue.Of(name)),
            ("class", JsonValue.Of(config.Domains.GetValueOrDefault(name) ?? recorded?.Statement.Class ?? "")),
            .. config.Gateways.Any(domain => domain.Name == name && domain.Link.IsTls) ? new[] { ("over_tls", JsonValue.Of(true)) } : [],
            ("link", row is null ? JsonValue.Null : JsonValue.Shown(row.LastError ?? (row.Key is null && row.Index < 0 ? "not reached yet" : "ok"))),
            ("key", row?.Key is { } key ? JsonValue.Of(key) : JsonValue.Null),
            ("enrolled", JsonValue.Of(whyNot is null)),
            .. whyNot is null ? [] : new[] { ("why_not", JsonValue.Of(whyNot)) },
            .. recorded is null ? [] : new[] { ("statement", recorded.Statement.ToJson()), ("index", JsonValue.Of(recorded.Index)), ("seconds", JsonValue.Of(recorded.Seconds)), ("reported", JsonValue.Of(recorded.ReportedIndex)) },
        ]);
    }
}
