using System.Text;
using Qwamos.ControlBus.Files;

namespace Qwamos.ControlBus.Policy;

/// <summary>
/// Which boot this is: a random ID in `/run/qwamos-boot.id`, made by the first of root's programs that asks, and gone with the boot, for `/run` is
/// empty at the beginning of each. The kernel's own ID is that of the host where this machine is a container.
/// </summary>
public static class BootId
{
    /// <summary>Hex digits of an ID.</summary>
    public const int Digits = 32;

    private const int MaxBytes = Digits + 1;
    private const UnixFileMode FolderMode = (UnixFileMode)0x1ED; // 0755
    private const UnixFileMode Mode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;

    /// <summary>The ID; null without a fault when none of root's programs has run in this boot.</summary>
    public static string? Read(SystemPaths paths, out string fault)
    {
        if (!TryRead(paths, out var id, out fault) || id is not { Length: 0 })
            return id;
        fault = $"{paths.BootIdFile} is not {Digits} lower-case hex digits: rm {SafePath.Quote(paths.BootIdFile)}";
        return null;
    }

    /// <summary>
    /// The same for root's programs: it is made when there is none, or one that a power cut left half written where `/run` is a disk. Null with a fault
    /// when it cannot be, or what is there is not root's.
    /// </summary>
    public static string? ReadOrMake(SystemPaths paths, out string fault)
    {
        if (!TryRead(paths, out var there, out fault) || there is { Length: > 0 })
            return there;
        try
        {
            var folder = Path.GetDirectoryName(paths.BootIdFile)!;
            if (paths.IsTrial)
                DurableFile.MakeDirectory(folder, FolderMode);
            DurableFile.RemoveLeftovers(folder, Path.GetFileName(paths.BootIdFile));
            // It tells boots apart and is no secret: OpenSSL, which takes as long to load as the rest of the boot, is not needed for it.
            DurableFile.ReplaceVolatile(paths.BootIdFile, Encoding.ASCII.GetBytes(Random.Shared.GetHexString(Digits, lowercase: true) + "\n"), Mode);
        }
        catch (IOException e)
        {
            fault = e.Message;
            return null;
        }
        return Read(paths, out fault);
    }

    /// <summary>Empty: what is there is no ID.</summary>
    private static bool TryRead(SystemPaths paths, out string? id, out string fault)
    {
        ArgumentNullException.ThrowIfNull(paths);
        id = null;
        if (!TrustedDocument.TryReadIfPresent(paths.BootIdFile, paths, MaxBytes, out var content, out fault))
            return false;
        if (content is not null)
        {
            var text = Encoding.ASCII.GetString(content);
            id = text.Length == MaxBytes && text[^1] == '\n' && text[..^1].All(char.IsAsciiHexDigitLower) ? text[..^1] : "";
        }
        return true;
    }
}
