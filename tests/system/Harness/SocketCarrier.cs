using System.Net.Sockets;

namespace Qwamos.SystemTests.Harness;

/// <summary>What carries a Unix socket on to another machine, as ssh or qrexec do: for each connection at one path there is one to another path. It keeps the bytes that went either way.</summary>
internal sealed class SocketCarrier : IDisposable
{
    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly string _to;
    private readonly Lock _turn = new();
    private readonly List<Socket> _open = [];
    private readonly List<byte> _carried = [];

    public SocketCarrier(string from, string to)
    {
        _to = to;
        _listener.Bind(new UnixDomainSocketEndPoint(from));
        _listener.Listen(8);
        _ = AcceptAsync();
    }

    /// <summary>What was carried so far, both ways together, in the order in which it came.</summary>
    public byte[] Carried
    {
        get { lock (_turn) return [.. _carried]; }
    }

    /// <summary>Ends the connections that there are; new ones are carried.</summary>
    public void Drop()
    {
        lock (_turn)
        {
            foreach (Socket socket in _open)
                socket.Dispose();
            _open.Clear();
        }
    }

    public void Dispose()
    {
        _listener.Dispose();
        Drop();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                Socket near = await _listener.AcceptAsync();
                var far = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                lock (_turn)
                    _open.AddRange([near, far]);
                await far.ConnectAsync(new UnixDomainSocketEndPoint(_to));
                _ = PumpAsync(near, far);
                _ = PumpAsync(far, near);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The test is over, or nobody listens there: what follows is not carried.
        }
    }

    private async Task PumpAsync(Socket from, Socket to)
    {
        byte[] buffer = new byte[16_384];
        try
        {
            for (int read = await from.ReceiveAsync(buffer); read > 0; read = await from.ReceiveAsync(buffer))
            {
                lock (_turn)
                    _carried.AddRange(buffer.AsSpan(0, read));
                for (int sent = 0; sent < read;)
                    sent += await to.SendAsync(buffer.AsMemory(sent, read - sent));
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // One side is gone, and so the other one goes.
        }
        from.Dispose();
        to.Dispose();
    }
}
