using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;
using Qwamos.ControlBus;
using Qwamos.ControlBus.Files;

namespace Qwamos.Client.Holding;

/// <summary>
/// An agent's socket, by the system calls themselves: bound with mode 0600 in a folder of the user's own, and only then listening. A lock file beside it
/// says whether another agent lives; a dead one's socket is replaced.
/// </summary>
internal sealed partial class AgentSocket : IDisposable
{
    private const int AF_UNIX = 1;
    private const int SOCK_STREAM = 1;
    private const int SOCK_NONBLOCK = 0x800;
    private const int SOCK_CLOEXEC = 0x80000;
    private const int SOL_SOCKET = 1;
    private const int SO_PEERCRED = 17;
    private const int MSG_DONTWAIT = 0x40;
    private const int MSG_NOSIGNAL = 0x4000;
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const UnixFileMode OpenToOthers = (UnixFileMode)0x3F;

    private static readonly PathRules OwnFolder = new() { Kind = FileKind.Directory, MayBeOwn = true, MustBeOwn = true };

    private readonly FileLock held;
    private readonly SafeFileHandle socket;

    private AgentSocket(string path, FileLock held, SafeFileHandle socket)
    {
        Path = path;
        this.held = held;
        this.socket = socket;
    }

    public string Path { get; }

    public int Descriptor => (int)socket.DangerousGetHandle();

    /// <summary>Takes the path, whose folder is made when it is missing.</summary>
    public static bool TryListen(string path, [NotNullWhen(true)] out AgentSocket? listening, [NotNullWhen(false)] out string? fault)
    {
        listening = null;
        if (Encoding.UTF8.GetByteCount(path) > Limits.MaxUnixPathBytes)
        {
            fault = $"the agent's socket path {path} is longer than the {Limits.MaxUnixPathBytes} bytes that Unix sockets allow; use a shorter --home";
            return false;
        }
        FileLock? held = null;
        SafeFileHandle? socket = null;
        try
        {
            var folder = System.IO.Path.GetDirectoryName(path)!;
            if (Posix.IsAbsent(folder))
                DurableFile.MakeDirectory(folder, OwnerOnly | UnixFileMode.UserExecute);
            if (!SafePath.TryCheckOwn(folder, OwnFolder, out fault))
                return false;
            if (!FileLock.TryTake(path + ".lock", out held))
            {
                fault = $"another agent listens on {path}; it holds the key already, or stop it first";
                return false;
            }
            if (Posix.TryStat(path, out var stat) && stat.Kind != FileKind.Socket)
            {
                fault = $"{path} is not a socket; move it away";
                return false;
            }
            File.Delete(path);
            socket = Bind(path);
            listening = new AgentSocket(path, held, socket);
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            fault = $"the agent's socket cannot be made: {e.Message}";
            return false;
        }
        finally
        {
            if (listening is null)
            {
                socket?.Dispose();
                held?.Dispose();
            }
        }
    }

    /// <summary>A connection that waits, and who made it by the kernel's word; false when none does any more.</summary>
    public bool TryAccept([NotNullWhen(true)] out SafeFileHandle? connection, out int pid, out uint uid)
    {
        (pid, uid) = (0, uint.MaxValue);
        connection = Accept(socket, 0, 0, SOCK_NONBLOCK | SOCK_CLOEXEC);
        // struct ucred: process, user, group.
        Span<uint> peer = stackalloc uint[3];
        var length = (uint)(peer.Length * sizeof(uint));
        if (connection.IsInvalid || GetOption(connection, SOL_SOCKET, SO_PEERCRED, peer, ref length) != 0)
        {
            connection.Dispose();
            connection = null;
            return false;
        }
        (pid, uid) = ((int)peer[0], peer[1]);
        return true;
    }

    /// <summary>What has come: 0 when the other side has closed, null when nothing has.</summary>
    public static int? Receive(SafeFileHandle connection, Span<byte> buffer)
    {
        var received = Receive(connection, buffer, (nuint)buffer.Length, MSG_DONTWAIT);
        if (received >= 0)
            return (int)received;
        return Marshal.GetLastPInvokeError() is PosixException.EAGAIN or PosixException.EINTR ? null : 0;
    }

    /// <summary>Sends at once or not at all: an answer is far shorter than what a socket takes.</summary>
    public static void Send(SafeFileHandle connection, ReadOnlySpan<byte> bytes) =>
        _ = Send(connection, bytes, (nuint)bytes.Length, MSG_DONTWAIT | MSG_NOSIGNAL);

    public void Dispose()
    {
        socket.Dispose();
        try
        {
            File.Delete(Path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Nobody listens on it: the next agent replaces it.
        }
        held.Dispose();
    }

    private static SafeFileHandle Bind(string path)
    {
        var made = Open(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        try
        {
            Check(made.IsInvalid ? -1 : 0, "socket", path);
            Span<byte> address = stackalloc byte[sizeof(ushort) + Limits.MaxUnixPathBytes + 1];
            address.Clear();
            MemoryMarshal.Write(address, (ushort)AF_UNIX);
            Encoding.UTF8.GetBytes(path, address[sizeof(ushort)..^1]);
            var before = Posix.SetUmask(OpenToOthers | UnixFileMode.UserExecute);
            var bound = Bind(made, address, (uint)address.Length);
            var errno = Marshal.GetLastPInvokeError();
            _ = Posix.SetUmask(before);
            if (bound != 0)
                throw new PosixException("bind", path, errno);
            // Made so by the mask; the folder is this user's own, so that the path still names this socket.
            File.SetUnixFileMode(path, OwnerOnly);
            Check(Listen(made, Limits.MaxAgentConnections), "listen", path);
            return made;
        }
        catch
        {
            made.Dispose();
            throw;
        }
    }

    private static void Check(int result, string call, string path)
    {
        if (result != 0)
            throw new PosixException(call, path, Marshal.GetLastPInvokeError());
    }

    [LibraryImport("libc", EntryPoint = "socket", SetLastError = true)]
    private static partial SafeFileHandle Open(int family, int type, int protocol);

    [LibraryImport("libc", EntryPoint = "bind", SetLastError = true)]
    private static partial int Bind(SafeFileHandle socket, ReadOnlySpan<byte> address, uint length);

    [LibraryImport("libc", EntryPoint = "listen", SetLastError = true)]
    private static partial int Listen(SafeFileHandle socket, int waiting);

    [LibraryImport("libc", EntryPoint = "accept4", SetLastError = true)]
    private static partial SafeFileHandle Accept(SafeFileHandle socket, nint address, nint length, int flags);

    [LibraryImport("libc", EntryPoint = "getsockopt", SetLastError = true)]
    private static partial int GetOption(SafeFileHandle socket, int level, int option, Span<uint> value, ref uint length);

    [LibraryImport("libc", EntryPoint = "recv", SetLastError = true)]
    private static partial nint Receive(SafeFileHandle socket, Span<byte> buffer, nuint count, int flags);

    [LibraryImport("libc", EntryPoint = "send", SetLastError = true)]
    private static partial nint Send(SafeFileHandle socket, ReadOnlySpan<byte> bytes, nuint count, int flags);
}
