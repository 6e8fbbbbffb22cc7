using System.Runtime.InteropServices;

namespace Qwamos.ControlBus.Hosting.Running;

/// <summary>The few calls of a daemon's start that neither .NET nor <see cref="Files.Posix"/> has.</summary>
internal static partial class Libc
{
    internal const int RlimitNofile = 7;
    internal const int AfUnix = 1;

    /// <summary>SOCK_STREAM | SOCK_CLOEXEC.</summary>
    internal const int SockStreamCloseOnExec = 1 | 0x80000;

    [LibraryImport("libc", EntryPoint = "socketpair", SetLastError = true)]
    internal static partial int SocketPair(int family, int type, int protocol, Span<int> descriptors);

    [LibraryImport("libc", EntryPoint = "getrlimit", SetLastError = true)]
    internal static partial int GetRlimit(int resource, out Rlimit limit);

    [LibraryImport("libc", EntryPoint = "setrlimit", SetLastError = true)]
    internal static partial int SetRlimit(int resource, in Rlimit limit);

    [LibraryImport("libc", EntryPoint = "lchown", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int Lchown(string path, uint uid, uint gid);

    /// <summary>The C library has no function for it before glibc 2.41. The arguments are long in the kernel's own calling convention.</summary>
    [LibraryImport("libc", EntryPoint = "syscall")]
    internal static partial long SchedSetAttr(long number, long thread, in SchedAttr attributes, long flags);

    /// <summary>The nice value; of the calling thread where both are 0.</summary>
    [LibraryImport("libc", EntryPoint = "getpriority")]
    internal static partial int GetPriority(int which, uint who);

    [LibraryImport("libc", EntryPoint = "getpwnam", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial nint GetPwNam(string name);

    [LibraryImport("libc", EntryPoint = "getgrnam", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial nint GetGrNam(string name);

    /// <summary>The first version of <c>struct sched_attr</c>, of 48 bytes.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct SchedAttr
    {
        public uint Size;
        public uint Policy;
        public ulong Flags;
        public int Nice;
        public uint Priority;
        public ulong Runtime;
        public ulong Deadline;
        public ulong Period;
    }

    /// <summary>Both counts are unsigned long: 64 bits wherever the bus runs.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct Rlimit
    {
        public ulong Soft;
        public ulong Hard;
    }
}
