namespace Qwamos.Load;

/// <summary>When a request leaves.</summary>
internal enum Pace
{
    /// <summary>When the one before was answered, over a connection of its own. Closed loop: a slow server is asked less.</summary>
    Connection,

    /// <summary>As soon as the connection, which is kept, has fewer unanswered than its window. Closed loop.</summary>
    Kept,

    /// <summary>When its time has come, whatever the server does. Latency counts from that time, sent or not: no coordinated omission.</summary>
    OpenLoop,
}
