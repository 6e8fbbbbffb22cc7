using System.Text;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Policy;

namespace Qwamos.Linking;

/// <summary>
/// The keys that root has pinned for each peer: <c>/etc/qwamos/pins.d/NAME</c>, one fingerprint a line. They are read anew for each connection, so that a line that is gone counts no
/// more from then on. A file that others could write holds none.
/// </summary>
internal sealed class Pins(SystemPaths paths)
{
    /// <summary>The old and the new key while one is replaced, and some room.</summary>
    public const int MaxPins = 8;

    private const int FingerprintChars = 64;
    private const int MaxFileBytes = MaxPins * (FingerprintChars + 1);
    private const UnixFileMode FileMode = (UnixFileMode)0x1A4; // 0644
    private const UnixFileMode FolderMode = (UnixFileMode)0x1ED; // 0755

    /// <summary>Whether this is a fingerprint: 64 lower-case hex digits.</summary>
    public static bool IsFingerprint(string text) => text.Length == FingerprintChars && text.All(char.IsAsciiHexDigitLower);

    /// <summary>Why the peer's key is not to be believed, or null.</summary>
    public string? FaultOf(string name, string fingerprint)
    {
        try
        {
            string[] pinned = Read(name);
            return pinned.Contains(fingerprint, StringComparer.Ordinal) ? null
                : $"its key {fingerprint} is not pinned; to believe it, as root: {ProposedCommand.Of(paths, "qwamos-link", $"pin {name} {fingerprint}")}";
        }
        catch (IOException e)
        {
            return e.Message;
        }
    }

    /// <summary>Adds a line; false when it is there.</summary>
    /// <exception cref="IOException">It could not be read or written, or there are too many.</exception>
    public bool Add(string name, string fingerprint)
    {
        string[] pinned = Read(name);
        if (pinned.Contains(fingerprint, StringComparer.Ordinal))
            return false;
        if (pinned.Length == MaxPins)
            throw new IOException($"{name} has {MaxPins} pinned keys, which is the most: unpin one that is not used any more");
        DurableFile.MakeDirectory(paths.PinsDir, FolderMode);
        Write(name, pinned.Append(fingerprint));
        return true;
    }

    /// <summary>Removes one line, or all; false when there was nothing to remove.</summary>
    /// <exception cref="IOException">It could not be read or written.</exception>
    public bool Remove(string name, string? fingerprint)
    {
        // Also where what is there cannot be believed: to have no pins is what was asked for.
        if (fingerprint is null)
            return !Posix.IsAbsent(FileOf(name)) && DurableFile.Remove(FileOf(name));
        string[] pinned = Read(name);
        if (!pinned.Contains(fingerprint, StringComparer.Ordinal))
            return false;
        Write(name, pinned.Where(line => line != fingerprint));
        return true;
    }

    private void Write(string name, IEnumerable<string> lines) => DurableFile.Replace(FileOf(name), Encoding.ASCII.GetBytes(string.Concat(lines.Select(line => line + "\n"))), FileMode);

    /// <exception cref="IOException">It cannot be read, or is not to be believed.</exception>
    private string[] Read(string name)
    {
        string path = FileOf(name);
        if (Posix.IsAbsent(path))
            return [];
        if (!SafePath.TryCheckTrusted(path, paths, PathRules.TrustedFile, out string? fault))
            throw new IOException(fault);
        string[] lines = Encoding.ASCII.GetString(DurableFile.ReadAllBounded(path, MaxFileBytes)).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        return lines.Length <= MaxPins && lines.All(IsFingerprint) ? lines : throw new IOException($"{SafeText.ForTerminal(path)} must hold up to {MaxPins} lines of {FingerprintChars} lower-case hex digits");
    }

    private string FileOf(string name) => PolicyNames.IsDomain(name) ? Path.Combine(paths.PinsDir, name) : throw new IOException("the name is no domain's");
}
