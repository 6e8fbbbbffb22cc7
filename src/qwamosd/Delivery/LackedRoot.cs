using Qwamos.ControlBus.Json;

namespace Qwamos.Daemon.Delivery;

/// <summary>The newest trust root that a domain is said to have taken, where its own report has an older one in force.</summary>
/// <param name="Version">Its version.</param>
/// <param name="Index">Its entry.</param>
internal readonly record struct LackedRoot(long Version, long Index)
{
    public JsonValue ToJson() => JsonValue.Object([("index", JsonValue.Of(Index)), ("version", JsonValue.Of(Version))]);

    /// <summary>Reads that form; what is wrong is a fault of the reader's.</summary>
    public static LackedRoot Read(JsonValue json, MemberReader outer)
    {
        var reader = new MemberReader(json, "lacks_root");
        var root = new LackedRoot(reader.Integer("version", 1, long.MaxValue), reader.Integer("index", 0, long.MaxValue));
        if (!reader.Finish(out string fault))
            outer.Refuse(fault);
        return root;
    }
}
