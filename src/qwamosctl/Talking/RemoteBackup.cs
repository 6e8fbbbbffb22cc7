using Qwamos.ControlBus.Json;

namespace Qwamos.Client.Talking;

/// <summary>A backup that the daemon says it makes.</summary>
/// <param name="Name">How to ask for it.</param>
/// <param name="Size">Entries.</param>
/// <param name="RootHash">The root over them, 64 lower-case hex digits.</param>
internal sealed record RemoteBackup(string Name, long Size, string RootHash)
{
    public JsonValue Place(long offset) => JsonValue.Object([("name", JsonValue.Of(Name)), ("offset", JsonValue.Of(offset))]);
}
