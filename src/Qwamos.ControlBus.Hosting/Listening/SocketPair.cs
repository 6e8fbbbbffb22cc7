using System.Net.Sockets;
using System.Runtime.InteropServices;
using Qwamos.ControlBus.Hosting.Running;

namespace Qwamos.ControlBus.Hosting.Listening;

/// <summary>Two connected Unix stream sockets without a path (socketpair(2)), which .NET has not.</summary>
internal static class SocketPair
{
    /// <exception cref="IOException">The process may open no more files.</exception>
    public static (Socket One, Socket Other) Create()
    {
        Span<int> descriptors = stackalloc int[2];
        if (Libc.SocketPair(Libc.AfUnix, Libc.SockStreamCloseOnExec, 0, descriptors) != 0)
            throw new IOException($"socketpair: {Marshal.GetLastPInvokeErrorMessage()}");
        return (new Socket(new SafeSocketHandle(descriptors[0], ownsHandle: true)), new Socket(new SafeSocketHandle(descriptors[1], ownsHandle: true)));
    }
}
