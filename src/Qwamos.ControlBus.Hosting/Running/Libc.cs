using System.Runtime.InteropServices;

namespace Qwamos.ControlBus.Hosting.Running;

/// <summary>The few calls of a daemon's start that neither .NET nor <see cref="Files.Posix"/> has.</summary>
internal static partial class Libc
{
    internal const int RlimitNofile = 7;

    [LibraryImport("libc", EntryPoint = "getrlimit", SetLastError = true)]
    internal static partial int GetRlimit(int resource, out Rlimit limit);

    [LibraryImport("libc", EntryPoint = "setrlimit", SetLastError = true)]
    internal static partial int SetRlimit(int resource, in Rlimit limit);

    [LibraryImport("libc", EntryPoint = "lchown", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int Lchown(string path, uint uid, uint gid);

    [LibraryImport("libc", EntryPoint = "getpwnam", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial nint GetPwNam(string name);

    [LibraryImport("libc", EntryPoint = "getgrnam", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial nint GetGrNam(string name);

    /// <summary>Both counts are unsigned long: 64 bits wherever the bus runs.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct Rlimit
    {
        public ulong Soft;
        public ulong Hard;
    }
}
