namespace Qwamos.ControlBus.Hosting.Running;

/// <summary>How log lines look, and where they go.</summary>
public enum LogFormat
{
    /// <summary><see cref="Journal"/> where stderr is connected to it, else <see cref="Text"/>.</summary>
    Auto,

    /// <summary><c>2026-11-23T21:00:00Z info  message</c>, on stderr.</summary>
    Text,

    /// <summary>One JSON object a line, with the message's values as members of their own, on stderr.</summary>
    Json,

    /// <summary>An entry of systemd's journal, with the message's values as fields of their own.</summary>
    Journal,
}
