namespace Qwamos.ControlBus.Hosting.Linking;

/// <summary>What a frame says; the value is its letter on the link.</summary>
public enum LinkFrameKind : byte
{
    /// <summary>Dom0 begins a session; what was before is over.</summary>
    Hello = (byte)'H',

    /// <summary>The domain has begun it, too.</summary>
    Welcome = (byte)'W',

    /// <summary>Bytes of the session.</summary>
    Data = (byte)'D',

    /// <summary>The session is over.</summary>
    End = (byte)'E',
}
