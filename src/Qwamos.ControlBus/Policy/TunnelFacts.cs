using System.Net;

namespace Qwamos.ControlBus.Policy;

/// <summary>The tunnel (a VPN) of this gateway.</summary>
/// <param name="Interface">What is sent into it goes to the other end.</param>
/// <param name="Endpoint">The address of the other end, outside of the tunnel.</param>
/// <param name="Port">Its port.</param>
/// <param name="IsTcp">TCP; else UDP.</param>
public sealed record TunnelFacts(string Interface, IPAddress Endpoint, int Port, bool IsTcp);
