using System.Buffers.Binary;
using System.Globalization;
using System.Net.Sockets;

namespace Qwamos.ControlBus.Hosting.Listening;

/// <summary>Who connected, as the kernel noted it at connect (SO_PEERCRED); never looked up by process ID later.</summary>
public readonly record struct PeerCredentials(uint Uid, uint Gid, int Pid)
{
    /// <summary>Who comes over a link that the kernel knows nobody at the other end of: no user has these numbers.</summary>
    public static PeerCredentials OverLink { get; } = new(uint.MaxValue, uint.MaxValue, 0);

    private const int SolSocket = 1;
    private const int SoPeerCred = 17;
    private const int UcredBytes = 12;

    /// <summary>Asks the kernel who is at the other end of a connected Unix socket.</summary>
    /// <exception cref="SocketException">The socket is not a connected Unix socket.</exception>
    public static PeerCredentials Of(Socket socket)
    {
        ArgumentNullException.ThrowIfNull(socket);
        Span<byte> ucred = stackalloc byte[UcredBytes];
        int length = socket.GetRawSocketOption(SolSocket, SoPeerCred, ucred);
        if (length != UcredBytes)
            throw new SocketException((int)SocketError.NotSocket);
        int pid = Native(ucred);
        uint uid = unchecked((uint)Native(ucred[4..]));
        uint gid = unchecked((uint)Native(ucred[8..]));
        return new PeerCredentials(uid, gid, pid);
    }

    /// <summary><c>uid 1000</c>, or <c>the link</c>.</summary>
    public string Describe() => this == OverLink ? "the link" : string.Create(CultureInfo.InvariantCulture, $"uid {Uid}");

    private static int Native(ReadOnlySpan<byte> bytes) =>
        BitConverter.IsLittleEndian ? BinaryPrimitives.ReadInt32LittleEndian(bytes) : BinaryPrimitives.ReadInt32BigEndian(bytes);
}
