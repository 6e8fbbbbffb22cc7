namespace Qwamos.ControlBus.Policy;

/// <summary>What carries the bytes between Dom0 and a domain. There is no plain TCP.</summary>
public enum LinkKind
{
    /// <summary><c>unix:PATH</c>: a Unix socket.</summary>
    Unix,

    /// <summary><c>virtio:PATH</c>: a virtio-serial port, in frames (docs/formats/links.md).</summary>
    Virtio,

    /// <summary><c>tls:HOST:PORT</c>: TLS 1.3 with pinned keys, over TCP.</summary>
    Tls,

    /// <summary><c>tls+unix:PATH</c>: the same over a Unix socket, which something else carries on.</summary>
    TlsUnix,
}
