using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;
using Qwamos.ControlBus.Files;

namespace Qwamos.Client.Talking;

/// <summary>
/// A connection to a Unix stream socket, by the system calls themselves. The framework's sockets start a thread that waits for events as soon as there is one,
/// which takes longer than all that is sent here. Failures are <see cref="PosixException"/>; <see cref="PosixException.EAGAIN"/> is a time that has passed.
/// </summary>
internal sealed unsafe partial class UnixSocket : IDisposable
{
    // The same numbers on x86-64 and arm64.
    private const int AF_UNIX = 1;
    private const int SOCK_STREAM = 1;
    private const int SOCK_CLOEXEC = 0x80000;
    private const int SOL_SOCKET = 1;
    private const int SO_PEERCRED = 17;
    private const int SO_RCVTIMEO = 20;
    private const int SO_SNDTIMEO = 21;
    private const int MSG_NOSIGNAL = 0x4000;

    private readonly SafeFileHandle _socket;
    private readonly string _path;

    /// <param name="path">At most <see cref="ControlBus.Limits.MaxUnixPathBytes"/> bytes.</param>
    /// <param name="patienceMilliseconds">How long connecting may take, and each sending.</param>
    public UnixSocket(string path, int patienceMilliseconds)
    {
        _path = path;
        _socket = Open(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        try
        {
            if (_socket.IsInvalid)
                throw Fault("socket");
            SetPatience(SO_SNDTIMEO, patienceMilliseconds);
            Connect();
        }
        catch
        {
            _socket.Dispose();
            throw;
        }
    }

    public void Dispose() => _socket.Dispose();

    /// <summary>Who listens, by the kernel's word.</summary>
    public uint PeerUid
    {
        get
        {
            // struct ucred: process, user, group.
            Span<uint> peer = stackalloc uint[3];
            var length = (uint)(peer.Length * sizeof(uint));
            return GetOption(_socket, SOL_SOCKET, SO_PEERCRED, peer, ref length) == 0 ? peer[1] : throw Fault("getsockopt");
        }
    }

    public void Send(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            var sent = Send(_socket, bytes, (nuint)bytes.Length, MSG_NOSIGNAL);
            if (sent >= 0)
                bytes = bytes[(int)sent..];
            else if (Fault("send") is { Errno: not PosixException.EINTR } fault)
                throw fault;
        }
    }

    /// <summary>Waits for bytes; 0 when the other side has closed.</summary>
    public int Receive(Span<byte> buffer, int patienceMilliseconds)
    {
        SetPatience(SO_RCVTIMEO, patienceMilliseconds);
        while (true)
        {
            var received = Receive(_socket, buffer, (nuint)buffer.Length, 0);
            if (received >= 0)
                return (int)received;
            if (Fault("recv") is { Errno: not PosixException.EINTR } fault)
                throw fault;
        }
    }

    private void Connect()
    {
        // struct sockaddr_un: the family, and the path up to a zero byte.
        Span<byte> address = stackalloc byte[sizeof(ushort) + ControlBus.Limits.MaxUnixPathBytes + 1];
        address.Clear();
        MemoryMarshal.Write(address, (ushort)AF_UNIX);
        Encoding.UTF8.GetBytes(_path, address[sizeof(ushort)..^1]);
        while (Connect(_socket, address, (uint)address.Length) != 0)
        {
            if (Fault("connect") is { Errno: not PosixException.EINTR } fault)
                throw fault;
        }
    }

    private void SetPatience(int option, int milliseconds)
    {
        Span<nint> time = [milliseconds / 1000, milliseconds % 1000 * 1000];
        if (SetOption(_socket, SOL_SOCKET, option, time, (uint)(time.Length * sizeof(nint))) != 0)
            throw Fault("setsockopt");
    }

    private PosixException Fault(string call) => new(call, _path, Marshal.GetLastPInvokeError());

    [LibraryImport("libc", EntryPoint = "socket", SetLastError = true)]
    private static partial SafeFileHandle Open(int family, int type, int protocol);

    [LibraryImport("libc", EntryPoint = "connect", SetLastError = true)]
    private static partial int Connect(SafeFileHandle socket, ReadOnlySpan<byte> address, uint length);

    [LibraryImport("libc", EntryPoint = "setsockopt", SetLastError = true)]
    private static partial int SetOption(SafeFileHandle socket, int level, int option, ReadOnlySpan<nint> value, uint length);

    [LibraryImport("libc", EntryPoint = "getsockopt", SetLastError = true)]
    private static partial int GetOption(SafeFileHandle socket, int level, int option, Span<uint> value, ref uint length);

    [LibraryImport("libc", EntryPoint = "send", SetLastError = true)]
    private static partial nint Send(SafeFileHandle socket, ReadOnlySpan<byte> bytes, nuint count, int flags);

    [LibraryImport("libc", EntryPoint = "recv", SetLastError = true)]
    private static partial nint Receive(SafeFileHandle socket, Span<byte> buffer, nuint count, int flags);
}
