namespace Qwamos.ControlBus.Hosting.Listening;

/// <summary>Why bytes of a connection cannot be cut into requests any more.</summary>
public enum FramingFault
{
    /// <summary>Not JSON, too deep, or the stream ended inside a request: <c>bad_json</c>.</summary>
    NotJson,

    /// <summary>More than 61,440 bytes: <c>too_large</c>.</summary>
    TooLarge,
}
