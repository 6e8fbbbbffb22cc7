using System.Security.Cryptography;
using System.Text;

namespace Qwamos.SystemTests.Harness;

/// <summary>The image of a disk, mounted as after a power cut: the kernel replays its journal.</summary>
internal sealed class MountedImage : IDisposable
{
    private const int BlockBytes = 65_536;

    private readonly string _image;

    /// <param name="folder">Where the image and its mount point are made.</param>
    /// <param name="image">The disk's bytes.</param>
    public MountedImage(string folder, byte[] image)
    {
        // A file of its own: the mount namespace of a test beside this one may keep the loop device of the image before, with its blocks.
        _image = Path.Combine(folder, Path.GetRandomFileName());
        MountPoint = Directory.CreateDirectory(Path.Combine(folder, "cut")).FullName;
        WriteSparse(_image, image);
        CommandResult mounted = Command.Run(["mount", "-o", "loop", _image, MountPoint]);
        if (mounted.ExitCode != 0)
            throw new InvalidOperationException("The disk cannot be mounted: " + mounted.Error);
    }

    public string MountPoint { get; }

    public string At(string absolute) => MountPoint + absolute;

    /// <summary>One hash over the names and contents of the files below a folder, or of the others. The test's own marks do not count.</summary>
    public string Digest(string folder, bool isBelow)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (string path in Directory.EnumerateFileSystemEntries(MountPoint, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
        {
            if (path == At("/" + LoggedDisk.MarksFile) || path.StartsWith(At(folder), StringComparison.Ordinal) != isBelow)
                continue;
            string? target = new FileInfo(path).LinkTarget;
            string about = target is null ? File.GetUnixFileMode(path).ToString() : "-> " + target;
            hash.AppendData(Encoding.UTF8.GetBytes($"{path}\n{about}\n"));
            if (target is null && File.Exists(path) && !path.EndsWith(".sock", StringComparison.Ordinal))
                hash.AppendData(SHA256.HashData(File.ReadAllBytes(path)));
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>The kernel may hold the files of a program that was just killed for a moment longer than the program is there.</summary>
    public void Dispose()
    {
        Eventually.True(() => Command.Run(["umount", MountPoint]).ExitCode == 0, MountPoint + " is unmounted");
        File.Delete(_image);
    }

    private static void WriteSparse(string path, ReadOnlySpan<byte> image)
    {
        using FileStream file = File.Create(path, bufferSize: 0);
        file.SetLength(image.Length);
        for (int at = 0; at < image.Length; at += BlockBytes)
        {
            ReadOnlySpan<byte> block = image.Slice(at, BlockBytes);
            if (block.IndexOfAnyExcept((byte)0) < 0)
                continue;
            file.Position = at;
            file.Write(block);
        }
    }
}
