using System.Text;
using Qwamos.ControlBus.Files;

namespace Qwamos.Daemon.Boot;

/// <summary>
/// One configuration file that an applier owns whole. Other programs of the machine read it with root's trust, so neither it nor a
/// folder above it may be a link or writable by others: such a path is refused, never repaired (ATTACK 27).
/// </summary>
internal sealed class ConfigurationFile(SystemPaths paths, string absolutePath)
{
    private const int MaxConfigurationBytes = 65_536;

    private const UnixFileMode FileMode =
        UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;

    private readonly string path = paths.At(absolutePath);
    private byte[]? found;
    private bool touched;

    /// <summary>The path without the trial root, as documents and messages name it.</summary>
    public string Name => absolutePath;

    /// <summary>Why the path cannot be trusted, or null. A path that does not exist yet is fine when the folders above it are.</summary>
    public string? Fault() => BootPaths.Fault(path, paths);

    /// <summary>The whole content; null when there is no file. Throws <see cref="IOException"/>.</summary>
    public string? Read() => Exists() ? Encoding.UTF8.GetString(DurableFile.ReadAllBounded(path, MaxConfigurationBytes)) : null;

    /// <summary>Replaces the file durably, keeping what was there for <see cref="PutBack"/>. Throws <see cref="IOException"/>.</summary>
    public void Write(string content)
    {
        touched = false;
        found = Exists() ? DurableFile.ReadAllBounded(path, MaxConfigurationBytes) : null;
        var folder = Path.GetDirectoryName(path)!;
        BootPaths.MakeDirectories(folder, paths);
        DurableFile.RemoveLeftovers(folder, Path.GetFileName(path));
        touched = true;
        DurableFile.Replace(path, Encoding.UTF8.GetBytes(content), FileMode);
    }

    /// <summary>Puts back what the last <see cref="Write"/> replaced; does nothing when nothing was written.</summary>
    public void PutBack()
    {
        if (!touched) return;
        if (found is not null) DurableFile.Replace(path, found, FileMode);
        else DurableFile.Remove(path);
        touched = false;
    }

    private bool Exists() => !Posix.IsAbsent(path);
}
