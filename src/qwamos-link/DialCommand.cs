using System.CommandLine;
using System.Net.Sockets;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Hosting.Commands;
using Qwamos.ControlBus.Policy;

namespace Qwamos.Linking;

/// <summary><c>qwamos-link dial</c>: in Dom0, a Unix socket for each domain whose link is TLS; the courier connects to it, and this connects out.</summary>
internal static class DialCommand
{
    public static Command Create()
    {
        var command = new Command("dial", "In Dom0: serve a socket for each domain of domains.json whose link is TLS, and connect out for who connects to it.");
        command.SetAction(DaemonCommandLine.Under((parsed, paths) => LinkService.RunAsync(parsed, paths, service => Task.FromResult(Prepare(service)))));
        return command;
    }

    private static string? Prepare(LinkService service)
    {
        SystemPaths paths = service.Paths;
        if (!PolicySchema.TryLoadFor(paths, out PolicySchema? schema, out string? fault) || !DaemonConfig.TryLoad(paths, schema, out DaemonConfig? config, out fault))
            return fault;
        List<GatewayEntry> domains = [.. config.Gateways.Where(domain => domain.Link.Kind is LinkKind.Tls or LinkKind.TlsUnix)];
        foreach (GatewayEntry domain in domains)
        {
            if (service.AddUnix(domain.Name, domain.DialPath, domain.Link.ToString(), listener => new Door(domain.Name, listener, OpenAsync, service.Gate, service.Time, service.Log)) is { } why)
                return why;

            async Task<((System.Net.Security.SslStream, string), Stream)> OpenAsync(Socket accepted, CancellationToken limit)
            {
                NetworkStream wire = await Sockets.ConnectAsync(domain.Link, limit).ConfigureAwait(false);
                return (await service.Gate.DialAsync(wire, domain.Name, limit).ConfigureAwait(false), new NetworkStream(accepted));
            }
        }

        return domains.Count == 0 ? $"{SafeText.ForTerminal(paths.DomainsConfigFile)} names no domain with a link tls:HOST:PORT or tls+unix:PATH" : null;
    }
}
