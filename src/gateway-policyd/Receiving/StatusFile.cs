using System.Threading.Channels;
using Qwamos.ControlBus;
using Qwamos.ControlBus.Files;

namespace Qwamos.Gateway.Receiving;

/// <summary>
/// Keeps status.json: rewritten whole, a burst of changes costs one write, and when it cannot be written it is tried again each second;
/// the changes stand all the same.
/// </summary>
internal sealed class StatusFile(string path, TimeProvider time, LogMessages log)
{
    private const UnixFileMode Mode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead;
    private static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Delay = TimeSpan.FromMilliseconds(Limits.ProjectionDelayMilliseconds);

    private readonly Channel<bool> _changes = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private volatile string _state = "ok";

    /// <summary><c>ok</c>, or why the file is not as it should be.</summary>
    public string State => _state;

    /// <summary>Says that the content has changed. Never blocks.</summary>
    public void HasChanged() => _changes.Writer.TryWrite(true);

    /// <summary>No change follows: the last ones are still written.</summary>
    public void Complete() => _changes.Writer.TryComplete();

    /// <summary>Until <see cref="Complete"/>.</summary>
    public async Task RunAsync(Func<byte[]> content)
    {
        await foreach (bool _ in _changes.Reader.ReadAllAsync().ConfigureAwait(false))
        {
            await PauseAsync(Delay).ConfigureAwait(false);
            while (!TryWrite(content()) && !_changes.Reader.Completion.IsCompleted)
                await PauseAsync(RetryAfter).ConfigureAwait(false);
        }
    }

    /// <summary>Writes the file at once, at the start.</summary>
    public bool TryWrite(ReadOnlySpan<byte> content)
    {
        try
        {
            DurableFile.Replace(path, content, Mode);
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

    /// <summary>Shorter when the daemon stops meanwhile.</summary>
    private Task<Task> PauseAsync(TimeSpan pause) => Task.WhenAny(Task.Delay(pause, time), _changes.Reader.Completion);
}
