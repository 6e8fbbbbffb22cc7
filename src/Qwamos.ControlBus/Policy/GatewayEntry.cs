namespace Qwamos.ControlBus.Policy;

/// <summary>One gateway of qwamosd.json.</summary>
/// <param name="Name">The domain's name, as <c>audience</c> uses it.</param>
/// <param name="Class">The class of keys it is delivered; it gets those of class <c>all</c>, too.</param>
/// <param name="SocketPath">Where its socket is, already under the root of a trial.</param>
public sealed record GatewayEntry(string Name, string Class, string SocketPath);
