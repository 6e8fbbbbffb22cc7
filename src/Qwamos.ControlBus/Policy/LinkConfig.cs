using System.Diagnostics.CodeAnalysis;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Json;

namespace Qwamos.ControlBus.Policy;

/// <summary>link.json: where <c>qwamos-link serve</c> awaits Dom0 in a VM, and the domain's socket to which it carries what comes. Unknown members stop the start. Immutable.</summary>
/// <param name="Listen">TLS, over TCP or over a Unix socket.</param>
/// <param name="To">The domain's Unix socket.</param>
public sealed record LinkConfig(LinkAddress Listen, LinkAddress To)
{
    private const string UsualSocket = "unix:/run/qwamos/gateway-bus.sock";

    public static bool TryLoad(SystemPaths paths, [NotNullWhen(true)] out LinkConfig? config, out string fault)
    {
        ArgumentNullException.ThrowIfNull(paths);
        config = null;
        var file = paths.LinkConfigFile;
        if (!TrustedDocument.TryRead(file, paths, Limits.MaxConfigFileBytes, out var document, out fault))
            return false;
        var reader = new MemberReader(document, file);
        if (!LinkAddress.TryParse(reader.Text("listen", LinkAddress.MaxChars), out var listen, out _) || listen.Kind is not (LinkKind.Tls or LinkKind.TlsUnix))
            reader.Refuse($"{file}: listen must be tls:HOST:PORT or tls+unix:PATH");
        if (!LinkAddress.TryParse(reader.TextIfPresent("to", LinkAddress.MaxChars) ?? UsualSocket, out var to, out _) || to.Kind != LinkKind.Unix)
            reader.Refuse($"{file}: to must be unix:PATH, the socket of this machine's domain");
        if (reader.Finish(out fault))
            config = new LinkConfig(listen!.Under(paths), to!.Under(paths));
        return config is not null;
    }
}
