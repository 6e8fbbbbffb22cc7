using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Qwamos.ControlBus.Files;

/// <summary>The C library's calls as they are. Values of flags are Linux's for x86-64 and arm64, which differ in two of them.</summary>
internal static unsafe partial class Libc
{
    private const string Library = "libc";

    internal const int AT_FDCWD = -100;
    internal const int AT_SYMLINK_NOFOLLOW = 0x100;
    internal const int AT_EMPTY_PATH = 0x1000;

    internal const int O_RDONLY = 0;
    internal const int O_WRONLY = 1;
    internal const int O_RDWR = 2;
    internal const int O_CREAT = 0x40;
    internal const int O_EXCL = 0x80;
    internal const int O_NONBLOCK = 0x800;
    internal const int O_CLOEXEC = 0x80000;
    internal static readonly int O_DIRECTORY = IsArm ? 0x4000 : 0x10000;
    internal static readonly int O_NOFOLLOW = IsArm ? 0x8000 : 0x20000;

    internal const int LOCK_EX = 2;
    internal const int LOCK_NB = 4;
    internal const int LOCK_UN = 8;

    internal const uint RENAME_NOREPLACE = 1;

    internal const int O_PATH = 0x200000;

    internal const int PR_SET_DUMPABLE = 4;
    internal const int PR_SET_NO_NEW_PRIVS = 38;

    internal const uint LANDLOCK_CREATE_RULESET_VERSION = 1;
    internal const uint LANDLOCK_CREATE_RULESET_ERRATA = 2;
    internal const int LANDLOCK_RULE_PATH_BENEATH = 1;

    // The same numbers on every architecture; glibc has no functions for these calls.
    private const nint SYS_landlock_create_ruleset = 444;
    private const nint SYS_landlock_add_rule = 445;
    private const nint SYS_landlock_restrict_self = 446;

    internal const uint STATX_BASIC_STATS = 0x7ff;

    internal const int PROT_READ = 1;
    internal const int PROT_WRITE = 2;
    internal const int MAP_PRIVATE = 2;
    internal const int MAP_ANONYMOUS = 0x20;
    internal const int MADV_DONTDUMP = 16;
    internal const int MADV_WIPEONFORK = 18;
    internal const int MCL_CURRENT = 1;
    internal const int MCL_FUTURE = 2;
    internal const int MCL_ONFAULT = 4;

    private static bool IsArm => RuntimeInformation.ProcessArchitecture == Architecture.Arm64;

    /// <summary>struct statx, the one stat structure that is the same on every architecture (256 bytes).</summary>
    [StructLayout(LayoutKind.Explicit, Size = 256)]
    internal struct Statx
    {
        [FieldOffset(16)] internal uint Links;
        [FieldOffset(20)] internal uint Uid;
        [FieldOffset(24)] internal uint Gid;
        [FieldOffset(28)] internal ushort Mode;
        [FieldOffset(32)] internal ulong Inode;
        [FieldOffset(40)] internal ulong Size;
        [FieldOffset(136)] internal uint DeviceMajor;
        [FieldOffset(140)] internal uint DeviceMinor;
    }

    /// <summary>struct landlock_path_beneath_attr, which is packed: 12 bytes.</summary>
    [StructLayout(LayoutKind.Sequential, Pack = 1)]
    internal struct LandlockPathBeneath
    {
        internal ulong AllowedAccess;
        internal int Parent;
    }

    [LibraryImport(Library, EntryPoint = "gettid")]
    internal static partial int GetTid();

    internal static long LandlockCreateRuleset(nint attributes, nuint size, uint flags) =>
        SystemCall(SYS_landlock_create_ruleset, attributes, (nint)size, (nint)flags, 0);

    internal static long LandlockAddRule(SafeFileHandle ruleset, int type, LandlockPathBeneath* attribute) =>
        SystemCall(SYS_landlock_add_rule, ruleset.DangerousGetHandle(), type, (nint)attribute, 0);

    internal static long LandlockRestrictSelf(SafeFileHandle ruleset) =>
        SystemCall(SYS_landlock_restrict_self, ruleset.DangerousGetHandle(), 0, 0, 0);

    [LibraryImport(Library, EntryPoint = "syscall", SetLastError = true)]
    private static partial nint SystemCall(nint number, nint first, nint second, nint third, nint fourth);

