using System.Buffers;
using System.Security.Cryptography;
using Microsoft.Win32.SafeHandles;

namespace Qwamos.ControlBus.Files;

/// <summary>
/// The one place that writes durably (ATTACKS 27, 29). A file is wholly old or wholly new whatever happens: written under a temporary
/// name in the same directory, synced, renamed, and the directory synced (but for <see cref="ReplaceVolatile"/>); every error is reported with errno and path, for .NET's own
/// Flush(true) swallows those of fsync. The directory is held open meanwhile, and no link is followed, neither there nor at the file.
/// After an exception from <see cref="Replace"/> the old content is in place, or the new when the directory's fsync failed.
/// </summary>
public static class DurableFile
{
    private const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const string TemporarySuffix = ".tmp";
    private const int RandomHexDigits = 16;
    private const int FirstReadBytes = 4_096;
    private const uint Unchanged = uint.MaxValue;

    private static readonly SearchValues<char> HexDigits = SearchValues.Create("0123456789abcdef");

    /// <summary>Replaces a file, or makes it. <paramref name="gid"/>: the group it is given, null for the process's own.</summary>
    /// <exception cref="IOException">A call failed, or a link, hard link, directory, FIFO ... is in its place.</exception>
    public static void Replace(string path, ReadOnlySpan<byte> content, UnixFileMode mode, uint? gid = null) => Replace(path, content, mode, gid, isVolatile: false);

    /// <summary>The same for what is made anew at each start, or is in /run: whole for whoever reads it, and not synced, so that a power cut may leave it empty.</summary>
    /// <exception cref="IOException">As to <see cref="Replace(string, ReadOnlySpan{byte}, UnixFileMode, uint?)"/>.</exception>
    public static void ReplaceVolatile(string path, ReadOnlySpan<byte> content, UnixFileMode mode, uint? gid = null) => Replace(path, content, mode, gid, isVolatile: true);

    private static void Replace(string path, ReadOnlySpan<byte> content, UnixFileMode mode, uint? gid, bool isVolatile)
    {
        using var dir = OpenParent(path, out var name);
        RefuseStrangeTarget(dir, name, path);
        var temporary = WriteTemporary(dir, name, path, content, mode, gid, isVolatile);
        try
        {
            Posix.Check(Libc.RenameAt(dir, temporary, dir, name), "rename", path);
        }
        catch
        {
            _ = Libc.UnlinkAt(dir, temporary, 0);
            throw;
        }
        if (!isVolatile) Posix.Fsync(dir, path);
    }

    /// <summary>Makes a file with its whole content at once, never over an existing one: false when any file of that name exists.</summary>
    /// <exception cref="IOException">A call failed.</exception>
    public static bool CreateNew(string path, ReadOnlySpan<byte> content, UnixFileMode mode, uint? gid = null)
    {
        using var dir = OpenParent(path, out var name);
        if (Posix.TryStatAt(dir, name, path, out _)) return false;
        var temporary = WriteTemporary(dir, name, path, content, mode, gid);
        if (!TryName(dir, temporary, name, path)) return false;
        Posix.Fsync(dir, path);
        return true;
    }

    /// <summary>
    /// Makes a file with its whole content, never over an existing one, and leaves it to the caller to sync it and its directory before anything
    /// rests on it: for many files at once. False when any file of that name exists.
    /// </summary>
    /// <exception cref="IOException">A call failed; what was written of the file stays.</exception>
    internal static bool CreateUnsynced(string path, ReadOnlySpan<byte> content, UnixFileMode mode)
    {
        using var dir = OpenParent(path, out var name);
        if (Posix.TryStatAt(dir, name, path, out _)) return false;
        using var file = Posix.OpenAt(dir, name, Libc.O_WRONLY | Libc.O_CREAT | Libc.O_EXCL, Private, path);
        Posix.WriteAll(file, content, path);
        Own(file, mode, null, path);
        return true;
    }

