using System.Diagnostics.CodeAnalysis;
using System.Net.Sockets;

namespace Qwamos.ControlBus.Hosting.Running;

/// <summary>
/// The lines on their way to whoever reads the log, written by a thread of its own: a reader that hangs stops nobody else. The queue is bounded;
/// lines that find it full are dropped, counted, and reported with the next line that gets through (ATTACKS 38).
/// </summary>
internal sealed class LogLines
{
    private static readonly TimeSpan StopGrace = TimeSpan.FromMilliseconds(200);

    private readonly Queue<byte[]> _waiting = new();
    private readonly Action<byte[]> _write;
    private readonly Func<long, byte[]> _reportDropped;
    private readonly Thread _thread;
    private long _dropped;
    private bool _isEnded;

    /// <param name="write">Takes one line to its reader; an <see cref="IOException"/> or a <see cref="SocketException"/> loses that line alone.</param>
    /// <param name="reportDropped">Makes the line that says how many lines are missing before it.</param>
    public LogLines(Action<byte[]> write, Func<long, byte[]> reportDropped)
    {
        _write = write;
        _reportDropped = reportDropped;
        _thread = new Thread(Run) { Name = "log", IsBackground = true };
        _thread.Start();
    }

    /// <summary>Takes a line, or counts it as dropped; never waits for the reader.</summary>
    public void Add(byte[] line)
    {
        lock (_waiting)
        {
            if (_isEnded)
                return;
            if (_waiting.Count == Limits.MaxWaitingLogLines)
                _dropped++;
            else
                _waiting.Enqueue(line);
            Monitor.Pulse(_waiting);
        }
    }

    /// <summary>Writes what waits, as far as somebody reads it within a fifth of a second; false when there is more, which its thread goes on with until the process ends.</summary>
    public bool End()
    {
        lock (_waiting)
        {
            _isEnded = true;
            Monitor.Pulse(_waiting);
        }
        return _thread.Join(StopGrace);
    }

    private void Run()
    {
        while (TryTake(out byte[]? line, out long dropped))
        {
            if (dropped > 0)
                Write(_reportDropped(dropped));
            Write(line);
        }
    }

    /// <summary>False when no more follow. A monitor sleeps at once: a thread that spins for the next line takes the processor from those who have some work.</summary>
    private bool TryTake([NotNullWhen(true)] out byte[]? line, out long dropped)
    {
        lock (_waiting)
        {
            while (!_waiting.TryDequeue(out line))
            {
                dropped = 0;
                if (_isEnded)
                    return false;
                Monitor.Wait(_waiting);
            }
            (dropped, _dropped) = (_dropped, 0);
            return true;
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
