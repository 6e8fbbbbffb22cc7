using System.Diagnostics;
using Xunit;

namespace Qwamos.ControlBus.Tests.Ledger;

/// <summary>A tmpfs of a few pages, for a disk that is really full; the test is skipped, with the reason, where it cannot be mounted.</summary>
internal sealed class SmallDisk : IDisposable
{
    private SmallDisk(string dir) => Dir = dir;

    public string Dir { get; }

    public static SmallDisk MountOrSkip(int kibibytes)
    {
        var dir = Directory.CreateTempSubdirectory("qwamos-small-disk-").FullName;
        if (Run("mount", "-t", "tmpfs", "-o", $"size={kibibytes}k,mode=0700", "none", dir) == 0)
            return new SmallDisk(dir);
        Directory.Delete(dir);
        Assert.Skip("mounting a small tmpfs needs root: run as root to see what a full disk does");
        throw new UnreachableException();
    }

    /// <summary>Writes a file until nothing more fits; gives its path.</summary>
    public string Fill()
    {
        var path = Path.Combine(Dir, "filler");
        using var file = new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 0);
        try
        {
            while (true)
                file.Write(new byte[4096]);
        }
        catch (IOException)
        {
            return path;
        }
    }

    public void RemountReadOnly() => Assert.Equal(0, Run("mount", "-o", "remount,ro", Dir));

    public void Dispose()
    {
        Run("umount", Dir);
        Directory.Delete(Dir);
    }

    private static int Run(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
        process.StandardError.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode;
    }
}