    /// <summary>
    /// Has the kernel write out all that waits for the file system of a directory, in one go. Where it cannot, or fails, nothing is said: only a
    /// sync of each file tells that the file is durable, and after this it has little left to do.
    /// </summary>
    internal static void BeginSync(string directory)
    {
        using var dir = Posix.OpenDirectory(directory);
        _ = Libc.Syncfs(dir);
    }

    /// <summary>Makes a directory with exactly this mode; false when one exists (its mode is left alone).</summary>
    /// <exception cref="IOException">A call failed, or something else than a directory is there.</exception>
    public static bool MakeDirectory(string path, UnixFileMode mode, uint? gid = null)
    {
        // A folder that is there is no reason to read the one above it, which a confined program may not (see Landlock).
        using var parent = OpenParent(path, out var name, Libc.O_PATH);
        if (Libc.MkdirAt(parent, name, (uint)mode) != 0)
        {
            var fault = Posix.Fault("mkdir", path);
            if (fault.Errno != PosixException.EEXIST) throw fault;
            using var existing = Posix.OpenAt(parent, name, Libc.O_RDONLY | Libc.O_DIRECTORY, 0, path);
            return false;
        }
        using var made = Posix.OpenAt(parent, name, Libc.O_RDONLY | Libc.O_DIRECTORY, 0, path);
        Own(made, mode, gid, path);
        Posix.Fsync(made, path);
        using var above = Posix.OpenAt(parent, ".", Libc.O_RDONLY | Libc.O_DIRECTORY, 0, path);
        Posix.Fsync(above, path);
        return true;
    }

    /// <summary>Makes a symbolic link that says <paramref name="target"/>; false when any file of that name exists.</summary>
    /// <exception cref="IOException">A call failed.</exception>
    public static bool MakeLink(string path, string target)
    {
        using var dir = OpenParent(path, out var name);
        if (Libc.SymlinkAt(target, dir, name) != 0)
        {
            var fault = Posix.Fault("symlink", path);
            return fault.Errno == PosixException.EEXIST ? false : throw fault;
        }
        Posix.Fsync(dir, path);
        return true;
    }

    /// <summary>Renames within one directory, over nothing: the new name must be free.</summary>
    /// <exception cref="IOException">A call failed, or the new name is taken.</exception>
    public static void Rename(string path, string newName)
    {
        using var dir = OpenParent(path, out var name);
        if (newName.Contains('/', StringComparison.Ordinal)) throw new ArgumentException("a name, not a path", nameof(newName));
        if (Posix.TryStatAt(dir, newName, path, out _)) throw new PosixException("rename to " + newName, path, PosixException.EEXIST);
        Posix.Check(Libc.RenameAt(dir, name, dir, newName), "rename", path);
        Posix.Fsync(dir, path);
    }

    /// <summary>Moves a file to another directory of the same file system, over nothing; false when there is no such file.</summary>
    /// <exception cref="IOException">A call failed, or the new name is taken.</exception>
    public static bool Move(string path, string newPath)
    {
        using var from = OpenParent(path, out var name);
        using var to = OpenParent(newPath, out var newName);
        if (!Posix.TryStatAt(from, name, path, out _)) return false;
        if (Posix.TryStatAt(to, newName, newPath, out _)) throw new PosixException("rename to", newPath, PosixException.EEXIST);
        Posix.Check(Libc.RenameAt(from, name, to, newName), "rename", path);
        Posix.Fsync(to, newPath);
        Posix.Fsync(from, path);
        return true;
    }

    /// <summary>Removes a file (a link itself, not its target); false when there is none.</summary>
    /// <exception cref="IOException">A call failed.</exception>
    public static bool Remove(string path)
    {
        using var dir = OpenParent(path, out var name);
        if (Libc.UnlinkAt(dir, name, 0) != 0)
        {
            var fault = Posix.Fault("unlink", path);
            return fault.IsNotFound ? false : throw fault;
        }
        Posix.Fsync(dir, path);
        return true;
    }

