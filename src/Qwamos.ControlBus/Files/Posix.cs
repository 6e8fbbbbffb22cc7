using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Qwamos.ControlBus.Files;

/// <summary>The system calls .NET has no safe equivalent of, every errno kept. Failures are <see cref="PosixException"/>.</summary>
public static class Posix
{
    private const uint Unchanged = uint.MaxValue;

    /// <summary>The uid this process acts as.</summary>
    public static uint EffectiveUid => Libc.Geteuid();

    /// <summary>The gid this process acts as.</summary>
    public static uint EffectiveGid => Libc.Getegid();

    /// <summary>True when this process acts as root.</summary>
    public static bool IsRoot => EffectiveUid == 0;

    /// <summary>The name of a user for a person to read; "uid N" where it has none.</summary>
    public static string UserName(uint uid)
    {
        var entry = Libc.Getpwuid(uid);
        // struct passwd begins with the pointer to the name.
        return (entry == 0 ? null : Marshal.PtrToStringUTF8(Marshal.ReadIntPtr(entry))) ?? $"uid {uid}";
    }

    /// <summary>The uid of a user by name; false where there is none of that name.</summary>
    public static bool TryFindUser(string name, out uint uid)
    {
        var entry = Libc.Getpwnam(name);
        // struct passwd begins with the pointers to name and password; uid and gid follow.
        uid = entry == 0 ? 0 : unchecked((uint)Marshal.ReadInt32(entry, 2 * nint.Size));
        return entry != 0;
    }

