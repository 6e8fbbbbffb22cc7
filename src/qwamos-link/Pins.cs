using System.Text;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Policy;

namespace Qwamos.Linking;

/// <summary>
/// The keys of Dom0's end that root has pinned in this VM: <c>/etc/qwamos/dom0.pins</c>, one fingerprint a line. They are read anew for each connection, so that a line that is gone
/// counts no more from then on. A file that others could write holds none.
/// </summary>
internal sealed class Pins(SystemPaths paths)
{
    /// <summary>The old and the new key while one is replaced, and some room.</summary>
    public const int MaxPins = 8;

    /// <summary>Of a fingerprint.</summary>
    public const int FingerprintChars = 64;

    private const int MaxFileBytes = MaxPins * (FingerprintChars + 1);
    private const UnixFileMode FileMode = (UnixFileMode)0x1A4; // 0644

    /// <summary>Whether this is a fingerprint: 64 lower-case hex digits.</summary>
    public static bool IsFingerprint(string text) => text.Length == FingerprintChars && text.All(char.IsAsciiHexDigitLower);

    /// <summary>Why the peer's key is not to be believed, or null.</summary>
    public string? FaultOf(string fingerprint)
    {
        try
        {
            string[] pinned = Read();
            return pinned.Contains(fingerprint, StringComparer.Ordinal) ? null
                : $"its key {fingerprint} is not pinned; where qwamos-link fingerprint prints it in Dom0, as root here: {ProposedCommand.Of(paths, "qwamos-link", $"pin {fingerprint}")}";
        }
        catch (IOException e)
        {
            return e.Message;
        }
    }

    /// <summary>Adds a line; false when it is there.</summary>
    /// <exception cref="IOException">It could not be read or written, or there are too many.</exception>
    public bool Add(string fingerprint)
    {
        string[] pinned = Read();
        if (pinned.Contains(fingerprint, StringComparer.Ordinal))
            return false;
        if (pinned.Length == MaxPins)
            throw new IOException($"{MaxPins} keys are pinned, which is the most: unpin one that is not used any more");
        Write(pinned.Append(fingerprint));
        return true;
    }

    /// <summary>Removes one line, or all; false when there was nothing to remove.</summary>
    /// <exception cref="IOException">It could not be read or written.</exception>
    public bool Remove(string? fingerprint)
    {
        // Also where what is there cannot be believed: to have no pins is what was asked for.
        if (fingerprint is null)
            return !Posix.IsAbsent(File) && DurableFile.Remove(File);
        string[] pinned = Read();
        if (!pinned.Contains(fingerprint, StringComparer.Ordinal))
            return false;
        Write(pinned.Where(line => line != fingerprint));
        return true;
    }

    private void Write(IEnumerable<string> lines) => DurableFile.Replace(File, Encoding.ASCII.GetBytes(string.Concat(lines.Select(line => line + "\n"))), FileMode);

    /// <exception cref="IOException">It cannot be read, or is not to be believed.</exception>
    private string[] Read()
    {
        string path = File;
        if (Posix.IsAbsent(path))
            return [];
        if (!SafePath.TryCheckTrusted(path, paths, PathRules.TrustedFile, out string? fault))
            throw new IOException(fault);
        string[] lines = Encoding.ASCII.GetString(DurableFile.ReadAllBounded(path, MaxFileBytes)).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        return lines.Length <= MaxPins && lines.All(IsFingerprint) ? lines : throw new IOException($"{SafeText.ForTerminal(path)} must hold up to {MaxPins} lines of {FingerprintChars} lower-case hex digits");
    }

    private string File => paths.LinkPinsFile;
}
