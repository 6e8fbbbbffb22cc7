using System.Diagnostics.CodeAnalysis;
using System.Net.Sockets;
using System.Text;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Hosting.Running;

namespace Qwamos.ControlBus.Hosting.Listening;

/// <summary>
/// The bus's socket in the file system: bound, with its mode and owner set, and not yet listening, so that at no moment somebody can connect
/// who may not (ATTACKS 25). A lock file, not the socket, says whether another daemon lives.
/// </summary>
public sealed class BusSocket : IDisposable
{
    /// <summary>Owner and group may connect.</summary>
    public const UnixFileMode Mode =
        UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.GroupWrite;

    private const string LockSuffix = ".lock";

    private readonly FileLock _lock;
    private Socket? _socket;

    private BusSocket(string path, FileLock held)
    {
        Path = path;
        _lock = held;
    }

    public string Path { get; }

    /// <summary>True when systemd made the socket, listens on it already, and keeps it when this daemon ends.</summary>
    public bool IsActivated { get; private init; }

    /// <summary>
    /// Takes the path: refuses it when another daemon holds it or something else than a socket stands there, replaces a dead daemon's socket.
    /// Where systemd made the socket, it is taken as it is.
    /// </summary>
    /// <param name="owner">Who shall own the socket; null leaves it to the user this process runs as.</param>
    /// <param name="lockFile">The lock; null is that beside the socket. Where the socket's folder is root's, one in the daemon's own folder needs nobody to make it.</param>
    public static bool TryBind(
        string path, SystemPaths paths, BusSocketOwner? owner, [NotNullWhen(true)] out BusSocket? socket, [NotNullWhen(false)] out string? fault, string? lockFile = null)
    {
        ArgumentNullException.ThrowIfNull(paths);
        lockFile ??= path + LockSuffix;
        socket = null;
        int length = Encoding.UTF8.GetByteCount(path);
        if (length > Limits.MaxUnixPathBytes)
        {
            fault = $"the socket path {SafeText.ForTerminal(path)} has {length} bytes, and Unix sockets allow {Limits.MaxUnixPathBytes}: use a shorter --root";
            return false;
        }
        string directory = System.IO.Path.GetDirectoryName(path)!;
        if (!SafePath.TryCheckTrusted(directory, paths, PathRules.OwnDirectory, out fault)
            || !SafePath.TryCheckTrusted(System.IO.Path.GetDirectoryName(lockFile)!, paths, PathRules.OwnDirectory, out fault))
            return false;
        FileLock? held = null;
        try
        {
            if (!FileLock.TryTake(lockFile, out held))
            {
                fault = AnotherServes(path);
                return false;
            }
            if (!ActivatedSocket.TryTake(path, out Socket? activated, out fault) || (activated is null && !TryClear(path, out fault)))
                return false;
            socket = new BusSocket(path, held) { IsActivated = activated is not null };
            if (activated is null)
                socket.Bind(owner);
            else
                socket._socket = activated;
            held = null;
            return true;
        }
        catch (Exception e) when (e is IOException or SocketException or UnauthorizedAccessException)
        {
            socket?._socket?.Dispose();
            socket = null;
            fault = $"cannot make the socket {SafeText.ForTerminal(path)}: {SafeText.ForTerminal(e.Message)}";
            return false;
        }
        finally
        {
            held?.Dispose();
        }
    }

    /// <summary>Whether another daemon holds this path; a sentence when it does, else null. Any user may ask.</summary>
    public static string? Rival(string path) => IsServed(path) ? AnotherServes(path) : null;

    /// <summary>Whether a daemon holds this path now.</summary>
    public static bool IsServed(string path) => FileLock.IsHeld(path + LockSuffix);

    /// <summary>Keeps every daemon from this path while something is done that none may be running for; false when one holds it.</summary>
    /// <exception cref="IOException">The lock file cannot be made, or is no regular file.</exception>
    public static bool TryLock(string path, [NotNullWhen(true)] out FileLock? held) => FileLock.TryTake(path + LockSuffix, out held);

    /// <summary>Gives the socket away still locked; whoever takes it listens on it.</summary>
    public Socket Take()
    {
        Socket taken = _socket ?? throw new InvalidOperationException("The socket is taken already.");
        _socket = null;
        return taken;
    }

    /// <summary>Lets the next daemon in. A socket nobody listens on was removed when it was closed, or is replaced by the next daemon.</summary>
    public void Dispose()
    {
        _socket?.Dispose();
        _lock.Dispose();
    }

    private static string AnotherServes(string path) => $"another daemon serves {SafeText.ForTerminal(path)}: stop it first";

    private static bool TryClear(string path, [NotNullWhen(false)] out string? fault)
    {
        fault = null;
        if (!Posix.TryStat(path, out FileStat stat))
            return true;
        if (stat.Kind != FileKind.Socket)
        {
            fault = $"{SafeText.ForTerminal(path)} is not a socket: move it away";
            return false;
        }
        File.Delete(path);
        return true;
    }

    private void Bind(BusSocketOwner? owner)
    {
        // The directory is this daemon's own and writable by nobody else, so that the path still names this socket below.
        _socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        _socket.Bind(new UnixDomainSocketEndPoint(Path));
        File.SetUnixFileMode(Path, Mode);
        if (owner is { } wanted)
            ProcessSetup.ChangeOwner(Path, wanted.Uid, wanted.Gid);
    }
}
