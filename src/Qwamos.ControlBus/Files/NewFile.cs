using System.Security.Cryptography;
using Microsoft.Win32.SafeHandles;

namespace Qwamos.ControlBus.Files;

/// <summary>
/// A file that is written in parts and gets its name only when it is whole and durable, never over an existing one. Until then it has a
/// temporary name in the same directory; a process that is killed leaves that, and <see cref="Begin"/> of the same file removes it.
/// </summary>
public sealed class NewFile : IDisposable
{
    private readonly string _path;
    private readonly SafeFileHandle _file;
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private bool _isNamed;

    private NewFile(string path, string temporary, SafeFileHandle file)
    {
        _path = path;
        TemporaryPath = temporary;
        _file = file;
    }

    /// <summary>Where it is until it has its name.</summary>
    public string TemporaryPath { get; }

    /// <summary>Begins a file of this mode.</summary>
    /// <exception cref="IOException">Something of that name exists, or a call failed.</exception>
    public static NewFile Begin(string path, UnixFileMode mode)
    {
        path = Path.GetFullPath(path);
        if (Posix.Exists(path)) throw Exists(path);
        var (folder, name) = (Path.GetDirectoryName(path)!, Path.GetFileName(path));
        DurableFile.RemoveLeftovers(folder, name);
        var temporary = Path.Combine(folder, DurableFile.TemporaryNameOf(name));
        return new NewFile(path, temporary, Posix.Open(temporary, Libc.O_RDWR | Libc.O_CREAT | Libc.O_EXCL, mode));
    }

    /// <summary>Adds bytes at the end.</summary>
    /// <exception cref="IOException">A call failed.</exception>
    public void Write(ReadOnlySpan<byte> bytes)
    {
        Posix.WriteAll(_file, bytes, _path);
        _hash.AppendData(bytes);
    }

    /// <summary>Makes what was written durable, and reads it again.</summary>
    /// <returns>SHA-256 of the bytes on the disk, 64 lower-case hex digits.</returns>
    /// <exception cref="IOException">A call failed, or what is read is not what was written.</exception>
    public string Sync()
    {
        Posix.Fsync(_file, _path);
        using var written = File.OpenRead(TemporaryPath);
        var hash = SHA256.HashData(written);
        return hash.AsSpan().SequenceEqual(_hash.GetCurrentHash())
            ? Convert.ToHexStringLower(hash)
            : throw new IOException($"{SafeText.ForTerminal(TemporaryPath)}: what is read is not what was written: the disk is damaged");
    }

    /// <summary>Gives it its name, durably.</summary>
    /// <exception cref="IOException">A call failed, or the name was taken meanwhile.</exception>
    public void GiveName()
    {
        using var folder = Posix.OpenDirectory(Path.GetDirectoryName(_path)!);
        if (!DurableFile.TryName(folder, Path.GetFileName(TemporaryPath), Path.GetFileName(_path), _path)) throw Exists(_path);
        _isNamed = true;
        Posix.Fsync(folder, _path);
    }

    /// <summary>Removes it unless it has its name.</summary>
    public void Dispose()
    {
        _file.Dispose();
        _hash.Dispose();
        if (!_isNamed) File.Delete(TemporaryPath);
    }

    private static IOException Exists(string path) => new($"{SafeText.ForTerminal(path)} exists; nothing is written over it");
}
