using Microsoft.Win32.SafeHandles;
using Xunit;

namespace Qwamos.SystemTests.Harness;

/// <summary>
/// A disk with ext4 whose every write is logged, mounted: qemu's storage daemon keeps the log and offers the disk as a file (FUSE), which a loop
/// device makes a disk again. The kernel's own timers write nothing before <see cref="CommitSeconds"/>, and no rename syncs a file by itself:
/// what a program did not sync is lost at a cut.
/// </summary>
internal sealed class LoggedDisk : IDisposable
{
    private const int Megabytes = 24;
    private const int CommitSeconds = 300;
    public const string MarksFile = "marks";
    private const int MaxMarks = 512;
    private const string MountOptions = "loop,noauto_da_alloc";

    private readonly string _image;
    private readonly string _export;
    private readonly string _log;
    private readonly RunningProgram _storage;
    private readonly SafeFileHandle _marks;
    private bool _isMounted;
    private int _marked;

    /// <param name="folder">Where its files and its mount point are made.</param>
    public LoggedDisk(string folder)
    {
        _image = Path.Combine(folder, "disk.img");
        _export = Path.Combine(folder, "export.img");
        _log = Path.Combine(folder, "log.img");
        MountPoint = Directory.CreateDirectory(Path.Combine(folder, "disk")).FullName;
        Format(_image);
        Before = File.ReadAllBytes(_image);
        File.WriteAllBytes(_export, []);
        File.WriteAllBytes(_log, []);
        _storage = RunningProgram.Start(
        [
            "qemu-storage-daemon",
            "--blockdev", "driver=file,node-name=disk,filename=" + _image,
            "--blockdev", "driver=file,node-name=log,filename=" + _log,
            "--blockdev", "driver=blklogwrites,node-name=logged,file=disk,log=log,log-sector-size=512",
            "--export", "type=fuse,id=export,node-name=logged,writable=on,mountpoint=" + _export,
        ]);
        Eventually.True(() => _storage.HasExited || new FileInfo(_export).Length == Before.Length, "the disk is offered", () => _storage.Log);
        CommandResult mounted = Command.Run(["mount", "-o", $"{MountOptions},commit={CommitSeconds}", _export, MountPoint]);
        _isMounted = mounted.ExitCode == 0;
        if (!_isMounted)
            throw new InvalidOperationException(mounted.Error + _storage.Log);
        // Its blocks are allocated now, so that a mark is one write of one block.
        _marks = File.OpenHandle(Path.Combine(MountPoint, MarksFile), FileMode.CreateNew, FileAccess.Write, FileShare.Read, FileOptions.WriteThrough);
        RandomAccess.Write(_marks, new byte[MaxMarks * WriteLog.BlockBytes], 0);
    }

    public string MountPoint { get; }

    /// <summary>The disk's bytes before the first entry of the log.</summary>
    public byte[] Before { get; }

    /// <summary>
    /// Writes a mark, whose place in the log <see cref="WriteLog.Marks"/> tells afterwards. All that is known to be synced now stands before it. (The count in the
    /// log's head says less: qemu writes it for two flushes at once in either order.)
    /// </summary>
    public int Mark()
    {
        if (_marked == MaxMarks)
            throw new InvalidOperationException("There is no room for more marks.");
        RandomAccess.Write(_marks, WriteLog.BlockOfMark(_marked), (long)_marked * WriteLog.BlockBytes);
        return _marked++;
    }

    /// <summary>Skips a test where a disk of this kind cannot be had.</summary>
    public static void Need()
    {
        Needs.Root();
        foreach (string tool in (string[])["qemu-storage-daemon", "mkfs.ext4", "mount", "umount"])
            Needs.Tool(tool);
        Assert.SkipUnless(File.Exists("/dev/fuse") && File.Exists("/dev/loop-control"), "needs FUSE and loop devices");
        using var scratch = new ScratchFolder();
        string image = Path.Combine(scratch.Path, "probe.img");
        Format(image);
        CommandResult mounted = Command.Run(["mount", "-o", "loop", image, scratch.Path]);
        Assert.SkipUnless(mounted.ExitCode == 0, "needs permission to mount a loop device: " + mounted.Error.Trim());
        Assert.Equal(0, Command.Run(["umount", scratch.Path]).ExitCode);
    }

    /// <summary>Unmounts the disk and gives the whole log.</summary>
    public WriteLog End()
    {
        Unmount();
        _storage.Stop();
        var log = new WriteLog(_log);
        log.Read();
        return log;
    }

    public void Dispose()
    {
        Unmount();
        _storage.Dispose();
    }

    private static void Format(string image)
    {
        using (FileStream file = File.Create(image))
            file.SetLength(Megabytes * 1024L * 1024);
        CommandResult made = Command.Run(["mkfs.ext4", "-q", "-b", "4096", "-m", "0", "-J", "size=4", "-E", "lazy_itable_init=0,lazy_journal_init=0", image]);
        if (made.ExitCode != 0)
            throw new InvalidOperationException(made.Error);
    }

    private void Unmount()
    {
        _marks.Dispose();
        if (_isMounted)
            Command.Run(["umount", MountPoint]);
        _isMounted = false;
    }
}
