using Microsoft.Win32.SafeHandles;
using Qwamos.ControlBus.Files;

namespace Qwamos.ControlBus.Keys;

/// <summary>Puts an end to a file with a private key in it: what it held is overwritten, as far as the disk lets a program do that.</summary>
public static class SecretFile
{
    /// <summary>Replaces it, durably; the old content is overwritten afterwards, so that a key is on the disk at every moment.</summary>
    /// <exception cref="IOException">A call failed, and the old file stands.</exception>
    public static void Replace(string path, ReadOnlySpan<byte> content, UnixFileMode mode)
    {
        // A killed run may have left one, with a raw seed in it.
        DurableFile.RemoveLeftovers(Path.GetDirectoryName(path)!, Path.GetFileName(path));
        using var old = Posix.Open(path, Libc.O_RDWR | Libc.O_NONBLOCK);
        var stat = Posix.Stat(old, path);
        DurableFile.Replace(path, content, mode);
        Wipe(old, stat, path);
    }

    /// <summary>Overwrites it and removes it; nothing when it is not there.</summary>
    /// <exception cref="IOException">A call failed.</exception>
    public static void Remove(string path)
    {
        if (Posix.IsAbsent(path))
            return;
        using (var old = Posix.Open(path, Libc.O_RDWR | Libc.O_NONBLOCK))
            Wipe(old, Posix.Stat(old, path), path);
        DurableFile.Remove(path);
    }

    private static void Wipe(SafeFileHandle file, FileStat stat, string path)
    {
        // Under another name it is another's, too.
        if (stat.Kind != FileKind.Regular || stat.Links != 1)
            return;
        try
        {
            Posix.WriteAll(file, new byte[(int)Math.Min(stat.SizeBytes, Limits.MaxPrivateKeyFileBytes)], path);
            Posix.Fsync(file, path);
        }
        catch (PosixException)
        {
            // What is left is in blocks that no file has, or is about to have none.
        }
    }
}
