using Qwamos.ControlBus;
using Qwamos.ControlBus.Files;

namespace Qwamos.Gateway.Receiving;

/// <summary>
/// Keeps status.json, on a thread of its own: rewritten whole, a burst of changes costs one write, and when it cannot be written it is tried again each second;
/// the changes stand all the same. It is made anew at each start, and not synced.
/// </summary>
internal sealed class StatusFile(string path, LogMessages log) : IDisposable
{
    private const UnixFileMode Mode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead;
    private static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Delay = TimeSpan.FromMilliseconds(Limits.ProjectionDelayMilliseconds);

    private readonly AutoResetEvent _changed = new(false);
    private readonly ManualResetEvent _completed = new(false);
    private Thread? _thread;
    private volatile string _state = "ok";

    /// <summary><c>ok</c>, or why the file is not as it should be.</summary>
    public string State => _state;

    /// <summary>Says that the content has changed. Never blocks.</summary>
    public void HasChanged() => _changed.Set();

    /// <summary>Writes it now, and from now on whenever it has changed.</summary>
    public void Start(Func<byte[]> content)
    {
        TryWrite(content());
        _thread = new Thread(() => Run(content)) { Name = "status", IsBackground = true };
        _thread.Start();
    }

    /// <summary>No change follows: the last ones are written.</summary>
    public void Complete()
    {
        _completed.Set();
        _thread?.Join();
    }

    public void Dispose()
    {
        _changed.Dispose();
        _completed.Dispose();
    }

    private void Run(Func<byte[]> content)
    {
        // In this order: of both, the change counts.
        WaitHandle[] either = [_changed, _completed];
        while (WaitHandle.WaitAny(either) == 0)
        {
            _completed.WaitOne(Delay);
            while (!TryWrite(content()) && !_completed.WaitOne(RetryAfter))
            {
                // Until it can be written, or the daemon stops.
            }
        }
    }

    private bool TryWrite(ReadOnlySpan<byte> content)
    {
        try
        {
            DurableFile.ReplaceVolatile(path, content, Mode);
            _state = "ok";
            return true;
        }
        catch (IOException e)
        {
            if (_state == "ok")
                log.ProjectionFailed(e.Message);
            _state = e.Message;
            return false;
        }
    }
}
