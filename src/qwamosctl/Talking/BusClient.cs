using Qwamos.ControlBus;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Keys;

namespace Qwamos.Client.Talking;

/// <summary>
/// One request, one answer, over a Unix stream socket (DESIGN section 3): the request in one write, the answer up to a newline or the
/// end of the stream.
/// </summary>
internal static class BusClient
{
    /// <summary>How long connecting, sending and the whole answer may take together, seconds: a daemon that hangs must not hang its operator.</summary>
    public const int PatienceSeconds = 10;

    /// <summary>
    /// Sends <paramref name="request"/> to the session's socket and reads the answer's bytes, without its newline. False when there was none: nobody listens,
    /// not in time, or more than <see cref="Limits.MaxAnswerBytes"/>.
    /// </summary>
    public static bool TryExchange(Session session, ReadOnlyMemory<byte> request, out byte[] answer, out Failure failure, int patienceSeconds = PatienceSeconds)
    {
        var path = session.SocketPath;
        answer = [];
        failure = null!;
        if (System.Text.Encoding.UTF8.GetByteCount(path) > Limits.MaxUnixPathBytes)
        {
            failure = Failure.Usage($"the socket path {path} is longer than {Limits.MaxUnixPathBytes} bytes, the most a Unix socket can have");
            return false;
        }
        Deadline deadline = new(session.Terminal.Clock, TimeSpan.FromSeconds(patienceSeconds));
        UnixSocket socket;
        try
        {
            socket = new UnixSocket(path, deadline.LeftMilliseconds);
        }
        catch (PosixException fault)
        {
            failure = NotReachable(session, fault);
            return false;
        }
        using (socket)
        {
            var sent = TrySend(socket, request.Span);
            return TryRead(socket, session, deadline, sent, out answer, out failure);
        }
    }

    /// <summary>
    /// A daemon that refuses early (too large, too many) answers and closes while the request is still being written: a broken pipe
    /// is no reason not to read what it said.
    /// </summary>
    private static bool TrySend(UnixSocket socket, ReadOnlySpan<byte> request)
    {
        try
        {
            socket.Send(request);
            return true;
        }
        catch (PosixException)
        {
            return false;
        }
    }

    private static bool TryRead(UnixSocket socket, Session session, Deadline deadline, bool sent, out byte[] answer, out Failure failure)
    {
        answer = [];
        failure = null!;
        var buffer = new byte[4096];
        var length = 0;
        while (true)
        {
            var left = deadline.LeftMilliseconds;
            if (left <= 0)
                return No(Silent(session), out failure);
            int read;
            try
            {
                read = socket.Receive(buffer.AsSpan(length), left);
            }
            catch (PosixException fault) when (fault.Errno is PosixException.EAGAIN)
            {
                return No(Silent(session), out failure);
            }
            catch (PosixException)
            {
                read = 0;
            }
            var newline = buffer.AsSpan(length, read).IndexOf((byte)'\n');
            length += newline >= 0 ? newline : read;
            if (newline >= 0 || (read == 0 && length > 0))
            {
                answer = buffer[..length];
                return true;
            }
            if (read == 0)
                return No(Closed(session, sent), out failure);
            if (length > Limits.MaxAnswerBytes)
                return No(new Failure(ExitCode.Refused, $"the answer on {session.SocketPath} is longer than {Limits.MaxAnswerBytes} bytes, so it is not a control bus's"), out failure);
            if (length == buffer.Length)
                Array.Resize(ref buffer, Math.Min(buffer.Length * 4, Limits.MaxAnswerBytes + 1));
        }
    }

    private static bool No(Failure why, out Failure failure)
    {
        failure = why;
        return false;
    }

    private static Failure NotReachable(Session session, PosixException fault)
    {
        var path = session.SocketPath;
        return fault.Errno switch
        {
            _ when Posix.TryStat(path, followLinks: true, out var found) && found.Kind != FileKind.Socket => new Failure(
                ExitCode.NotReachable,
                $"{path} is {(found.Kind == FileKind.Directory ? "a directory" : "a file")}, not a socket",
                $"Give --socket the daemon's socket: {session.Paths.BusSocket}"),
            PosixException.EACCES => new Failure(
                ExitCode.NotReachable,
                $"you may not use the socket {path}",
                "Join its group and log in again: sudo usermod -aG qwamos $USER"),
            PosixException.ECONNREFUSED => new Failure(
                ExitCode.NotReachable,
                $"no daemon answers on {path}, though one has been there",
                $"Start it: {session.StartDaemon}; what stopped it: {session.DaemonLog}"),
            PosixException.EAGAIN => Silent(session),
            _ when Posix.IsAbsent(path) => new Failure(
                ExitCode.NotReachable,
                $"there is no socket {path}: is the daemon started?",
                $"{Enrolling(session)}{session.StartDaemon}{(session.Paths.IsTrial ? "" : "; for a trial: qwamosd --root DIR, and the same --root here")}"),
            _ => new Failure(ExitCode.NotReachable, $"the socket cannot be used: {fault.Message}"),
        };
    }

    /// <summary>None starts before somebody is enrolled.</summary>
    private static string Enrolling(Session session) =>
        !WithoutLibsodium.IsInForce && !Anchor.TryLoad(session.Paths, KeyHome.DefaultDirectory, out _, out var fault) && fault.IsAbsent
            ? $"No key is enrolled here, and before that none starts: {(session.Paths.IsTrial ? "" : "sudo ")}{Anchor.EnrolLine(session.Paths, isGateway: false)}, with the file ed25519_pk of your key home; then start it: "
            : "Start it: ";

    private static Failure Silent(Session session) => new(
        ExitCode.NotReachable,
        $"the daemon on {session.SocketPath} gave no answer within {PatienceSeconds} s; whether it took the request is unknown",
        $"See what is in force with qwamosctl status, and how the daemon is: {(session.Paths.IsTrial ? session.DaemonLog : "systemctl status qwamosd")}");

    private static Failure Closed(Session session, bool sent) => new(
        ExitCode.NotReachable,
        sent
            ? $"the daemon on {session.SocketPath} closed the connection without an answer; whether it took the request is unknown"
            : $"the daemon on {session.SocketPath} closed the connection before it had the whole request",
        $"See what is in force with qwamosctl status, and what the daemon says: {session.DaemonLog}");
}
