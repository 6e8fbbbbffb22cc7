using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.Sockets;
using Qwamos.ControlBus.Files;

namespace Qwamos.ControlBus.Hosting.Listening;

/// <summary>
/// The listening sockets that systemd made and hands over: their clients wait, rather than fail, while a daemon starts again. Each is believed
/// only when it is what the socket unit of this daemon makes.
/// </summary>
public static class ActivatedSocket
{
    private const int SolSocket = 1;
    private const int SoAcceptConn = 30;
    private const UnixFileMode Others = UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;

    /// <summary>
    /// Takes the bus's. True without a socket when systemd handed none to this process; false with one sentence when it is another socket than
    /// that of <paramref name="path"/>.
    /// </summary>
    public static bool TryTake(string path, out Socket? socket, [NotNullWhen(false)] out string? fault) => TryTake(path, HandedSockets.Read(), out socket, out fault);

    /// <summary>Takes that for metrics, which has the name <see cref="HandedSockets.Metrics"/>: of Unix, or of this machine's loopback. Null: there is none.</summary>
    public static bool TryTakeMetrics(out Socket? socket, [NotNullWhen(false)] out string? fault) => TryTakeMetrics(HandedSockets.Read(), out socket, out fault);

    internal static bool TryTake(string path, HandedSockets handed, out Socket? socket, [NotNullWhen(false)] out string? fault)
    {
        (socket, fault) = (null, null);
        int[] found = [.. handed.Descriptors(name => name != HandedSockets.Metrics)];
        // A launcher that makes the one for metrics alone leaves the bus's to the daemon.
        if (found.Length == 0 && handed.Names.All(name => name == HandedSockets.Metrics))
            return true;
        if (found.Length != 1)
            fault = $"systemd handed over {found.Length} sockets for the bus, and one is needed: the socket unit must have one ListenStream={path}";
        else if (Take(found[0], given => FaultOfBus(path, given), ref socket) is { } why)
            fault = $"the socket from systemd {why}: the socket unit must have ListenStream={path}, SocketMode=0660 and nothing that opens it to more";
        return fault is null;
    }

    internal static bool TryTakeMetrics(HandedSockets handed, out Socket? socket, [NotNullWhen(false)] out string? fault)
    {
        (socket, fault) = (null, null);
        int[] found = [.. handed.Descriptors(name => name == HandedSockets.Metrics)];
        if (found.Length == 0)
            return true;
        if (found.Length != 1)
            fault = $"systemd handed over {found.Length} sockets for metrics: the unit must have one ListenStream=";
        else if (Take(found[0], FaultOfMetrics, ref socket) is { } why)
            fault = $"the socket for metrics from systemd {why}: the unit must have ListenStream= with a path, or with 127.0.0.1:PORT or [::1]:PORT";
        return fault is null;
    }

    private static string? Take(int descriptor, Func<Socket, string?> faultOf, ref Socket? socket)
    {
        Socket? given = null;
        try
        {
            given = new Socket(new SafeSocketHandle(descriptor, ownsHandle: true));
            if (faultOf(given) is { } fault)
                return fault;
            (socket, given) = (given, null);
            return null;
        }
        catch (Exception e) when (e is SocketException or ArgumentException)
        {
            return $"is no socket ({e.Message})";
        }
        finally
        {
            given?.Dispose();
        }
    }

    private static string? FaultOfBus(string path, Socket given)
    {
        if (given.AddressFamily != AddressFamily.Unix || given.SocketType != SocketType.Stream)
            return "is no Unix stream socket";
        if (!Listens(given))
            return "does not listen";
        if (given.LocalEndPoint?.ToString() is var name && name != path)
            return $"is that of {SafeText.ForTerminal(name ?? "no path")}";
        if (!Posix.TryStat(path, out FileStat stat) || stat.Kind != FileKind.Socket)
            return "is not at its path any more";
        return (stat.Mode & Others) != 0 ? "is open to everybody" : null;
    }

    private static string? FaultOfMetrics(Socket given)
    {
        if (given.SocketType != SocketType.Stream || !Listens(given))
            return "is no stream socket that listens";
        return given.AddressFamily == AddressFamily.Unix || (given.LocalEndPoint is IPEndPoint end && IPAddress.IsLoopback(end.Address))
            ? null
            : "can be reached from other machines";
    }

    private static bool Listens(Socket given)
    {
        Span<byte> listens = stackalloc byte[sizeof(int)];
        return given.GetRawSocketOption(SolSocket, SoAcceptConn, listens) == sizeof(int) && BitConverter.ToInt32(listens) != 0;
    }
}
