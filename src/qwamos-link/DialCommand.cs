using System.CommandLine;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Hosting.Commands;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Policy;

namespace Qwamos.Linking;

/// <summary><c>qwamos-link dial</c>: in Dom0, a Unix socket for each domain whose link is TLS; the courier connects to it, and this connects out.</summary>
internal static class DialCommand
{
    /// <summary>Of what the courier is told, and shows in status.</summary>
    private const int MaxReasonCodePoints = 600;

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
        List<GatewayEntry> domains = [.. config.Gateways.Where(domain => domain.Link.IsTls)];
        foreach (GatewayEntry domain in domains)
        {
            // The courier ends it by itself when the key is believed no more.
            if (service.AddUnix(domain.Name, domain.DialPath, domain.Link.ToString(), listener => new Door(domain.Name, listener, OpenAsync, _ => null, service.Time, service.Log)) is { } why)
                return why;

            Task<((SslStream, string), Stream)> OpenAsync(Socket accepted, CancellationToken limit) => DialAsync(service.Gate, domain, new NetworkStream(accepted), limit);
        }

        return domains.Count == 0 ? $"{SafeText.ForTerminal(paths.DomainsConfigFile)} names no domain with a link tls:HOST:PORT or tls+unix:PATH" : null;
    }

    /// <summary>Who connects says whose key the other end must show; it is told that it is connected, or why not.</summary>
    private static async Task<((SslStream, string), Stream)> DialAsync(TlsGate gate, GatewayEntry domain, NetworkStream courier, CancellationToken limit)
    {
        byte[] line = new byte[Pins.FingerprintChars + 1];
        await courier.ReadExactlyAsync(line, limit).ConfigureAwait(false);
        string believed = Encoding.ASCII.GetString(line, 0, Pins.FingerprintChars);
        if (line[^1] != '\n' || !Pins.IsFingerprint(believed))
            throw new IOException("who connected names no fingerprint: it must be an older courier");
        SslStream? tls = null;
        try
        {
            NetworkStream wire = await Sockets.ConnectAsync(domain.Link, limit).ConfigureAwait(false);
            (tls, string fingerprint) = await gate.DialAsync(wire, FaultOf, limit).ConfigureAwait(false);
            await courier.WriteAsync("ok\n"u8.ToArray(), limit).ConfigureAwait(false);
            return ((tls, fingerprint), courier);
        }
        catch (Exception e) when (e is IOException or SocketException or OperationCanceledException)
        {
            if (tls is not null)
                await tls.DisposeAsync().ConfigureAwait(false);
            string why = e is OperationCanceledException ? $"{domain.Link} does not answer" : e.Message;
            // Not under the limit, which may be what is over; the socket's own buffer takes the line.
            await courier.WriteAsync(Encoding.UTF8.GetBytes(SafeText.ForTerminal(CodePoints.Take(why, MaxReasonCodePoints)) + "\n"), CancellationToken.None).ConfigureAwait(false);
            throw;
        }

        string? FaultOf(string fingerprint) => fingerprint == believed ? null
            : $"{domain.Link} shows the key {fingerprint}, and an operator vouched for {believed}: where qwamos-link fingerprint prints the first one in the domain itself, qwamosctl domains enroll {domain.Name} --tls-key {fingerprint}";
    }
}
