using System.Net.Sockets;
using System.Threading.Channels;

namespace Qwamos.ControlBus.Hosting.Running;

/// <summary>
/// The lines on their way to whoever reads the log, written by a thread of its own: a reader that hangs stops nobody else. The queue is bounded;
/// lines that find it full are dropped, counted, and reported with the next line that gets through (ATTACKS 38).
/// </summary>
internal sealed class LogLines
{
    private static readonly TimeSpan StopGrace = TimeSpan.FromMilliseconds(200);

    private readonly Channel<byte[]> _waiting = Channel.CreateBounded<byte[]>(Limits.MaxWaitingLogLines);
    private readonly Action<byte[]> _write;
    private readonly Func<long, byte[]> _reportDropped;
    private readonly Thread _thread;
    private long _dropped;

    /// <param name="write">Takes one line to its reader; an <see cref="IOException"/> or a <see cref="SocketException"/> loses that line alone.</param>
    /// <param name="reportDropped">Makes the line that says how many lines are missing before it.</param>
    public LogLines(Action<byte[]> write, Func<long, byte[]> reportDropped)
    {
        _write = write;
        _reportDropped = reportDropped;
        _thread = new Thread(Run) { Name = "log", IsBackground = true };
        _thread.Start();
    }

    /// <summary>Takes a line, or counts it as dropped; never waits.</summary>
    public void Add(byte[] line)
    {
        if (!_waiting.Writer.TryWrite(line))
            Interlocked.Increment(ref _dropped);
    }

    /// <summary>Writes what waits, as far as somebody reads it within a fifth of a second; false when there is more, which its thread goes on with until the process ends.</summary>
    public bool End()
    {
        _waiting.Writer.TryComplete();
        return _thread.Join(StopGrace);
    }

    private void Run()
    {
        while (_waiting.Reader.WaitToReadAsync().AsTask().GetAwaiter().GetResult())
        {
            while (_waiting.Reader.TryRead(out byte[]? line))
            {
                long dropped = Interlocked.Exchange(ref _dropped, 0);
                if (dropped > 0)
                    Write(_reportDropped(dropped));
                Write(line);
            }
        }
    }

    private void Write(byte[] line)
    {
        try
        {
            _write(line);
        }
        catch (Exception e) when (e is IOException or SocketException)
        {
            // Nobody reads the log any more: the daemon's work does not hang on it.
        }
    }
}
