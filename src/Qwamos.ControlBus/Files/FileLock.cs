using System.Diagnostics.CodeAnalysis;
using Microsoft.Win32.SafeHandles;

namespace Qwamos.ControlBus.Files;

/// <summary>
/// Says whether another daemon lives: flock(2) on a file of its own, released by the kernel however the holder dies. The file stays
/// behind on purpose, for removing it would let two holders lock two files of one name.
/// </summary>
public sealed class FileLock : IDisposable
{
    private readonly SafeFileHandle _file;

    private FileLock(SafeFileHandle file, string path)
    {
        _file = file;
        Path = path;
    }

    /// <summary>The lock file.</summary>
    public string Path { get; }

    /// <summary>Takes the lock at once, or returns false because another process holds it. Links and other kinds of file throw.</summary>
    /// <exception cref="PosixException">The lock file cannot be made, or is no regular file.</exception>
    public static bool TryTake(string path, [NotNullWhen(true)] out FileLock? held)
    {
        held = null;
        var file = Posix.Open(path, Libc.O_RDWR | Libc.O_CREAT | Libc.O_NONBLOCK, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        try
        {
            if (Posix.Stat(file, path).Kind != FileKind.Regular)
                throw new IOException($"{SafeText.ForTerminal(path)}: not a regular file, so it cannot be a lock; remove it");
            if (Libc.Flock(file, Libc.LOCK_EX | Libc.LOCK_NB) == 0)
            {
                held = new FileLock(file, path);
                return true;
            }
            var fault = Posix.Fault("flock", path);
            return fault.Errno == PosixException.EAGAIN ? false : throw fault;
        }
        finally
        {
            if (held is null) file.Dispose();
        }
    }

    /// <summary>True when somebody holds the lock now. For a sentence to a person: it may be let go in the next moment.</summary>
    public static bool IsHeld(string path)
    {
        try
        {
            using var file = Posix.Open(path, Libc.O_RDONLY | Libc.O_NONBLOCK);
            return Libc.Flock(file, Libc.LOCK_EX | Libc.LOCK_NB) != 0;
        }
        catch (PosixException)
        {
            return false;
        }
    }

    /// <summary>Lets the next one in, at once: a program that is being started has this file open, too, until it has begun.</summary>
    public void Dispose()
    {
        if (!_file.IsClosed) _ = Libc.Flock(_file, Libc.LOCK_UN);
        _file.Dispose();
    }
}
