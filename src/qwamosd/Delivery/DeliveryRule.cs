using Qwamos.ControlBus;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Policy;

namespace Qwamos.Daemon.Delivery;

/// <summary>
/// Which entries concern a gateway: accepted changes with a key of its class or of class <c>all</c>, whose audience, if any, names it.
/// A confidential key is of the gateway's own class or the change does not match at all, for such a change holds no other class.
/// </summary>
internal sealed class DeliveryRule(PolicySchema schema, GatewayEntry gateway)
{
    private readonly DomainScope _scope = DomainScope.Receiver(gateway.Name, gateway.Class);

    /// <summary>Whether a key's changes go to this gateway.</summary>
    public bool Concerns(string name) => schema.TryGet(name, out PolicyKey? key) && _scope.Includes(key);

    /// <summary>The delivery that an entry is for this gateway, or null.</summary>
    public PendingDelivery? Match(long index, LedgerEntry entry)
    {
        if (entry is not MessageEntry { IsAccepted: true } change)
            return null;
        Message message = change.Message;
        string[] keys = [.. message.Args!.Members.Select(member => member.Key).Where(Concerns)];
        if (keys.Length == 0 || message.Audience?.Contains(gateway.Name, StringComparer.Ordinal) == false)
            return null;
        long end = message.Timestamp!.Value + Limits.FreshnessWindowSeconds;
        return new PendingDelivery(index, change.Envelope.Raw, keys, Math.Min(end, message.Expires ?? end));
    }
}
