using System.Collections.Concurrent;
using System.Net.Sockets;
using System.Text;

namespace Qwamos.ControlBus.Tests.Delivery;

/// <summary>A gateway's socket that does what a test wants with each connection.</summary>
internal sealed class FakeGateway : IDisposable
{
    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly ConcurrentBag<Socket> _connections = [];
    private readonly Func<Socket, Task> _serve;

    public FakeGateway(string path, Func<Socket, Task> serve)
    {
        _serve = serve;
        _listener.Bind(new UnixDomainSocketEndPoint(path));
        _listener.Listen(16);
        _ = AcceptAsync();
    }

    /// <summary>A gateway that answers each request with the next text, the last one from then on.</summary>
    public static FakeGateway Answering(string path, ConcurrentQueue<string> received, params string[] answers)
    {
        int next = 0;
        return Answering(path, received, _ => answers[Math.Min(next++, answers.Length - 1)]);
    }

    /// <summary>One whose answer is made from the request.</summary>
    public static FakeGateway Answering(string path, ConcurrentQueue<string> received, Func<string, string> answer) => new(path, async socket =>
    {
        string request = await ReadLineAsync(socket);
        received.Enqueue(request);
        await socket.SendAsync(Encoding.UTF8.GetBytes(answer(request)));
        socket.Dispose();
    });

    /// <summary>How many connections came.</summary>
    public int Count => _connections.Count;

    public void Dispose()
    {
        _listener.Dispose();
        foreach (Socket connection in _connections)
            connection.Dispose();
    }

    private static async Task<string> ReadLineAsync(Socket socket)
    {
        var bytes = new List<byte>();
        var buffer = new byte[4096];
        while (bytes.Count == 0 || bytes[^1] != '\n')
        {
            int read = await socket.ReceiveAsync(buffer);
            if (read == 0)
                break;
            bytes.AddRange(buffer.AsSpan(0, read));
        }

        return Encoding.UTF8.GetString(bytes.ToArray()).TrimEnd('\n');
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                Socket connection = await _listener.AcceptAsync();
                _connections.Add(connection);
                _ = ServeAsync(connection);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    private async Task ServeAsync(Socket connection)
    {
        try
        {
            await _serve(connection);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The courier has had enough, or the test is over.
        }
    }
}
