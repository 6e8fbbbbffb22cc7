namespace Qwamos.Daemon.Measuring;

/// <summary>How a gateway stands.</summary>
/// <param name="Name">Its domain.</param>
/// <param name="Taken">The last entry that it took.</param>
/// <param name="LagSeconds">How long it has lacked one that is for it.</param>
/// <param name="IsAlarmed">It saw another history of the ledger.</param>
internal sealed record DomainFigures(string Name, long? Taken, double LagSeconds, bool IsAlarmed);
