namespace Qwamos.ControlBus.Hosting.Listening;

/// <summary>What a listener gives its requests to.</summary>
public interface IRequestHandler
{
    /// <summary>Longest frame that it takes.</summary>
    int MaxFrameBytes => Limits.MaxRequestBytes;

    /// <summary>
    /// Takes one framed request. Called on the connection's reading thread, in the order received, one at a time for a connection;
    /// it must not block. Every request is answered exactly once, from any thread.
    /// </summary>
    /// <param name="frame">The exact bytes of the object, from <c>{</c> to its <c>}</c>; valid during the call only.</param>
    void Handle(BusRequest request, ReadOnlyMemory<byte> frame);

    /// <summary>The answer line to bytes that are no request: too long, or not JSON. It is sent once, then the connection closes.</summary>
    ReadOnlyMemory<byte> Refuse(FramingFault fault, string reason, PeerCredentials peer);
}
