namespace Qwamos.ControlBus.Json;

/// <summary>What a framer says after some bytes.</summary>
public enum FrameStatus
{
    /// <summary>The request has not ended (or not begun).</summary>
    NeedMore = 0,

    /// <summary>The request ends with the last byte taken.</summary>
    Complete,

    /// <summary>The request is longer than 61,440 bytes: `too_large`, and the connection is over.</summary>
    TooLarge,

    /// <summary>This is no request: `bad_json`, and the connection is over.</summary>
    Bad,
}