    /// <summary>Makes the names in a directory durable.</summary>
    /// <exception cref="PosixException">A call failed.</exception>
    public static void SyncDirectory(string path)
    {
        using var dir = Posix.OpenDirectory(path);
        Posix.Fsync(dir, path);
    }

    /// <summary>Makes the content of an existing regular file durable.</summary>
    /// <exception cref="IOException">A call failed.</exception>
    public static void SyncFile(string path)
    {
        using var file = Posix.Open(path, Libc.O_RDONLY | Libc.O_NONBLOCK);
        Posix.Fsync(file, path);
    }

    /// <summary>Reads a regular file of at most <paramref name="maxBytes"/>; a link, FIFO, device or directory is refused, never waited for.</summary>
    /// <exception cref="IOException">A call failed, it is no regular file, or it is longer.</exception>
    public static byte[] ReadAllBounded(string path, int maxBytes)
    {
        byte[] content = [];
        Array.Resize(ref content, ReadAllBounded(path, maxBytes, ref content));
        return content;
    }

    /// <summary>The same into a buffer, which is replaced by a longer one where it is too short; gives the content's length.</summary>
    /// <exception cref="IOException">A call failed, it is no regular file, or it is longer.</exception>
    internal static int ReadAllBounded(string path, int maxBytes, ref byte[] buffer)
    {
        using var file = Posix.Open(path, Libc.O_RDONLY | Libc.O_NONBLOCK);
        var stat = Posix.Stat(file, path);
        if (stat.Kind != FileKind.Regular) throw new IOException($"{SafeText.ForTerminal(path)}: not a regular file");
        if (stat.SizeBytes > maxBytes) throw TooLong(path, maxBytes);
        if (buffer.Length < stat.SizeBytes) buffer = new byte[stat.SizeBytes];
        var length = 0;
        Span<byte> next = stackalloc byte[1];
        while (true)
        {
            // One byte more than there should be: the file may grow while it is read, and a file of /proc says size 0.
            var isFull = length == buffer.Length;
            var count = Posix.Read(file, isFull ? next : buffer.AsSpan(length), path);
            if (count == 0) return length;
            if (length + count > maxBytes) throw TooLong(path, maxBytes);
            if (isFull)
            {
                Array.Resize(ref buffer, Math.Max(FirstReadBytes, buffer.Length * 2));
                buffer[length] = next[0];
            }
            length += count;
        }
    }

    /// <summary>What to do about a file that <see cref="ReadAllBounded"/> could not read.</summary>
    public static string MendOfReading(IOException fault, string path) => fault switch
    {
        PosixException { Errno: PosixException.EIO } => "the disk fails: check it (dmesg), and put a backup of the file back",
        PosixException { Errno: PosixException.EACCES } => $"see whose it is: ls -ld {SafePath.Quote(path)} {SafePath.Quote(Path.GetDirectoryName(path) ?? "/")}",
        _ => $"find out what made it so, then move it away: mv {SafePath.Quote(path)} {SafePath.Quote(path + ".old")}",
    };

    /// <summary>
    /// Removes the temporary files that a crash left in a directory, and says how many. Only for the one process that writes there, or, in
    /// a directory shared with other programs, the file <paramref name="ofFile"/> in it.
    /// </summary>
    public static int RemoveLeftovers(string directory, string ofFile = "")
    {
        var count = 0;
        using var dir = Posix.OpenDirectory(directory);
        foreach (var path in Directory.EnumerateFiles(directory, ".*" + TemporarySuffix))
        {
            var name = Path.GetFileName(path);
            if (IsTemporaryName(name) && name.StartsWith(ofFile.Length == 0 ? "." : $".{ofFile}.", StringComparison.Ordinal) && Libc.UnlinkAt(dir, name, 0) == 0) count++;
        }
        return count;
    }

