namespace Qwamos.ControlBus.Hosting.Running;

/// <summary>How log lines look on stderr.</summary>
public enum LogFormat
{
    /// <summary><c>2026-11-23T21:00:00Z info  message</c>.</summary>
    Text,

    /// <summary>One JSON object a line, with the message's values as members of their own.</summary>
    Json,
}
