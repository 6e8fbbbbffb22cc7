using System.Diagnostics.CodeAnalysis;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Json;

namespace Qwamos.ControlBus.Hosting.Pipeline;

/// <summary>Answers the commands that leave no entry, but for <c>get_status</c>. Called on any thread.</summary>
public interface IReadSource
{
    /// <summary>Whether a command is answered here.</summary>
    bool Serves(string command);

    /// <summary>The members of the answer after <c>status</c>, below 65,536 bytes, as things are now; or why there is none.</summary>
    bool TryRead(
        Message message,
        [NotNullWhen(true)] out IEnumerable<(string Name, JsonValue Value)>? members,
        [NotNullWhen(false)] out Refusal? refusal);
}
