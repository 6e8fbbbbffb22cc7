namespace Qwamos.Daemon.Delivery;

/// <summary>A gateway could not be reached or did not answer; the message is one clause for its status row.</summary>
internal sealed class GatewayLinkException(string message) : Exception(message);
