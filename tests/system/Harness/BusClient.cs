using System.Net.Sockets;
using System.Text;
using System.Text.Json;

namespace Qwamos.SystemTests.Harness;

/// <summary>A raw connection to a bus socket: sends any bytes, reads answer lines.</summary>
internal sealed class BusClient : IDisposable
{
    private readonly Socket _socket;
    private readonly List<byte> _pending = [];

    private BusClient(Socket socket) => _socket = socket;

    public Socket Socket => _socket;

    public static BusClient Connect(string path)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified) { ReceiveTimeout = 30_000, SendTimeout = 30_000 };
        socket.Connect(new UnixDomainSocketEndPoint(path));
        return new BusClient(socket);
    }

    public void Send(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
            bytes = bytes[_socket.Send(bytes)..];
    }

    public void Send(string text) => Send(Encoding.UTF8.GetBytes(text));

    public void EndSending() => _socket.Shutdown(SocketShutdown.Send);

    /// <summary>The next answer line, or null at the end of the stream.</summary>
    public string? ReadLine()
    {
        byte[] buffer = new byte[65_536];
        while (true)
        {
            int newline = _pending.IndexOf((byte)'\n');
            if (newline >= 0)
            {
                string line = Encoding.UTF8.GetString(_pending.GetRange(0, newline).ToArray());
                _pending.RemoveRange(0, newline + 1);
                return line;
            }

            int read = ReadOrEnd(buffer);
            if (read == 0)
                return null;
            _pending.AddRange(buffer.AsSpan(0, read));
        }
    }

    public JsonElement Read()
    {
        string line = ReadLine() ?? throw new EndOfStreamException("The daemon closed the connection without an answer.");
        using var document = JsonDocument.Parse(line);
        return document.RootElement.Clone();
    }

    /// <summary>One request, one answer.</summary>
    public JsonElement Ask(ReadOnlySpan<byte> request)
    {
        Send(request);
        return Read();
    }

    public void Dispose() => _socket.Dispose();

    private int ReadOrEnd(byte[] buffer)
    {
        try
        {
            return _socket.Receive(buffer);
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.ConnectionReset)
        {
            return 0;
        }
    }
}
