using System.Buffers.Binary;
using System.Net.Sockets;

namespace Qwamos.ControlBus.Hosting.Listening;

/// <summary>Who connected, as the kernel noted it at connect (SO_PEERCRED); never looked up by process ID later.</summary>
public readonly record struct PeerCredentials(uint Uid, uint Gid, int Pid)
{
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

    private static int Native(ReadOnlySpan<byte> bytes) =>
        BitConverter.IsLittleEndian ? BinaryPrimitives.ReadInt32LittleEndian(bytes) : BinaryPrimitives.ReadInt32BigEndian(bytes);
}
