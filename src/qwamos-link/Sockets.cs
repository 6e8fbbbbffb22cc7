using System.Net;
using System.Net.Sockets;
using Qwamos.ControlBus.Policy;

namespace Qwamos.Linking;

/// <summary>The sockets below the two ends.</summary>
internal static class Sockets
{
    /// <exception cref="SocketException">Nobody is there.</exception>
    public static async Task<NetworkStream> ConnectAsync(LinkAddress address, CancellationToken limit)
    {
        Socket socket = address.Kind == LinkKind.Tls
            ? new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true }
            : new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            if (address.Kind == LinkKind.Tls)
                await socket.ConnectAsync(address.Host, address.Port, limit).ConfigureAwait(false);
            else
                await socket.ConnectAsync(new UnixDomainSocketEndPoint(address.Path), limit).ConfigureAwait(false);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Listens at a TCP address of this machine.</summary>
    /// <exception cref="SocketException">The name or the port is not this machine's to use.</exception>
    public static async Task<Socket> ListenAsync(string host, int port, int backlog)
    {
        IPAddress address = (await Dns.GetHostAddressesAsync(host).ConfigureAwait(false))[0];
        var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            socket.Bind(new IPEndPoint(address, port));
            socket.Listen(backlog);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
