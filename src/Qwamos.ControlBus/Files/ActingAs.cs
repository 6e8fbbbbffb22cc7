namespace Qwamos.ControlBus.Files;

/// <summary>
/// While it lives, root's process acts as another account: for what root's commands do in a folder of a daemon's account, which must
/// neither be tricked by files there nor leave files that the daemon cannot use. The C library changes every thread alike.
/// </summary>
public sealed class ActingAs : IDisposable
{
    private readonly uint _gidBefore = Posix.EffectiveGid;

    private ActingAs(uint uid, uint gid)
    {
        // Supplementary groups are given up for good: as root they add nothing.
        Posix.Check(Libc.Setgroups(0, 0), "setgroups", "");
        Posix.Check(Libc.Setegid(gid), "setegid", "");
        Posix.Check(Libc.Seteuid(uid), "seteuid", "");
    }

    /// <summary>The owner of what was found; null, and nothing changes, when this process is not root or root is the owner.</summary>
    /// <exception cref="PosixException">It is not permitted.</exception>
    public static ActingAs? OwnerOf(FileStat stat) => Posix.IsRoot && stat.Uid != 0 ? new ActingAs(stat.Uid, stat.Gid) : null;

    /// <summary>Root again.</summary>
    public void Dispose()
    {
        Posix.Check(Libc.Seteuid(0), "seteuid", "");
        Posix.Check(Libc.Setegid(_gidBefore), "setegid", "");
    }
}
