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
        PolicySchema schema, PolicyState current, Message message, DomainScope scope, JsonValue before, IReadOnlyList<(Message Message, EntryReference Entry)> changes, out List<AdoptedValue> values)
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
            // Confidential changes are never passed over: each comes by itself, and no value of theirs need stand in a leaf.
            if (!schema.TryGet(name, out var key) || key.Class != own || !scope.Includes(key) || key.IsConfidential)
                continue;
            // What the change sets anew need not be explained: a value that is proven no more goes with the next one that is set.
            if (message.Args!.TryGet(name, out _))
                continue;
            var isSame = current.Policy.TryGetValue(name, out var here) && here.Value.ToJson().Equals(json);
            // Where several set the same, the last one counts.
            var (setter, entry) = changes.OrderBy(change => change.Entry.Index).LastOrDefault(change => change.Message.Args!.TryGet(name, out var set) && set.Equals(json));
            if (setter is null || !PolicyValue.TryFrom(json, out var value) || EventValues.IsFire(value))
            {
                if (isSame)
                    continue;
                return new Refusal(ErrorCode.Unproven, $"no change that is believed here sets {name} to what it was where the change was made");
            }
            // By the table here it cannot be: the change that set it is refused here, too, and what concerns other keys is not held up by it.
            if (schema.Check(JsonValue.Object([(name, json)])).Count > 0)
                continue;
            // What others alone were sent explains what they have; here the key stays what it is.
            var isForHere = setter.Audience?.Contains(scope.Name, StringComparer.Ordinal) != false;
            if (isForHere && IsNewer(current, name, setter.Timestamp!.Value, entry.Index))
                values.Add(new AdoptedValue(name, value, setter.Timestamp.Value, entry));
        }
        return null;
    }

    /// <summary>
    /// Whether a change comes after all that named the key here. What was said later, directly or for this domain's next start, stands (ATTACKS 13). Of the same second, what Dom0
    /// recorded later is the later one. A value that is here already is taken over as well: what named it before it is superseded then.
    /// </summary>
    private static bool IsNewer(PolicyState current, string key, long timestamp, long index)
    {
        var last = current.LastTimestamps.GetValueOrDefault(key);
        if (timestamp != last)
            return timestamp > last;
        var known = new[] { current.Policy, current.Staged }.SelectMany(values => values.TryGetValue(key, out var here) ? [current.OriginOf(here)?.Index] : Array.Empty<long?>()).ToList();
        return known.Count > 0 && known.TrueForAll(origin => origin < index);
    }
}
