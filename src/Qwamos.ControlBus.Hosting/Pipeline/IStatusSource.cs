using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Verification;

namespace Qwamos.ControlBus.Hosting.Pipeline;

/// <summary>Makes the answer to <c>get_status</c>.</summary>
public interface IStatusSource
{
    /// <summary>The members of the answer after <c>status</c>, as things are now. Called on any thread.</summary>
    /// <param name="message">What was asked, and by whom: only a signed message may be shown confidential values.</param>
    IEnumerable<(string Name, JsonValue Value)> Describe(VerifiedMessage message);
}
