namespace Qwamos.ControlBus.Policy;

/// <summary>The Tor of this gateway. A port that is null is not open in its configuration.</summary>
/// <param name="User">The name of the user as whom it runs: what that user sends is Tor's.</param>
/// <param name="TransPort">TCP: takes connections to elsewhere, as they were meant.</param>
/// <param name="DnsPort">UDP: answers DNS.</param>
/// <param name="SocksPort">TCP: takes connections of who asks for Tor.</param>
public sealed record TorFacts(string User, int? TransPort, int? DnsPort, int? SocksPort);
