using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Keys;

namespace Qwamos.ControlBus.Policy;

/// <summary>
/// How a domain that missed changes comes to where Dom0 is with one change more (docs/formats/delivery.md). A change's <c>base</c> is the hash of the values that its signers
/// were shown. That alone would let who shows them choose the values: so each value that the domain lacks is believed only as a change of its own sets it.
/// </summary>
public static class CatchUp
{
    /// <summary>What a receiver takes over; or why it does not.</summary>
    /// <param name="schema">The table. Keys that it does not know are passed by.</param>
    /// <param name="current">The receiver's state.</param>
    /// <param name="message">A verified <c>set_policy</c>.</param>
    /// <param name="scope">The receiver.</param>
    /// <param name="before">The values that its <c>base</c> must be the hash of.</param>
    /// <param name="changes">Changes that were verified like it, and their entries in Dom0's ledger.</param>
    /// <param name="values">What is taken over; perhaps nothing.</param>
    public static Refusal? Refusal(
        PolicySchema schema, PolicyState current, Message message, DomainScope scope, JsonValue before, IReadOnlyList<(Message Message, long Index)> changes, out List<AdoptedValue> values)
    {
        ArgumentNullException.ThrowIfNull(schema);
        ArgumentNullException.ThrowIfNull(current);
        ArgumentNullException.ThrowIfNull(message);
        ArgumentNullException.ThrowIfNull(scope);
        ArgumentNullException.ThrowIfNull(before);
        ArgumentNullException.ThrowIfNull(changes);
        values = [];
        if (scope.Class is not { } own || message.Base?.GetValueOrDefault(own) is not { } expected || Convert.ToHexStringLower(Primitives.Sha256(CanonicalJson.Write(before))) != expected)
            return new Refusal(ErrorCode.Unproven, "before is not what the change's base is the hash of");
        foreach (var (name, json) in before.Members)
        {
            if (!schema.TryGet(name, out var key) || key.Class != own || (current.Policy.TryGetValue(name, out var here) && here.Value.ToJson().Equals(json)))
                continue;
            // The last of them: where several set the same, what was signed last counts.
            var (setter, index) = changes.OrderBy(change => change.Index).LastOrDefault(change => change.Message.Args!.TryGet(name, out var set) && set.Equals(json));
            if (setter is null || !PolicyValue.TryFrom(json, out var value) || EventValues.IsFire(value) || schema.Check(JsonValue.Object([(name, json)])).Count > 0)
                return new Refusal(ErrorCode.Unproven, $"no change is shown that sets {name} to what it was where the change was made");
            // It was sent to others only: here the key stays what it is.
            if (setter.Audience?.Contains(scope.Name, StringComparer.Ordinal) == false)
                continue;
            // What was said here later, directly or for this domain's next start, stands (ATTACKS 13); so does what is set here and was not there.
            if (current.LastTimestamps.GetValueOrDefault(name) <= setter.Timestamp)
                values.Add(new AdoptedValue(name, value, setter.Timestamp!.Value, index));
        }
        return null;
    }
}
