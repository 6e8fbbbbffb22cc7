using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Trust;

namespace Qwamos.ControlBus.Verification;

/// <summary>What stands at the head of a trust root and says where it belongs.</summary>
internal readonly record struct RootPlace(string? SystemId, long Version, long CreatedSeconds, long ExpiresSeconds)
{
    public static RootPlace Of(TrustRoot root) => new(root.SystemId, root.Version, root.CreatedSeconds, root.ExpiresSeconds);

    /// <summary>Reads it from a document of which nothing else was read; null where it does not stand there, which the whole reading then tells.</summary>
    public static RootPlace? Of(JsonValue document) =>
        document.Kind == JsonKind.Object && document.TryGet("system", out var system) && system.TryGetString(out string? id)
        && document.TryGet("version", out var number) && number.TryGetInteger(out long version)
        && document.TryGet("created", out var from) && from.TryGetInteger(out long created)
        && document.TryGet("expires", out var until) && until.TryGetInteger(out long expires)
            ? new RootPlace(id, version, created, expires)
            : null;
}
