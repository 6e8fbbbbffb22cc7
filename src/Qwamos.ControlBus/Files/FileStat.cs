namespace Qwamos.ControlBus.Files;

/// <summary>What the kernel says about one file.</summary>
public readonly record struct FileStat(
    FileKind Kind, UnixFileMode Mode, uint Uid, uint Gid, uint Links, long SizeBytes, ulong Inode, uint DeviceMajor, uint DeviceMinor)
{
    private const UnixFileMode WriteByOthers = UnixFileMode.GroupWrite | UnixFileMode.OtherWrite;

    /// <summary>True when its group or everybody may write it.</summary>
    public bool IsWritableByOthers => (Mode & WriteByOthers) != 0;

    /// <summary>True for a directory like /tmp: sticky and root's, so that nobody can move or delete what others put there.</summary>
    public bool IsRootsStickyDirectory => Kind == FileKind.Directory && Uid == 0 && (Mode & UnixFileMode.StickyBit) != 0;

    /// <summary>True when both are names of one file.</summary>
    public bool IsSameFileAs(FileStat other) =>
        Inode == other.Inode && DeviceMajor == other.DeviceMajor && DeviceMinor == other.DeviceMinor;
}
