using System.Runtime.InteropServices;
using Qwamos.ControlBus.Files;

namespace Qwamos.ControlBus.Hosting.Running;

/// <summary>What a daemon does to its own process before anything else.</summary>
public static class ProcessSetup
{
    /// <summary>Files kept free for the ledger, hooks and the runtime beside one file a connection.</summary>
    private const int ReservedFiles = 256;

    /// <summary>More would only hold memory.</summary>
    private const int MostConnections = 100_000;

    /// <summary>Offset of the ID in <c>struct passwd</c> and <c>struct group</c>: after two pointers, on every 64-bit Linux.</summary>
    private const int IdOffset = 16;

    /// <summary>
    /// No core dumps and no debugger of the same user (ATTACKS 40), new files private, and as many open files as the hard limit allows.
    /// Returns how many connections that leaves room for.
    /// </summary>
    public static int Harden()
    {
        Posix.ForbidCoreDumps();
        Posix.SetUmask((UnixFileMode)0x3F);
        return Math.Min(MostConnections, Math.Max(1, RaiseOpenFiles() - ReservedFiles));
    }

    /// <summary>
    /// Has sockets continue on the threads that wait for the kernel, one a processor, instead of by way of the pool. What is slow, or waits, and
    /// comes after a socket's await must yield first. Before the first socket is used.
    /// </summary>
    public static void ContinueOnSocketThreads() => Environment.SetEnvironmentVariable("DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS", "1");

    /// <summary>Finds a user and group of one name, as in <c>qwamos:qwamos</c>; false where the system has not both.</summary>
    public static bool TryFindAccount(string name, out uint uid, out uint gid)
    {
        nint user = Libc.GetPwNam(name);
        uid = user == 0 ? 0 : unchecked((uint)Marshal.ReadInt32(user, IdOffset));
        nint group = Libc.GetGrNam(name);
        gid = group == 0 ? 0 : unchecked((uint)Marshal.ReadInt32(group, IdOffset));
        return user != 0 && group != 0;
    }

    /// <exception cref="IOException">The kernel refuses.</exception>
    internal static void ChangeOwner(string path, uint uid, uint gid)
    {
        if (Libc.Lchown(path, uid, gid) != 0)
            throw new IOException($"chown {path}: {Marshal.GetLastPInvokeErrorMessage()}");
    }

    private static int RaiseOpenFiles()
    {
        if (Libc.GetRlimit(Libc.RlimitNofile, out Libc.Rlimit limit) != 0)
            return 1_024;
        if (limit.Soft < limit.Hard)
        {
            var raised = new Libc.Rlimit { Soft = limit.Hard, Hard = limit.Hard };
            if (Libc.SetRlimit(Libc.RlimitNofile, raised) == 0)
                limit = raised;
        }
        return (int)Math.Min(limit.Soft, int.MaxValue);
    }
}
