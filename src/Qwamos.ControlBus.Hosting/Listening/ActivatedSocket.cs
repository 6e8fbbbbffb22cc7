using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net.Sockets;
using Qwamos.ControlBus.Files;

namespace Qwamos.ControlBus.Hosting.Listening;

/// <summary>
/// The listening socket that systemd made and hands over (sd_listen_fds(3)): its clients wait, rather than fail, while a daemon starts again.
/// It is believed only when it is what the socket unit of this daemon makes.
/// </summary>
internal static class ActivatedSocket
{
    /// <summary>SD_LISTEN_FDS_START.</summary>
    private const int FirstDescriptor = 3;

    private const int SolSocket = 1;
    private const int SoAcceptConn = 30;
    private const UnixFileMode Others = UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;

    /// <summary>
    /// Takes it. True without a socket when systemd handed none to this process; false with one sentence when it is another socket than that
    /// of <paramref name="path"/>.
    /// </summary>
    public static bool TryTake(string path, out Socket? socket, [NotNullWhen(false)] out string? fault) => TryTake(
        path, Environment.GetEnvironmentVariable("LISTEN_PID"), Environment.GetEnvironmentVariable("LISTEN_FDS"), FirstDescriptor, out socket, out fault);

    internal static bool TryTake(string path, string? listenPid, string? listenFds, int descriptor, out Socket? socket, [NotNullWhen(false)] out string? fault)
    {
        (socket, fault) = (null, null);
        // Variables for another process were inherited: there is no socket for this one.
        if (listenFds is null || listenPid != Environment.ProcessId.ToString(CultureInfo.InvariantCulture))
            return true;
        if (listenFds != "1")
            fault = $"systemd handed over {SafeText.ForTerminal(listenFds)} sockets, and one is needed: the socket unit must have one ListenStream={path}";
        else
            fault = Take(path, descriptor, ref socket);
        return fault is null;
    }

    private static string? Take(string path, int descriptor, ref Socket? socket)
    {
        Socket? given = null;
        try
        {
            given = new Socket(new SafeSocketHandle(descriptor, ownsHandle: true));
            if (Fault(path, given) is { } fault)
                return $"the socket from systemd {fault}: the socket unit must have ListenStream={path}, SocketMode=0660 and nothing that opens it to more";
            (socket, given) = (given, null);
            return null;
        }
        catch (Exception e) when (e is SocketException or ArgumentException)
        {
            return $"what systemd handed over is no socket: {e.Message}";
        }
        finally
        {
            given?.Dispose();
        }
    }

    private static string? Fault(string path, Socket given)
    {
        if (given.AddressFamily != AddressFamily.Unix || given.SocketType != SocketType.Stream)
            return "is no Unix stream socket";
        Span<byte> listens = stackalloc byte[sizeof(int)];
        if (given.GetRawSocketOption(SolSocket, SoAcceptConn, listens) != sizeof(int) || BitConverter.ToInt32(listens) == 0)
            return "does not listen";
        if (given.LocalEndPoint?.ToString() is var name && name != path)
            return $"is that of {SafeText.ForTerminal(name ?? "no path")}";
        if (!Posix.TryStat(path, out FileStat stat) || stat.Kind != FileKind.Socket)
            return "is not at its path any more";
        return (stat.Mode & Others) != 0 ? "is open to everybody" : null;
    }
}