    private static string WriteTemporary(
        SafeFileHandle dir, string name, string path, ReadOnlySpan<byte> content, UnixFileMode mode, uint? gid, bool isVolatile = false)
    {
        var temporary = TemporaryNameOf(name);
        using var file = Posix.OpenAt(dir, temporary, Libc.O_WRONLY | Libc.O_CREAT | Libc.O_EXCL, Private, path);
        try
        {
            Posix.WriteAll(file, content, path);
            Own(file, mode, gid, path);
            if (!isVolatile) Posix.Fsync(file, path);
            return temporary;
        }
        catch
        {
            _ = Libc.UnlinkAt(dir, temporary, 0);
            throw;
        }
    }

    // A rename that replaces nothing, not link and unlink: killed between those two, the file would have two names, and whoever reads it
    // refuses it for that. Where the file system has no such rename (NFS) they are all there is.
    internal static bool TryName(SafeFileHandle dir, string temporary, string name, string path)
    {
        if (Libc.RenameAt2(dir, temporary, dir, name, Libc.RENAME_NOREPLACE) == 0) return true;
        var fault = Posix.Fault("rename", path);
        var isLinked = fault.Errno == PosixException.EINVAL && Libc.LinkAt(dir, temporary, dir, name, 0) == 0;
        if (fault.Errno == PosixException.EINVAL && !isLinked) fault = Posix.Fault("link", path);
        _ = Libc.UnlinkAt(dir, temporary, 0);
        return isLinked || (fault.Errno == PosixException.EEXIST ? false : throw fault);
    }

    /// <summary>A name beside a file's for the time until it is whole; <see cref="RemoveLeftovers"/> knows it.</summary>
    // O_EXCL keeps two apart, not secrecy: no need to load OpenSSL for it, which takes a client as long as the rest of its run.
    internal static string TemporaryNameOf(string name) => $".{name}.{Random.Shared.GetHexString(RandomHexDigits, lowercase: true)}{TemporarySuffix}";

    // The group first: a change of owner clears set-ID bits, and the mode must never be wider for the wrong group.
    private static void Own(SafeFileHandle file, UnixFileMode mode, uint? gid, string path)
    {
        if (gid is { } group && Posix.Stat(file, path).Gid != group) Posix.Check(Libc.Fchown(file, Unchanged, group), "fchown", path);
        Posix.Check(Libc.Fchmod(file, (uint)mode), "fchmod", path);
    }

    private static void RefuseStrangeTarget(SafeFileHandle dir, string name, string path)
    {
        if (!Posix.TryStatAt(dir, name, path, out var stat)) return;
        var shown = SafeText.ForTerminal(path);
        if (stat.Kind != FileKind.Regular)
            throw new IOException($"{shown}: not written: {SafePath.Describe(stat.Kind)} is in its place; look at it and remove it");
        if (stat.Links != 1)
            throw new IOException($"{shown}: not written: the file has {stat.Links} names (hard links); remove this one: rm {SafePath.Quote(path)}");
    }

    private static SafeFileHandle OpenParent(string path, out string name, int access = Libc.O_RDONLY)
    {
        name = Path.GetFileName(path);
        if (name is "" or "." or "..") throw new ArgumentException("not the path of a file", nameof(path));
        var parent = Path.GetDirectoryName(path);
        return Posix.Open(string.IsNullOrEmpty(parent) ? "." : parent, access | Libc.O_DIRECTORY);
    }

    private static bool IsTemporaryName(string name) =>
        name.Length > RandomHexDigits + TemporarySuffix.Length + 2 && name[0] == '.'
        && name.EndsWith(TemporarySuffix, StringComparison.Ordinal)
        && name[^(RandomHexDigits + TemporarySuffix.Length + 1)] == '.'
        && !name.AsSpan(name.Length - RandomHexDigits - TemporarySuffix.Length, RandomHexDigits).ContainsAnyExcept(HexDigits);

    private static IOException TooLong(string path, int maxBytes) =>
        new($"{SafeText.ForTerminal(path)}: longer than {maxBytes} bytes");
}
