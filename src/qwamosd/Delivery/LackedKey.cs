using Qwamos.ControlBus.Json;

namespace Qwamos.Daemon.Delivery;

/// <summary>The newest change of a key that a domain is said to have taken, where its own report has something else.</summary>
/// <param name="Index">The change's entry.</param>
/// <param name="Value">What it set, as a report shows it.</param>
internal readonly record struct LackedKey(long Index, JsonValue Value)
{
    public JsonValue ToJson() => JsonValue.Object([("index", JsonValue.Of(Index)), ("value", Value)]);

    /// <summary>Reads that form; what is wrong is a fault of the reader's.</summary>
    public static LackedKey Read(string name, JsonValue json, MemberReader outer)
    {
        var reader = new MemberReader(json, name);
        var key = new LackedKey(reader.Integer("index", 0, long.MaxValue), reader.Any("value"));
        if (!reader.Finish(out string fault))
            outer.Refuse(fault);
        return key;
    }
}
