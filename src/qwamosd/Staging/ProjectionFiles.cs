using System.Text;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Hosting.Pipeline;
using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Policy;

namespace Qwamos.Daemon.Staging;

/// <summary>
/// The two projections on the disk. Each is replaced whole under its own name in the state directory; the links in /etc are for readers and never
/// written through. A file whose content would not change is left alone.
/// </summary>
internal sealed class ProjectionFiles(SystemPaths paths, PolicySchema schema)
{
    private const UnixFileMode Mode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead;

    private byte[]? _status;
    private byte[]? _pending;

    /// <exception cref="IOException">A file cannot be written; the other may have been.</exception>
    public void Write(PublishedState state)
    {
        Replace(paths.StatusFile, Projections.Status(state.Policy, schema, state.LastUpdateSeconds, state.Tree), ref _status);
        Replace(paths.PendingFile, Encoding.UTF8.GetBytes(Projections.Pending(state.Policy, schema)), ref _pending);
    }

    private static void Replace(string path, byte[] content, ref byte[]? written)
    {
        if (written is not null && written.AsSpan().SequenceEqual(content))
            return;
        written = null;
        DurableFile.Replace(path, content, Mode);
        written = content;
    }
}
