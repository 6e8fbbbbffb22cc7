using System.CommandLine;
using System.Net.Security;
using System.Net.Sockets;
using Qwamos.ControlBus.Hosting.Commands;
using Qwamos.ControlBus.Policy;

namespace Qwamos.Linking;

/// <summary><c>qwamos-link serve</c>: in a VM, awaits Dom0 and carries what it sends to the domain's own socket.</summary>
internal static class ServeCommand
{
    private const string Peer = DaemonConfig.Dom0;

    public static Command Create()
    {
        var command = new Command("serve", "In a VM: await Dom0 where link.json says, and carry what it sends to the domain's socket.");
        command.SetAction(DaemonCommandLine.Under((parsed, paths) => LinkService.RunAsync(parsed, paths, PrepareAsync)));
        return command;
    }

    private static async Task<string?> PrepareAsync(LinkService service)
    {
        var pins = new Pins(service.Paths);
        if (!LinkConfig.TryLoad(service.Paths, out LinkConfig? config, out string fault))
            return fault;
        if (config.Listen.Kind == LinkKind.TlsUnix)
            return service.AddUnix(Peer, config.Listen.Path, config.To.ToString(), Make);
        service.Add(Peer, config.Listen.ToString(), config.To.ToString(), await Sockets.ListenAsync(config.Listen.Host, config.Listen.Port, LinkService.Backlog), Make);
        return null;

        Door Make(Socket listener) => new(Peer, listener, OpenAsync, pins.FaultOf, service.Time, service.Log);

        async Task<((SslStream, string), Stream)> OpenAsync(Socket accepted, CancellationToken limit)
        {
            // Nothing is opened here for who is not believed.
            (SslStream Stream, string Fingerprint) tls = await service.Gate.ServeAsync(new NetworkStream(accepted), pins.FaultOf, limit).ConfigureAwait(false);
            try
            {
                return (tls, await Sockets.ConnectAsync(config.To, limit).ConfigureAwait(false));
            }
            catch
            {
                await tls.Stream.DisposeAsync().ConfigureAwait(false);
                throw;
            }
        }
    }
}
