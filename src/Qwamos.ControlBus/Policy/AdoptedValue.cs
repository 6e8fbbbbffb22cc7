using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Json;

namespace Qwamos.ControlBus.Policy;

/// <summary>A value that a domain takes over beside a later change, for it missed the one that set it.</summary>
/// <param name="Key">The policy key.</param>
/// <param name="Value">Its value.</param>
/// <param name="TimestampSeconds">When the change that set it was signed, unix seconds.</param>
/// <param name="Origin">That change's entry in Dom0's ledger.</param>
public sealed record AdoptedValue(string Key, PolicyValue Value, long TimestampSeconds, EntryReference Origin)
{
    /// <summary>The form in which it is recorded.</summary>
    internal JsonValue ToJson() => JsonValue.Object([("key", JsonValue.Of(Key)), ("value", Value.ToJson()), ("timestamp", JsonValue.Of(TimestampSeconds)), ("index", JsonValue.Of(Origin.Index)), ("leaf_hash", JsonValue.Of(Origin.LeafHash))]);

    /// <summary>Reads that form; what is wrong is a fault of the outer reader's.</summary>
    internal static AdoptedValue? Read(JsonValue json, MemberReader outer)
    {
        var reader = new MemberReader(json, "a value taken over");
        var key = reader.Text("key", Limits.MaxPolicyKeyNameBytes);
        if (!PolicyValue.TryFrom(reader.Any("value"), out var value))
            reader.Refuse($"the value of {key} is no policy value");
        var adopted = new AdoptedValue(key, value, reader.Integer("timestamp", 0, Limits.MaxSafeInteger), new EntryReference(reader.Integer("index", 0, Limits.MaxSafeInteger), reader.Hash("leaf_hash")));
        if (reader.Finish(out var fault))
            return adopted;
        outer.Refuse(fault);
        return null;
    }
}
