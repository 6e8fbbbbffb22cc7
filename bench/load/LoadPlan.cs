namespace Qwamos.Load;

/// <summary>What is sent, how, and until when.</summary>
/// <param name="Socket">The server's Unix socket.</param>
/// <param name="ServerPid">Whose processor time is counted; 0: nobody's.</param>
/// <param name="Pace">When the next request leaves.</param>
/// <param name="Clients">Connections at once.</param>
/// <param name="Window">The most requests of a connection without an answer.</param>
/// <param name="PerSecond">The rate of <see cref="Pace.OpenLoop"/>, over all connections.</param>
/// <param name="Requests">The most requests that are sent.</param>
/// <param name="Limit">Nothing is sent after it.</param>
internal sealed record LoadPlan(string Socket, int ServerPid, Pace Pace, int Clients, int Window, int PerSecond, int Requests, TimeSpan Limit);
