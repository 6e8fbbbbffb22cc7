using System.Net.Sockets;
using Qwamos.ControlBus.Hosting.Linking;

namespace Qwamos.Gateway.Linking;

/// <summary>
/// The VM's side of a link that is a byte stream without connection boundaries (docs/formats/links.md): each session that Dom0 begins is a connection of the daemon's
/// own listener, and ends the one before, of which half a message may be left. What is of no session is passed over and held by nobody.
/// </summary>
/// <param name="path">The port's device, for the log.</param>
/// <param name="open">Opens it; only one at a time can.</param>
/// <param name="connect">Gives one end of a new connection whose other end the listener serves.</param>
/// <param name="log">The log.</param>
internal sealed class VirtioPort(string path, Func<Stream> open, Func<Socket> connect, LogMessages log) : IDisposable
{
    /// <summary>The device reads as ended while nobody is connected in Dom0.</summary>
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    private static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(1);

    private readonly ManualResetEventSlim _stopping = new();
    private readonly Lock _writing = new();
    private Session? _session;
    private string _refused = "";
    private string? _fault;

    /// <summary>Follows the port until disposed, on a thread of its own: its reads and writes block.</summary>
    public void Start() => new Thread(Work) { IsBackground = true, Name = "link" }.Start();

    /// <summary>Ends the session. The thread ends with the process: no read of a device can be cancelled.</summary>
    public void Dispose()
    {
        _stopping.Set();
        EndSession();
    }

    private void Work()
    {
        while (!_stopping.IsSet)
        {
            try
            {
                using Stream port = open();
                _fault = null;
                log.LinkOpen(path);
                Follow(port);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or ObjectDisposedException)
            {
                if (_fault != e.Message && !_stopping.IsSet)
                    log.LinkFailed(path, e.Message);
                _fault = e.Message;
            }

            EndSession();
            _stopping.Wait(RetryAfter);
        }
    }

    private void Follow(Stream port)
    {
        var frames = new LinkFrameReader();
        byte[] buffer = new byte[LinkFrame.HeaderBytes + LinkFrame.MaxPayloadBytes];
        // A connection in Dom0 outlives a restart here, and nobody there would be told.
        Write(port, new LinkFrame(LinkFrameKind.End, LinkFrame.EverySession, default));
        while (!_stopping.IsSet)
        {
            int read = port.Read(buffer, 0, buffer.Length);
            if (read == 0)
            {
                EndSession();
                _stopping.Wait(Pause);
            }

            for (ReadOnlyMemory<byte> rest = buffer.AsMemory(0, read); !rest.IsEmpty;)
            {
                rest = rest[frames.Feed(rest.Span, out LinkFrame? frame)..];
                if (frame is { } whole)
                    Take(port, whole);
            }
        }
    }

    private void Take(Stream port, LinkFrame frame)
    {
        Session? session = Volatile.Read(ref _session);
        switch (frame.Kind)
        {
            case LinkFrameKind.Hello when frame.Payload.Span.SequenceEqual(LinkFrame.Version):
                EndSession();
                Begin(port, frame.Session);
                break;
            case LinkFrameKind.Data when session?.Name == frame.Session:
                session.Send(frame.Payload.Span);
                break;
            case LinkFrameKind.Data when _refused != frame.Session:
                // Of a session that an earlier process of this daemon had: its sender need not wait for an answer.
                _refused = frame.Session;
                Write(port, new LinkFrame(LinkFrameKind.End, frame.Session, default));
                break;
            case LinkFrameKind.End when session?.Name == frame.Session:
                EndSession();
                break;
        }
    }

    private void Begin(Stream port, string name)
    {
        var session = new Session(name, connect());
        Volatile.Write(ref _session, session);
        Write(port, new LinkFrame(LinkFrameKind.Welcome, name, default));
        new Thread(() => Answer(port, session)) { IsBackground = true, Name = "link answers" }.Start();
    }

    /// <summary>Until either side ends the session. Where Dom0 does not read, this thread waits, and the listener ends the connection.</summary>
    private void Answer(Stream port, Session session)
    {
        byte[] buffer = new byte[LinkFrame.MaxPayloadBytes];
        try
        {
            while (session.Receive(buffer) is var read and > 0)
                Write(port, new LinkFrame(LinkFrameKind.Data, session.Name, buffer.AsMemory(0, read)));
            Write(port, new LinkFrame(LinkFrameKind.End, session.Name, default));
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            // The port went away: the reading thread says so.
        }

        session.Dispose();
    }

    private void Write(Stream port, LinkFrame frame)
    {
        byte[] bytes = frame.Write();
        lock (_writing)
            port.Write(bytes, 0, bytes.Length);
    }

    private void EndSession() => Interlocked.Exchange(ref _session, null)?.Dispose();

    /// <summary>One session and its connection to the listener.</summary>
    private sealed class Session(string name, Socket socket) : IDisposable
    {
        public string Name => name;

        /// <summary>To a connection that is closed already nothing is sent.</summary>
        public void Send(ReadOnlySpan<byte> bytes)
        {
            try
            {
                while (!bytes.IsEmpty)
                    bytes = bytes[socket.Send(bytes)..];
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                // Its answering thread sees the end, too, and says it.
            }
        }

        /// <summary>0 at its end, whoever brought that about.</summary>
        public int Receive(byte[] buffer)
        {
            try
            {
                return socket.Receive(buffer);
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                return 0;
            }
        }

        public void Dispose()
        {
            // Closing alone would not wake a thread that waits to receive.
            try
            {
                socket.Shutdown(SocketShutdown.Both);
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                // It is closed.
            }

            socket.Dispose();
        }
    }
}
