using System.Globalization;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Qwamos.SystemTests.Harness;

/// <summary>Dom0's side of a virtio-serial port, written from docs/formats/links.md alone.</summary>
internal sealed class FramedClient : IDisposable
{
    private readonly Socket _socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified) { ReceiveTimeout = 60_000 };
    private readonly string _session = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8));

    public FramedClient(string path)
    {
        _socket.Connect(new UnixDomainSocketEndPoint(path));
        Send('H', "qwamos-link/1");
        while (Next() is not ('W', _))
        {
        }
    }

    public JsonElement Ask(string request)
    {
        Send('D', request);
        var answer = new StringBuilder();
        while (answer.Length == 0 || answer[^1] != '\n')
        {
            (char kind, string payload) = Next();
            if (kind == 'E')
                throw new EndOfStreamException("the machine ended the session");
            answer.Append(payload);
        }

        using var document = JsonDocument.Parse(answer.ToString());
        return document.RootElement.Clone();
    }

    public void Send(char kind, string payload, int? cutAfter = null)
    {
        byte[] frame = [0xFF, .. Encoding.UTF8.GetBytes($"{kind}{_session}{payload.Length.ToString("x4", CultureInfo.InvariantCulture)}{payload}")];
        _socket.Send(frame.AsSpan(0, cutAfter ?? frame.Length));
    }

    public void Dispose() => _socket.Dispose();

    /// <summary>The next frame of this session.</summary>
    private (char Kind, string Payload) Next()
    {
        while (true)
        {
            while (ReadByte() != 0xFF)
            {
            }

            char kind = (char)ReadByte();
            string session = Text(16);
            string payload = Text(int.Parse(Text(4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture));
            if (session == _session)
                return (kind, payload);
        }
    }

    private string Text(int length)
    {
        byte[] bytes = new byte[length];
        for (int i = 0; i < length; i++)
            bytes[i] = ReadByte();
        return Encoding.UTF8.GetString(bytes);
    }

    private byte ReadByte()
    {
        Span<byte> one = stackalloc byte[1];
        return _socket.Receive(one) == 1 ? one[0] : throw new EndOfStreamException("the machine closed the link");
    }
}
