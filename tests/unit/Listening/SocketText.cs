using System.Net.Sockets;
using System.Text;

namespace Qwamos.ControlBus.Tests.Listening;

/// <summary>Text over a raw socket.</summary>
internal static class SocketText
{
    public static void SendText(this Socket socket, string text) => SendAll(socket, Encoding.UTF8.GetBytes(text));

    public static void SendAll(this Socket socket, ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
            bytes = bytes[socket.Send(bytes)..];
    }

    /// <summary>The next line without its newline; null at the end of the stream.</summary>
    public static string? ReadLine(this Socket socket)
    {
        var line = new List<byte>();
        byte[] one = new byte[1];
        while (true)
        {
            int read;
            try
            {
                read = socket.Receive(one);
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionReset)
            {
                read = 0;
            }
            if (read == 0)
                return line.Count == 0 ? null : throw new EndOfStreamException("half a line: " + Encoding.UTF8.GetString([.. line]));
            if (one[0] == '\n')
                return Encoding.UTF8.GetString([.. line]);
            line.Add(one[0]);
        }
    }
}
