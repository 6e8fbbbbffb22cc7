namespace Qwamos.ControlBus.Policy;

/// <summary>Where Dom0 reaches this gateway over IP: no policy ever closes it. A link that is no IP (a Unix socket, a virtio port) needs none.</summary>
/// <param name="Interface">The interface at which Dom0's connections come in.</param>
/// <param name="Port">The TCP port to which they come.</param>
public sealed record ControlLink(string Interface, int Port);
