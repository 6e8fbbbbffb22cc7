using System.Text.Json;

namespace Qwamos.ControlBus.Hosting.Pipeline;

/// <summary>Says what an accepted change did: the authority by <c>result</c>, a gateway by <c>message</c>.</summary>
public interface IChangeAnswer
{
    /// <summary>Writes the members of the answer after <c>status</c>. Called on the writer's thread.</summary>
    void Write(Utf8JsonWriter json, CommittedChange change);
}
