using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Policy;
using Qwamos.ControlBus.Trust;
using Qwamos.ControlBus.Verification;

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
    /// <param name="index">The entry's.</param>
    /// <param name="entry">The entry.</param>
    /// <param name="root">The trust root in force at it: what needs several holders may be delivered for longer.</param>
    public PendingDelivery? Match(long index, LedgerEntry entry, TrustRoot root)
    {
        if (entry is not MessageEntry { IsAccepted: true } change)
            return null;
        Message message = change.Message;
        string[] keys = [.. message.Args!.Members.Select(member => member.Key).Where(Concerns)];
        if (keys.Length == 0 || message.Audience?.Contains(gateway.Name, StringComparer.Ordinal) == false)
            return null;
        return new PendingDelivery(index, change.Envelope.Raw, keys, Freshness.LastSecond(message, root));
    }
}
