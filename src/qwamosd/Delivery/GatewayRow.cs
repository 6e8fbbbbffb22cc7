using Qwamos.ControlBus.Json;

namespace Qwamos.Daemon.Delivery;

/// <summary>What status says of one gateway. Immutable; replaced whole.</summary>
/// <param name="Taken">The last entry that it said it took; null when there is none.</param>
/// <param name="IsBehind">A change for it is not taken: on its way, refused, or gone stale before it could be delivered.</param>
/// <param name="BehindSince">Since when, unix seconds; null when it is not.</param>
/// <param name="LastError">Why the last attempt failed; null when it did not.</param>
/// <param name="TrustVersion">The version of the trust root that it has; null when that is not known.</param>
/// <param name="TrustFault">Why it does not take the trust root, and what to do; null when it does.</param>
internal sealed record GatewayRow(long? Taken, bool IsBehind, string? LastError, long? BehindSince = null, long? TrustVersion = null, string? TrustFault = null)
{
    /// <param name="witness">How it stands as a witness.</param>
    public JsonValue ToJson(JsonValue witness)
    {
        var members = new List<(string, JsonValue)>
        {
            ("taken", Taken is { } index ? JsonValue.Of(index) : JsonValue.Null),
            ("behind", JsonValue.Of(IsBehind)),
        };
        if ((TrustFault ?? LastError) is { } error)
            members.Add(("last_error", JsonValue.Shown(error)));
        if (TrustVersion is { } version)
            members.Add(("trust_version", JsonValue.Of(version)));
        members.Add(("witness", witness));
        return JsonValue.Object(members);
    }
}
