namespace Qwamos.Daemon.Delivery;

/// <summary>Who was asked could not be reached, or did not answer; the message is one clause for a status row.</summary>
internal class LinkException(string message) : Exception(message);

/// <summary>qwamosd was asked, and refuses.</summary>
internal sealed class BusRefusalException(string message) : LinkException(message);
