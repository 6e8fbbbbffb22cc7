using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Hosting.Listening;
using Qwamos.ControlBus.Json;

namespace Qwamos.ControlBus.Hosting.Pipeline;

/// <summary>Answers what waits until something happens: a domain's report, and in Dom0 a change that is in force.</summary>
public interface IWaitSource
{
    /// <summary>Whether it has this command.</summary>
    bool Waits(string command);

    /// <summary>The answer's members, when there is something to say, when the time is over, or when the connection has another request.</summary>
    /// <param name="message">The question.</param>
    /// <param name="request">Whose.</param>
    /// <param name="scheduler">What costs anything is done in the turn of the request's uid: the caller's thread may be the writer's.</param>
    Task<IEnumerable<(string Name, JsonValue Value)>> WaitAsync(Message message, BusRequest request, FairScheduler scheduler);
}
