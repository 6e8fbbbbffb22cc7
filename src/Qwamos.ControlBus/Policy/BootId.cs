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
        ArgumentNullException.ThrowIfNull(paths);
        if (!TrustedDocument.TryReadIfPresent(paths.BootIdFile, paths, MaxBytes, out var content, out fault) || content is null)
            return null;
        var text = Encoding.ASCII.GetString(content);
        if (text.Length == MaxBytes && text[^1] == '\n' && text[..^1].All(char.IsAsciiHexDigitLower))
            return text[..^1];
        fault = $"{paths.BootIdFile} is not {Digits} lower-case hex digits: rm {SafePath.Quote(paths.BootIdFile)}";
        return null;
    }

    /// <summary>The same for root's programs: it is made when there is none. Null with a fault when it cannot be.</summary>
    public static string? ReadOrMake(SystemPaths paths, out string fault)
    {
        var there = Read(paths, out fault);
        if (there is not null || fault.Length > 0)
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
}
