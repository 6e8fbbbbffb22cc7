using Qwamos.ControlBus.Envelopes;

namespace Qwamos.ControlBus.Policy;

/// <summary>
/// The values of an event key. <c>fire</c> is reserved: the schema refuses it for any other key, so a fold over the
/// ledger knows an event by its value, without the schema of that time.
/// </summary>
public static class EventValues
{
    public const string Disarmed = "disarmed";
    public const string Armed = "armed";

    /// <summary>The event itself. It is never a state: accepting it leaves the key <see cref="Disarmed"/>.</summary>
    public const string Fire = Message.Fire;

    public static bool IsFire(PolicyValue value) => value.Type == PolicyType.String && value.Text == Fire;
}