    /// <summary>
    /// Forbids core dumps and ptrace by other processes of the same user: a private key in memory stays there (ATTACKS 40).
    /// </summary>
    public static void ForbidCoreDumps()
    {
        if (Libc.Prctl(Libc.PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) throw Fault("prctl", "PR_SET_DUMPABLE");
    }

    /// <summary>
    /// Keeps the whole memory of this process out of swap; false where the user may not lock so much, as most may not. Only for a process that lives
    /// long: pages are locked when they are first touched.
    /// </summary>
    public static bool TryLockAllMemory() => Libc.Mlockall(Libc.MCL_CURRENT | Libc.MCL_FUTURE | Libc.MCL_ONFAULT) == 0;

    /// <summary>Sets the mask of new files' modes; returns the one before.</summary>
    public static UnixFileMode SetUmask(UnixFileMode mask) => (UnixFileMode)Libc.Umask((uint)mask);

    /// <summary>Sends a signal by its Linux number; a negative pid is a process group. False when there is no such process.</summary>
    public static bool Kill(int pid, int signal)
    {
        if (pid is 0 or -1) throw new ArgumentOutOfRangeException(nameof(pid), "would signal this process's group, or everybody");
        return Libc.Kill(pid, signal) == 0;
    }

    /// <summary>What is at a path; throws when nothing is.</summary>
    public static FileStat Stat(string path, bool followLinks = false) =>
        TryStat(path, followLinks, out var stat) ? stat : throw Fault("stat", path);

    /// <summary>What is at a path; false when nothing is, or it cannot be known (errno is then the last P/Invoke error).</summary>
    public static bool TryStat(string path, out FileStat stat) => TryStat(path, followLinks: false, out stat);

    /// <inheritdoc cref="TryStat(string, out FileStat)"/>
    public static bool TryStat(string path, bool followLinks, out FileStat stat)
    {
        var failed = Libc.StatxAt(Libc.AT_FDCWD, path, followLinks ? 0 : Libc.AT_SYMLINK_NOFOLLOW, Libc.STATX_BASIC_STATS, out var raw) != 0;
        stat = failed ? default : Read(raw);
        return !failed;
    }

    /// <summary>
    /// True only when nothing of that name is there, not even a link to nowhere. What cannot be known (a disk that fails, a folder that cannot be
    /// searched) is not absence: whoever takes it for one makes anew what stands there.
    /// </summary>
    public static bool IsAbsent(string path) => !TryStat(path, out _) && Marshal.GetLastPInvokeError() == PosixException.ENOENT;

    /// <summary>Whether something of that name is there, if only a link to nowhere.</summary>
    /// <exception cref="PosixException">It cannot be known; it names the path.</exception>
    public static bool Exists(string path) => TryStat(path, out _) || (Fault("stat", path) is { IsNotFound: false } fault ? throw fault : false);

    /// <summary>Changes owner and group of a path that is no link; null leaves one as it is.</summary>
    public static void ChangeOwner(string path, uint? uid, uint? gid)
    {
        using var file = Open(path, Libc.O_RDONLY | Libc.O_NONBLOCK);
        if (Libc.Fchown(file, uid ?? Unchanged, gid ?? Unchanged) != 0) throw Fault("fchown", path);
    }

    internal static FileStat Stat(SafeFileHandle file, string path)
    {
        if (Libc.StatxAt(file, "", Libc.AT_EMPTY_PATH, Libc.STATX_BASIC_STATS, out var raw) != 0) throw Fault("fstat", path);
        return Read(raw);
    }

    internal static bool TryStatAt(SafeFileHandle dir, string name, string path, out FileStat stat)
    {
        stat = default;
        if (Libc.StatxAt(dir, name, Libc.AT_SYMLINK_NOFOLLOW, Libc.STATX_BASIC_STATS, out var raw) == 0)
        {
            stat = Read(raw);
            return true;
        }
        if (Marshal.GetLastPInvokeError() == PosixException.ENOENT) return false;
        throw Fault("stat", path);
    }

    /// <summary>Opens without following a link in the last component, closed on exec.</summary>
    internal static SafeFileHandle Open(string path, int flags, UnixFileMode mode = 0)
    {
        while (true)
        {
            var file = Libc.Open(path, flags | Libc.O_NOFOLLOW | Libc.O_CLOEXEC, (uint)mode);
            if (!file.IsInvalid) return file;
            var fault = Fault("open", path);
            file.Dispose();
            if (fault.Errno != PosixException.EINTR) throw fault;
        }
    }

    internal static SafeFileHandle OpenDirectory(string path) => Open(path, Libc.O_RDONLY | Libc.O_DIRECTORY);

    internal static SafeFileHandle OpenAt(SafeFileHandle dir, string name, int flags, UnixFileMode mode, string path)
    {
        while (true)
        {
            var file = Libc.OpenAt(dir, name, flags | Libc.O_NOFOLLOW | Libc.O_CLOEXEC, (uint)mode);
            if (!file.IsInvalid) return file;
            var fault = Fault("open", path);
            file.Dispose();
            if (fault.Errno != PosixException.EINTR) throw fault;
        }
    }

    internal static unsafe void WriteAll(SafeFileHandle file, ReadOnlySpan<byte> content, string path)
    {
        while (!content.IsEmpty)
        {
            nint written;
            fixed (byte* start = content) written = Libc.Write(file, start, (nuint)content.Length);
            if (written >= 0)
            {
                content = content[(int)written..];
                continue;
            }
            var fault = Fault("write", path);
            if (fault.Errno != PosixException.EINTR) throw fault;
        }
    }

    internal static unsafe int Read(SafeFileHandle file, Span<byte> buffer, string path)
    {
        while (true)
        {
            nint count;
            fixed (byte* start = buffer) count = Libc.Read(file, start, (nuint)buffer.Length);
            if (count >= 0) return (int)count;
            var fault = Fault("read", path);
            if (fault.Errno != PosixException.EINTR) throw fault;
        }
    }

    /// <summary>Never retried: after one failed fsync the kernel may call the lost pages clean, and a second would lie.</summary>
    internal static void Fsync(SafeFileHandle file, string path)
    {
        if (Libc.Fsync(file) != 0) throw Fault("fsync", path);
    }

    internal static void Check(int result, string call, string path)
    {
        if (result != 0) throw Fault(call, path);
    }

    internal static PosixException Fault(string call, string path) => new(call, path, Marshal.GetLastPInvokeError());

    private static FileStat Read(in Libc.Statx raw) => new(
        (raw.Mode & 0xF000) switch
        {
            0x1000 => FileKind.Fifo,
            0x2000 => FileKind.CharacterDevice,
            0x4000 => FileKind.Directory,
            0x6000 => FileKind.BlockDevice,
            0x8000 => FileKind.Regular,
            0xA000 => FileKind.SymbolicLink,
            0xC000 => FileKind.Socket,
            _ => FileKind.Other,
        },
        (UnixFileMode)(raw.Mode & 0xFFF), raw.Uid, raw.Gid, raw.Links, (long)raw.Size, raw.Inode, raw.DeviceMajor, raw.DeviceMinor);
}
