using Microsoft.Extensions.Logging;
using Qwamos.ControlBus.Hosting.Commands;

namespace Qwamos.Linking;

/// <summary>Every message of the log. The log itself escapes what comes from outside.</summary>
internal sealed partial class LogMessages(ILogger logger) : IStartLog
{
    [LoggerMessage(1, LogLevel.Information, "key {Fingerprint}")]
    public partial void Key(string fingerprint);

    [LoggerMessage(2, LogLevel.Information, "Landlock: {What}")]
    public partial void Confined(string what);

    [LoggerMessage(3, LogLevel.Information, "link of {Peer}: {From} to {To}")]
    public partial void Serves(string peer, string from, string to);

    [LoggerMessage(4, LogLevel.Information, "ready")]
    public partial void Ready();

    [LoggerMessage(5, LogLevel.Information, "stopped")]
    public partial void Stopped();

    [LoggerMessage(6, LogLevel.Error, "does not start: {Reason}")]
    public partial void DoesNotStart(string reason);

    [LoggerMessage(10, LogLevel.Information, "{Peer} is connected")]
    public partial void Connected(string peer);

    [LoggerMessage(11, LogLevel.Warning, "no connection with {Peer}: {Reason}")]
    public partial void Refused(string peer, string reason);

    [LoggerMessage(12, LogLevel.Warning, "the connection with {Peer} is cut: {Reason}")]
    public partial void Cut(string peer, string reason);
}
