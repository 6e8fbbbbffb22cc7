namespace Qwamos.Load;

/// <summary>What a piece of what the server sent means.</summary>
internal enum Outcome
{
    /// <summary>Nothing for a request: it belongs to the protocol.</summary>
    None,

    /// <summary>The oldest request that waits was done.</summary>
    Accepted,

    /// <summary>The oldest request that waits was refused.</summary>
    Refused,
}
