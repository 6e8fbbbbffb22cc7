namespace Qwamos.Daemon.Delivery;

/// <summary>Who was asked could not be reached, or did not answer; the message is one clause for a status row.</summary>
internal sealed class LinkException(string message) : Exception(message);
