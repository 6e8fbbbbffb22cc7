using System.Diagnostics.CodeAnalysis;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Policy;

namespace Qwamos.Daemon.Delivery;

/// <summary>
/// Which entries concern a domain: every trust root, and accepted changes with a key of its class or of class <c>all</c>, whose audience, if any, names it.
/// A confidential key is of the domain's own class or the change does not match at all, for such a change holds no other class.
/// </summary>
internal sealed class DeliveryRule(PolicySchema schema, GatewayEntry domain)
{
    private static readonly JsonValue Hidden = JsonValue.Of(HiddenValues.Text);

    private readonly DomainScope _scope = DomainScope.Receiver(domain.Name, domain.Class);

    /// <summary>Whether a change that the ledger shows without its envelope could be for this domain: only who has confidential keys is given any.</summary>
    public bool TakesConfidential { get; } = schema.Keys.Any(key => key.IsConfidential && key.Class == domain.Class);

    /// <summary>Whether a key's changes go to this domain.</summary>
    public bool Concerns(string name) => schema.TryGet(name, out PolicyKey? key) && _scope.Includes(key) && (!key.IsConfidential || TakesConfidential);

    /// <summary>Whether a key is of the domain's own class.</summary>
    public bool IsOwn(string name) => schema.TryGet(name, out PolicyKey? key) && key.Class == domain.Class;

    /// <summary>Whether what is brought beside a change is about a key: of the domain's own class, and not confidential.</summary>
    public bool CatchesUp(string name) => schema.TryGet(name, out PolicyKey? key) && key.Class == domain.Class && !key.IsConfidential;

    /// <summary>
    /// Whether a domain's report of a key has what a change set: that value, come how it may, or, of one that is hidden, that change or a later one. What was set a second time without effect keeps the
    /// entry of the first.
    /// </summary>
    public bool Has(ReportedKey? said, string name, Applied set) =>
        said is not null && (said.Desired.Equals(Hidden) ? said.Index >= set.Index : said.Desired.Equals(Shown(name, set.Value)));

    /// <summary>A value as a report shows it.</summary>
    public JsonValue Shown(string name, PolicyValue value) => ReportedKey.Short(HiddenValues.ToJson(schema, name, value));

    /// <summary>The keys of a change that concern this domain, when it is for it.</summary>
    public bool TryMatch(Message message, [NotNullWhen(true)] out IReadOnlyList<string>? keys)
    {
        keys = message.Audience?.Contains(domain.Name, StringComparer.Ordinal) == false ? [] : [.. message.Args!.Members.Select(member => member.Key).Where(Concerns)];
        return keys.Count > 0;
    }

    /// <summary>What the domain is to be given of an entry; null for nothing.</summary>
    /// <exception cref="LinkException">The envelope of a confidential change cannot be had.</exception>
    public async Task<PendingDelivery?> MatchAsync(LedgerFeed feed, FeedEntry entry, CancellationToken stop)
    {
        switch (entry.Entry)
        {
            case TrustRootEntry root:
                return new PendingDelivery(entry, null, [], root.Root.Root.Version);
            case MessageEntry { IsAccepted: true } change:
                return TryMatch(change.Message, out IReadOnlyList<string>? keys) ? new PendingDelivery(entry, null, keys, null) : null;
            case WithheldEntry { IsAccepted: true } when TakesConfidential:
                byte[] raw = await feed.EnvelopeAsync(entry.Index, stop).ConfigureAwait(false);
                return EnvelopeReader.TryRead(raw, out Envelope? envelope, out _) && TryMatch(envelope.Message, out keys) ? new PendingDelivery(entry, raw, keys, null) : null;
            default:
                return null;
        }
    }
}
