using System.Text;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Hosting.Pipeline;
using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Policy;

namespace Qwamos.Daemon.Staging;

/// <summary>
/// The two projections on the disk. Each is replaced whole under its own name in the state directory; the links in /etc are for readers and never
/// written through. A file that says already what it must is left alone.
/// </summary>
internal sealed class ProjectionFiles(SystemPaths paths, PolicySchema schema)
{
    private const UnixFileMode Mode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead;

    /// <exception cref="IOException">A file cannot be written; the other may have been.</exception>
    public void Write(PublishedState state)
    {
        Replace(paths.StatusFile, Projections.Status(state.Policy, schema, state.LastUpdateSeconds, state.Tree));
        Replace(paths.PendingFile, Encoding.UTF8.GetBytes(Projections.Pending(state.Policy, schema)));
    }

    private static void Replace(string path, byte[] content)
    {
        if (!Says(path, content))
            DurableFile.Replace(path, content, Mode);
    }

    /// <summary>What stands there, not what was written last: somebody may have edited or removed it.</summary>
    private static bool Says(string path, byte[] content)
    {
        try
        {
            return Posix.TryStat(path, out FileStat stat) && stat.Mode == Mode && stat.SizeBytes == content.Length
                && DurableFile.ReadAllBounded(path, content.Length).AsSpan().SequenceEqual(content);
        }
        catch (IOException)
        {
            // Whatever it is, the writing tells.
            return false;
        }
    }
}
