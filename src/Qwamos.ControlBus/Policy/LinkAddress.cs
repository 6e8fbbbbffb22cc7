using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using System.Text;
using Qwamos.ControlBus.Files;

namespace Qwamos.ControlBus.Policy;

/// <summary>
/// Where a domain is reached, in the one syntax that every configuration has for it: <c>unix:PATH</c>, <c>virtio:PATH</c>, <c>tls:HOST:PORT</c>,
/// <c>tls+unix:PATH</c> (docs/formats/links.md). Immutable.
/// </summary>
public sealed record LinkAddress
{
    /// <summary>The forms, for who wrote another one.</summary>
    public const string Forms = "unix:PATH, virtio:PATH, tls:HOST:PORT or tls+unix:PATH";

    /// <summary>Longest address, in characters: that of the longest host name with its port, or of the longest path.</summary>
    public const int MaxChars = 300;

    private const int MaxHostChars = 253;
    private const int MaxPort = 65_535;

    private LinkAddress(LinkKind kind, string path, string host, int port) => (Kind, Path, Host, Port) = (kind, path, host, port);

    public LinkKind Kind { get; }

    /// <summary>Whether it is carried over TLS.</summary>
    public bool IsTls => Kind is LinkKind.Tls or LinkKind.TlsUnix;

    /// <summary>The absolute path of a socket or a port; empty for <see cref="LinkKind.Tls"/>.</summary>
    public string Path { get; }

    /// <summary>A name or an IP address, without the brackets of IPv6; empty but for <see cref="LinkKind.Tls"/>.</summary>
    public string Host { get; }

    /// <summary>1 to 65,535; 0 but for <see cref="LinkKind.Tls"/>.</summary>
    public int Port { get; }

    public static LinkAddress Unix(string path) => new(LinkKind.Unix, path, "", 0);

    /// <summary>Reads one address; a fault is one clause that names the forms.</summary>
    public static bool TryParse(string text, [NotNullWhen(true)] out LinkAddress? address, [NotNullWhen(false)] out string? fault)
    {
        ArgumentNullException.ThrowIfNull(text);
        address = null;
        fault = $"a link is {Forms}, of at most {MaxChars} characters";
        if (text.Length > MaxChars || text.IndexOf(':', StringComparison.Ordinal) is var colon && colon < 0)
            return false;
        var rest = text[(colon + 1)..];
        switch (text[..colon])
        {
            case "unix":
                return TryReadPath(LinkKind.Unix, rest, out address, out fault);
            case "virtio":
                return TryReadPath(LinkKind.Virtio, rest, out address, out fault);
            case "tls+unix":
                return TryReadPath(LinkKind.TlsUnix, rest, out address, out fault);
            case "tls":
                return TryReadHost(rest, out address, out fault);
            default:
                return false;
        }
    }

    /// <summary>The same with its path under the root of a trial.</summary>
    public LinkAddress Under(SystemPaths paths)
    {
        ArgumentNullException.ThrowIfNull(paths);
        return Kind == LinkKind.Tls ? this : new LinkAddress(Kind, paths.At(Path), "", 0);
    }

    /// <summary>As it is written.</summary>
    public override string ToString() => Kind switch
    {
        LinkKind.Unix => $"unix:{Path}",
        LinkKind.Virtio => $"virtio:{Path}",
        LinkKind.TlsUnix => $"tls+unix:{Path}",
        _ => (Host.Contains(':', StringComparison.Ordinal) ? $"tls:[{Host}]:" : $"tls:{Host}:") + Port.ToString(CultureInfo.InvariantCulture),
    };

    private static bool TryReadPath(LinkKind kind, string path, [NotNullWhen(true)] out LinkAddress? address, [NotNullWhen(false)] out string? fault)
    {
        var fits = Encoding.UTF8.GetByteCount(path) <= Limits.MaxUnixPathBytes;
        fault = !path.StartsWith('/') || path.Any(char.IsControl) ? "the link's path must be an absolute path without control characters"
            : fits ? null
            : $"the link's path has more than {Limits.MaxUnixPathBytes} bytes: {SafeText.ForTerminal(path)}";
        address = fault is null ? new LinkAddress(kind, path, "", 0) : null;
        return fault is null;
    }

    private static bool TryReadHost(string text, [NotNullWhen(true)] out LinkAddress? address, [NotNullWhen(false)] out string? fault)
    {
        address = null;
        fault = "tls: is followed by a host name, an IPv4 address or an IPv6 address in brackets, a colon, and a port from 1 to 65535";
        var colon = text.LastIndexOf(':');
        if (colon < 1 || !int.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port) || port is 0 or > MaxPort || text[colon + 1] == '0')
            return false;
        var host = text[..colon];
        var isBracketed = host is ['[', .., ']'];
        if (isBracketed)
            host = host[1..^1];
        if (isBracketed ? !IsIPv6(host) : !IsName(host))
            return false;
        (address, fault) = (new LinkAddress(LinkKind.Tls, "", host, port), null);
        return true;
    }

    private static bool IsIPv6(string host) =>
        host.Contains(':', StringComparison.Ordinal) && !host.Contains('%', StringComparison.Ordinal) && IPAddress.TryParse(host, out var parsed) && parsed.ToString() == host;

    private static bool IsName(string host) => host.Length is > 0 and <= MaxHostChars && char.IsAsciiLetterOrDigit(host[0])
        && host.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-');
}
