using System.Diagnostics.CodeAnalysis;
using System.Text;
using Qwamos.ControlBus.Files;

namespace Qwamos.ControlBus.Keys;

/// <summary>
/// The ID of this system, which a message's <c>system</c> names: 32 lower-case hex digits and a line feed in <c>/etc/qwamos/system.id</c>, 0644.
/// Random, made once by <c>enroll</c> or, in a trial, by the first start that finds an anchor; replaced only by <c>enroll --system HEX --replace</c>.
/// </summary>
public static class SystemId
{
    public const int Digits = 32;
    private const UnixFileMode Mode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;

    /// <summary>False with a sentence when the file is absent or not what it should be.</summary>
    public static bool TryLoad(SystemPaths paths, [NotNullWhen(true)] out string? id, [NotNullWhen(false)] out string? fault, bool isGateway = false)
    {
        id = null;
        if (Posix.IsAbsent(paths.SystemIdFile))
        {
            fault = $"{SafeText.ForTerminal(paths.SystemIdFile)} is missing: run `{Anchor.EnrolLine(paths, isGateway)}`{(isGateway ? "" : " again")}{Anchor.WhereHexIs(isGateway)}, or put the backup of it back";
            return false;
        }
        if (!SafePath.TryCheckTrusted(paths.SystemIdFile, paths, PathRules.TrustedFile, out fault))
            return false;
        byte[] content;
        try
        {
            content = DurableFile.ReadAllBounded(paths.SystemIdFile, Digits + 1);
        }
        catch (IOException e)
        {
            fault = e.Message;
            return false;
        }

        if (!TryParse(content, out id))
        {
            fault = $"{SafeText.ForTerminal(paths.SystemIdFile)} does not hold {Digits} lower-case hex digits; put the backup of it back";
            return false;
        }

        return true;
    }

    /// <summary>As <see cref="TryLoad"/>, and makes it when it is absent. Of two programs at once one makes it, both end with it.</summary>
    public static bool TryLoadOrCreate(SystemPaths paths, [NotNullWhen(true)] out string? id, [NotNullWhen(false)] out string? fault)
    {
        try
        {
            string fresh = Primitives.RandomHex(Digits) + "\n";
            DurableFile.CreateNew(paths.SystemIdFile, Encoding.ASCII.GetBytes(fresh), Mode);
        }
        catch (IOException e)
        {
            id = null;
            fault = e.Message;
            return false;
        }

        return TryLoad(paths, out id, out fault);
    }

    /// <summary>For Dom0's daemons: made when it is absent in a trial alone, for elsewhere root's enroll makes it, and they could not write it.</summary>
    public static bool TryFind(SystemPaths paths, [NotNullWhen(true)] out string? id, [NotNullWhen(false)] out string? fault) =>
        paths.IsTrial ? TryLoadOrCreate(paths, out id, out fault) : TryLoad(paths, out id, out fault);

    /// <summary>True for the form of an ID.</summary>
    public static bool IsWellFormed(string id) => LowerHex.Is(id, Digits);

    /// <summary>Makes this the system's ID, in place of another or a bad one too. False with a sentence when it is not well formed or cannot be trusted.</summary>
    /// <exception cref="IOException">It cannot be written; the old one, or none, is in place.</exception>
    internal static bool TryReplace(SystemPaths paths, string id, [NotNullWhen(false)] out string? fault)
    {
        fault = IsWellFormed(id) ? null : $"a system ID has {Digits} lower-case hex digits";
        if (fault is not null)
            return false;
        DurableFile.Replace(paths.SystemIdFile, Encoding.ASCII.GetBytes(id + "\n"), Mode);
        return TryLoad(paths, out _, out fault);
    }

    private static bool TryParse(ReadOnlySpan<byte> content, [NotNullWhen(true)] out string? id)
    {
        string text = Encoding.Latin1.GetString(content);
        text = text.EndsWith('\n') ? text[..^1] : text;
        id = LowerHex.Is(text, Digits) ? text : null;
        return id is not null;
    }
}
