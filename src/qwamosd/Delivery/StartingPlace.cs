using Qwamos.ControlBus.Policy;

namespace Qwamos.Daemon.Delivery;

/// <summary>Where a courier begins after a start of the daemon.</summary>
/// <param name="Next">The first entry it looks at.</param>
/// <param name="Taken">The last entry the gateway is known to have taken.</param>
/// <param name="Missed">Keys whose change it did not take and will not be given any more, with the entry of that change.</param>
/// <param name="FreshFrom">What is stale before this entry went stale long ago, and is only noted.</param>
/// <param name="Trust">The trust roots recorded so far: no place skips one.</param>
internal sealed record StartingPlace(long Next, long? Taken, IReadOnlyDictionary<string, long> Missed, long FreshFrom, RecordedTrust Trust);
