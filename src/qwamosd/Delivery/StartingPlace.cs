namespace Qwamos.Daemon.Delivery;

/// <summary>Where a courier begins after a start of the daemon.</summary>
/// <param name="Next">The first entry it looks at.</param>
/// <param name="Taken">The last entry the gateway is known to have taken.</param>
/// <param name="MissedKeys">Keys whose latest change came after that, and is too old to be delivered.</param>
internal sealed record StartingPlace(long Next, long? Taken, IReadOnlyList<string> MissedKeys);
