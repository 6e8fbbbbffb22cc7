using System.ComponentModel;
using System.Runtime.InteropServices;

namespace Qwamos.Load;

/// <summary>
/// The few calls that the load is made of. A client costs the daemon's cores nothing that a system call does not cost: the framework's
/// sockets would add an engine of their own, with threads.
/// </summary>
internal static partial class Libc
{
    public const int EpollIn = 1;

    private const int UnixFamily = 1;
    private const int Stream = 1;
    private const int CloseOnExec = 0x80000;
    private const int NoSignal = 0x4000;
    private const int DoNotWait = 0x40;
    private const int EpollAdd = 1;
    private const int PathBytes = 108;
    private const int SetTimerSlack = 29;
    private const int Interrupted = 4;
    private const int WouldBlock = 11;

    /// <summary>A stream socket connected to <paramref name="path"/>, which blocks.</summary>
    public static int Connect(ReadOnlySpan<byte> path)
    {
        if (path.Length >= PathBytes)
            throw new ArgumentException("the socket's path is longer than the kernel takes", nameof(path));
        Span<byte> address = stackalloc byte[2 + PathBytes];
        address.Clear();
        address[0] = UnixFamily;
        path.CopyTo(address[2..]);
        int fd = Checked(Socket(UnixFamily, Stream | CloseOnExec, 0));
        Checked(ConnectTo(fd, address, 2 + path.Length + 1));
        return fd;
    }

    /// <summary>Sends all of it.</summary>
    public static void Send(int fd, ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
            bytes = bytes[(int)Checked(SendTo(fd, bytes, bytes.Length, NoSignal))..];
    }

    /// <summary>Bytes received, 0 at the end of the stream, -1 when there is nothing and <paramref name="wait"/> is false.</summary>
    public static int Receive(int fd, Span<byte> buffer, bool wait)
    {
        nint read = ReceiveFrom(fd, buffer, buffer.Length, wait ? 0 : DoNotWait);
        if (read < 0 && Marshal.GetLastPInvokeError() == WouldBlock)
            return -1;
        return (int)Checked(read);
    }

    public static void Close(int fd) => Checked(CloseDescriptor(fd));

    public static int NewEpoll() => Checked(EpollCreate(CloseOnExec));

    /// <summary>Lets <paramref name="epoll"/> tell, by <paramref name="number"/>, when there is something to read.</summary>
    public static void Watch(int epoll, int fd, int number)
    {
        var what = new EpollEvent { Events = EpollIn, Data = number };
        Checked(EpollControl(epoll, EpollAdd, fd, ref what));
    }

    /// <summary>How many of <paramref name="events"/> were filled; waits at most for the time given, or without end when it is negative.</summary>
    public static int Wait(int epoll, Span<EpollEvent> events, TimeSpan limit)
    {
        var time = new TimeSpec { Seconds = (long)limit.TotalSeconds, Nanoseconds = limit.Ticks % TimeSpan.TicksPerSecond * TimeSpan.NanosecondsPerTick };
        int ready = limit < TimeSpan.Zero
            ? EpollWait(epoll, events, events.Length, -1)
            : EpollWaitPrecisely(epoll, events, events.Length, ref time, 0);
        return ready < 0 && Marshal.GetLastPInvokeError() == Interrupted ? 0 : Checked(ready);
    }

    /// <summary>Lets this thread's waits end when they are due, not up to 50 microseconds later.</summary>
    public static void WakeOnTime() => Checked(Control(SetTimerSlack, 1, 0, 0, 0));

    private static int Checked(int result) => (int)Checked((nint)result);

    private static nint Checked(nint result) => result >= 0 ? result : throw new Win32Exception(Marshal.GetLastPInvokeError());

    [LibraryImport("libc", EntryPoint = "socket", SetLastError = true)]
    private static partial int Socket(int family, int type, int protocol);

    [LibraryImport("libc", EntryPoint = "connect", SetLastError = true)]
    private static partial int ConnectTo(int fd, ReadOnlySpan<byte> address, int length);

    [LibraryImport("libc", EntryPoint = "send", SetLastError = true)]
    private static partial nint SendTo(int fd, ReadOnlySpan<byte> bytes, nint length, int flags);

    [LibraryImport("libc", EntryPoint = "recv", SetLastError = true)]
    private static partial nint ReceiveFrom(int fd, Span<byte> buffer, nint length, int flags);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    private static partial int CloseDescriptor(int fd);

    [LibraryImport("libc", EntryPoint = "epoll_create1", SetLastError = true)]
    private static partial int EpollCreate(int flags);

    [LibraryImport("libc", EntryPoint = "epoll_ctl", SetLastError = true)]
    private static partial int EpollControl(int epoll, int operation, int fd, ref EpollEvent what);

    [LibraryImport("libc", EntryPoint = "epoll_wait", SetLastError = true)]
    private static partial int EpollWait(int epoll, Span<EpollEvent> events, int count, int milliseconds);

    [LibraryImport("libc", EntryPoint = "epoll_pwait2", SetLastError = true)]
    private static partial int EpollWaitPrecisely(int epoll, Span<EpollEvent> events, int count, ref TimeSpec limit, nint signals);

    [LibraryImport("libc", EntryPoint = "prctl", SetLastError = true)]
    private static partial int Control(int option, nint a, nint b, nint c, nint d);

    /// <summary>The kernel's epoll_event, which is packed on x86-64.</summary>
    [StructLayout(LayoutKind.Sequential, Pack = 4)]
    public struct EpollEvent
    {
        public int Events;
        public long Data;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct TimeSpec
    {
        public long Seconds;
        public long Nanoseconds;
    }
}
