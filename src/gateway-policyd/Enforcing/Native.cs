using System.Runtime.InteropServices;

namespace Qwamos.Gateway.Enforcing;

/// <summary>
/// The C library's calls behind <see cref="HookProcess"/>. The framework's own process class can neither start a process group
/// nor close what the child inherits, and both are needed to end a hook with everything it started.
/// </summary>
internal static partial class Native
{
    public const int CloseOnExec = 0x80000;
    public const int NonBlocking = 0x800;
    public const int SetStatusFlags = 4;
    public const short PollIn = 1;
    public const int SigKill = 9;
    public const short SpawnSetProcessGroup = 0x02;
    public const short SpawnSetSignalDefaults = 0x04;
    public const short SpawnSetSignalMask = 0x08;

    /// <summary>Room for <c>posix_spawnattr_t</c>, <c>posix_spawn_file_actions_t</c> or <c>sigset_t</c> (at most 336 bytes in glibc).</summary>
    public const int OpaqueBytes = 1024;

    private const string C = "libc";
    private const nint PidFdOpenNumber = 434;

    [StructLayout(LayoutKind.Sequential)]
    internal struct PollEntry
    {
        public int Descriptor;
        public short Events;
        public short Returned;
    }

    /// <summary>A descriptor that is readable once the child has ended; -1 where the kernel is older than 5.3.</summary>
    public static int OpenProcess(int pid) => (int)SystemCall(PidFdOpenNumber, pid, 0);

    [LibraryImport(C, EntryPoint = "posix_spawn", StringMarshalling = StringMarshalling.Utf8)]
    internal static unsafe partial int Spawn(out int pid, string path, nint fileActions, nint attributes, byte** arguments, byte** environment);

    [LibraryImport(C, EntryPoint = "posix_spawn_file_actions_init")]
    internal static partial int InitActions(nint actions);

    [LibraryImport(C, EntryPoint = "posix_spawn_file_actions_destroy")]
    internal static partial int DestroyActions(nint actions);

    [LibraryImport(C, EntryPoint = "posix_spawn_file_actions_adddup2")]
    internal static partial int AddDuplicate(nint actions, int descriptor, int target);

    [LibraryImport(C, EntryPoint = "posix_spawn_file_actions_addchdir_np", StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int AddChangeDirectory(nint actions, string path);

    [LibraryImport(C, EntryPoint = "posix_spawn_file_actions_addclosefrom_np")]
    internal static partial int AddCloseFrom(nint actions, int first);

    [LibraryImport(C, EntryPoint = "posix_spawnattr_init")]
    internal static partial int InitAttributes(nint attributes);

    [LibraryImport(C, EntryPoint = "posix_spawnattr_destroy")]
    internal static partial int DestroyAttributes(nint attributes);

    [LibraryImport(C, EntryPoint = "posix_spawnattr_setflags")]
    internal static partial int SetFlags(nint attributes, short flags);

    [LibraryImport(C, EntryPoint = "posix_spawnattr_setpgroup")]
    internal static partial int SetProcessGroup(nint attributes, int group);

    [LibraryImport(C, EntryPoint = "posix_spawnattr_setsigdefault")]
    internal static partial int SetSignalDefaults(nint attributes, nint set);

    [LibraryImport(C, EntryPoint = "posix_spawnattr_setsigmask")]
    internal static partial int SetSignalMask(nint attributes, nint set);

    [LibraryImport(C, EntryPoint = "sigfillset")]
    internal static partial int FillSet(nint set);

    [LibraryImport(C, EntryPoint = "sigemptyset")]
    internal static partial int EmptySet(nint set);

    [LibraryImport(C, EntryPoint = "pipe2", SetLastError = true)]
    internal static unsafe partial int Pipe(int* descriptors, int flags);

    [LibraryImport(C, EntryPoint = "poll", SetLastError = true)]
    internal static partial int Poll([In, Out] PollEntry[] entries, nuint count, int timeoutMilliseconds);

    [LibraryImport(C, EntryPoint = "read", SetLastError = true)]
    internal static partial nint Read(int descriptor, Span<byte> buffer, nint count);

    [LibraryImport(C, EntryPoint = "write", SetLastError = true)]
    internal static partial nint Write(int descriptor, ReadOnlySpan<byte> buffer, nint count);

    [LibraryImport(C, EntryPoint = "close")]
    internal static partial int Close(int descriptor);

    [LibraryImport(C, EntryPoint = "kill")]
    internal static partial int Kill(int pid, int signal);

    [LibraryImport(C, EntryPoint = "waitpid", SetLastError = true)]
    internal static partial int Wait(int pid, out int status, int options);

    [LibraryImport(C, EntryPoint = "fcntl", SetLastError = true)]
    internal static partial int Control(int descriptor, int command, int value);

    [LibraryImport(C, EntryPoint = "syscall", SetLastError = true)]
    private static partial nint SystemCall(nint number, nint first, nint second);
}