    [LibraryImport(Library, EntryPoint = "execve", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int Execve(string path, byte** arguments, byte** environment);

    [LibraryImport(Library, EntryPoint = "openat", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial SafeFileHandle OpenAt(SafeFileHandle dir, string path, int flags, uint mode);

    [LibraryImport(Library, EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial SafeFileHandle Open(string path, int flags, uint mode);

    [LibraryImport(Library, EntryPoint = "read", SetLastError = true)]
    internal static partial nint Read(SafeFileHandle file, byte* buffer, nuint count);

    [LibraryImport(Library, EntryPoint = "write", SetLastError = true)]
    internal static partial nint Write(SafeFileHandle file, byte* buffer, nuint count);

    [LibraryImport(Library, EntryPoint = "fsync", SetLastError = true)]
    internal static partial int Fsync(SafeFileHandle file);

    [LibraryImport(Library, EntryPoint = "syncfs", SetLastError = true)]
    internal static partial int Syncfs(SafeFileHandle file);

    [LibraryImport(Library, EntryPoint = "fchmod", SetLastError = true)]
    internal static partial int Fchmod(SafeFileHandle file, uint mode);

    [LibraryImport(Library, EntryPoint = "fchown", SetLastError = true)]
    internal static partial int Fchown(SafeFileHandle file, uint uid, uint gid);

    [LibraryImport(Library, EntryPoint = "renameat", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int RenameAt(SafeFileHandle fromDir, string from, SafeFileHandle toDir, string to);

    [LibraryImport(Library, EntryPoint = "renameat2", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int RenameAt2(SafeFileHandle fromDir, string from, SafeFileHandle toDir, string to, uint flags);

    [LibraryImport(Library, EntryPoint = "linkat", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int LinkAt(SafeFileHandle fromDir, string from, SafeFileHandle toDir, string to, int flags);

    [LibraryImport(Library, EntryPoint = "symlinkat", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int SymlinkAt(string target, SafeFileHandle dir, string name);

    [LibraryImport(Library, EntryPoint = "unlinkat", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int UnlinkAt(SafeFileHandle dir, string name, int flags);

    [LibraryImport(Library, EntryPoint = "mkdirat", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int MkdirAt(SafeFileHandle dir, string name, uint mode);

    [LibraryImport(Library, EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int StatxAt(int dir, string path, int flags, uint mask, out Statx result);

    [LibraryImport(Library, EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int StatxAt(SafeFileHandle dir, string path, int flags, uint mask, out Statx result);

    [LibraryImport(Library, EntryPoint = "flock", SetLastError = true)]
    internal static partial int Flock(SafeFileHandle file, int operation);

    [LibraryImport(Library, EntryPoint = "geteuid")]
    internal static partial uint Geteuid();

    [LibraryImport(Library, EntryPoint = "getegid")]
    internal static partial uint Getegid();

    [LibraryImport(Library, EntryPoint = "seteuid", SetLastError = true)]
    internal static partial int Seteuid(uint uid);

    [LibraryImport(Library, EntryPoint = "setegid", SetLastError = true)]
    internal static partial int Setegid(uint gid);

    [LibraryImport(Library, EntryPoint = "setgroups", SetLastError = true)]
    internal static partial int Setgroups(nuint count, nint gids);

    [LibraryImport(Library, EntryPoint = "getpwnam", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial nint Getpwnam(string name);

    [LibraryImport(Library, EntryPoint = "getpwuid", SetLastError = true)]
    internal static partial nint Getpwuid(uint uid);

    [LibraryImport(Library, EntryPoint = "kill", SetLastError = true)]
    internal static partial int Kill(int pid, int signal);

    [LibraryImport(Library, EntryPoint = "umask")]
    internal static partial uint Umask(uint mask);

    [LibraryImport(Library, EntryPoint = "prctl", SetLastError = true)]
    internal static partial int Prctl(int option, nuint a, nuint b, nuint c, nuint d);

    [LibraryImport(Library, EntryPoint = "mmap", SetLastError = true)]
    internal static partial nint Mmap(nint address, nuint length, int protection, int flags, int file, long offset);

    [LibraryImport(Library, EntryPoint = "munmap", SetLastError = true)]
    internal static partial int Munmap(byte* address, nuint length);

    [LibraryImport(Library, EntryPoint = "mlock", SetLastError = true)]
    internal static partial int Mlock(byte* address, nuint length);

    [LibraryImport(Library, EntryPoint = "madvise", SetLastError = true)]
    internal static partial int Madvise(byte* address, nuint length, int advice);

    [LibraryImport(Library, EntryPoint = "mlockall", SetLastError = true)]
    internal static partial int Mlockall(int flags);
}
