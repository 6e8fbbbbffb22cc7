using System.Runtime.InteropServices;

namespace Qwamos.ControlBus.Files;

/// <summary>A system call that failed: which, on what path, and with which errno. The message names all three.</summary>
public sealed class PosixException : IOException
{
    /// <summary>No such file or directory.</summary>
    public const int ENOENT = 2;

    /// <summary>A signal came in between.</summary>
    public const int EINTR = 4;

    /// <summary>Input or output error: the medium failed.</summary>
    public const int EIO = 5;

    /// <summary>It would have to wait, or has waited as long as it may.</summary>
    public const int EAGAIN = 11;

    /// <summary>Permission denied.</summary>
    public const int EACCES = 13;

    /// <summary>The file exists.</summary>
    public const int EEXIST = 17;

    /// <summary>No space left on the device.</summary>
    public const int ENOSPC = 28;

    /// <summary>A symbolic link where none may be.</summary>
    public const int ELOOP = 40;

    /// <summary>Nobody listens on the socket.</summary>
    public const int ECONNREFUSED = 111;

    internal const int ENOTDIR = 20;
    internal const int EINVAL = 22;
    internal const int EDQUOT = 122;

    /// <summary>Wraps the errno of <paramref name="call"/> on <paramref name="path"/>.</summary>
    public PosixException(string call, string path, int errno)
        : base($"{SafeText.ForTerminal(path)}: {call}: {Marshal.GetPInvokeErrorMessage(errno)}")
    {
        Call = call;
        Path = path;
        Errno = errno;
    }

    /// <summary>The system call, e.g. "fsync".</summary>
    public string Call { get; }

    /// <summary>The path it was made for.</summary>
    public string Path { get; }

    /// <summary>Linux's error number.</summary>
    public int Errno { get; }

    /// <summary>True when the file, or a directory on its way, does not exist.</summary>
    public bool IsNotFound => Errno is ENOENT;

    /// <summary>True when the disk, or the user's share of it, is full.</summary>
    public bool IsFull => Errno is ENOSPC or EDQUOT;
}
