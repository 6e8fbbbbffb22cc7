using Qwamos.ControlBus.Files;

namespace Qwamos.ControlBus.Keys;

/// <summary>
/// Reads a key file without following a link and without waiting for a FIFO's writer, and judges what was opened, not the path: nothing can be
/// put in its place between check and read (ATTACKS 31). Each fault is one sentence that ends with the command that mends it.
/// </summary>
internal static class KeyFile
{
    private const UnixFileMode OpenToOthers =
        UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.GroupExecute
        | UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;

    /// <summary>Fills <paramref name="destination"/> exactly; the file must have that size.</summary>
    public static KeyFileResult Read(string path, KeyFileRules rules, Span<byte> destination, out string fault) =>
        Read(path, rules, destination, destination.Length, out _, out fault);

    /// <summary>A private key file: a raw seed, or the text of a protected key. Whatever else it is, is refused.</summary>
    /// <param name="room"><see cref="Limits.MaxPrivateKeyFileBytes"/> bytes; the caller wipes it.</param>
    public static KeyFileResult ReadPrivate(string path, Span<byte> room, out int length, out string fault)
    {
        var result = Read(path, KeyFileRules.Private, room, SigningKey.SeedSizeBytes, out length, out fault);
        if (result != KeyFileResult.Read || length == SigningKey.SeedSizeBytes || ProtectedKey.IsOne(room[..length]))
            return result;
        fault = SizeFault(path, KeyFileRules.Private, length, SigningKey.SeedSizeBytes, "");
        return KeyFileResult.Refused;
    }

    private static KeyFileResult Read(string path, KeyFileRules rules, Span<byte> destination, int sizeBytes, out int length, out string fault)
    {
        length = 0;
        try
        {
            using var file = Posix.Open(path, Libc.O_RDONLY | Libc.O_NONBLOCK);
            var stat = Posix.Stat(file, path);
            fault = Judge(stat, path, rules, sizeBytes, destination.Length) ?? "";
            if (fault.Length > 0)
                return KeyFileResult.Refused;

            while (length < stat.SizeBytes)
            {
                int count = Posix.Read(file, destination[length..(int)stat.SizeBytes], path);
                if (count == 0)
                {
                    fault = $"{Show(path)} changed while it was read; run the command again";
                    return KeyFileResult.Refused;
                }

                length += count;
            }

            return KeyFileResult.Read;
        }
        catch (PosixException e)
        {
            fault = OpenFault(path, rules, e);
            return e.IsNotFound ? KeyFileResult.Absent : KeyFileResult.Refused;
        }
    }

    private static string? Judge(FileStat stat, string path, KeyFileRules rules, int sizeBytes, int maxBytes)
    {
        string quoted = SafePath.Quote(path);
        string mend = rules.Mend ?? $"move it away: {MoveAway(path)}";
        if (stat.Kind != FileKind.Regular)
            return $"{Show(path)} is {SafePath.Describe(stat.Kind)}, not a key; {mend}";
        if (rules.RequireOwner && stat.Uid != Posix.EffectiveUid)
            return $"{Show(path)} belongs to uid {stat.Uid}, not to uid {Posix.EffectiveUid}; mend it: sudo chown {Posix.EffectiveUid} {quoted}";
        if (rules.RequireOwner && stat.Links != 1)
            return $"{Show(path)} is one of {stat.Links} names (hard links) of its file; remove the others, or replace it by a copy: "
                + $"cp --remove-destination {quoted} {SafePath.Quote(path + ".copy")} && mv {SafePath.Quote(path + ".copy")} {quoted}";
        if (rules.IsPrivate && (stat.Mode & OpenToOthers) != 0)
            return $"{Show(path)} is a private key that others can reach (mode {Octal(stat)}); mend it: chmod 600 {quoted}";
        if (stat.IsWritableByOthers)
            return $"{Show(path)} can be written by others (mode {Octal(stat)}); mend it: chmod go-w {quoted}";
        return stat.SizeBytes == sizeBytes || (stat.SizeBytes > sizeBytes && stat.SizeBytes <= maxBytes) ? null : SizeFault(path, rules, stat.SizeBytes, sizeBytes, mend);
    }

    private static string SizeFault(string path, KeyFileRules rules, long found, int sizeBytes, string mend) => rules.IsPrivate
        ? $"{Show(path)} has {found} bytes, a private key has {sizeBytes}; put your backup of it back, or move it away to start anew: {MoveAway(path)}"
        : $"{Show(path)} has {found} bytes, a public key has {sizeBytes}; {mend}";

    private static string MoveAway(string path) => $"mv {SafePath.Quote(path)} {SafePath.Quote(path + ".old")}";

    private static string OpenFault(string path, KeyFileRules rules, PosixException e)
    {
        string quoted = SafePath.Quote(path);
        return e.Errno switch
        {
            PosixException.ENOENT => $"{Show(path)} does not exist{(rules.Mend is null ? "" : $"; {rules.Mend}")}",
            PosixException.ELOOP when rules.Mend is not null => $"{Show(path)} is a symbolic link; {rules.Mend}",
            PosixException.ELOOP =>
                $"{Show(path)} is a symbolic link; put the file itself there: cp --remove-destination \"$(readlink -f {quoted})\" {quoted}",
            PosixException.EACCES => $"{Show(path)} cannot be read by uid {Posix.EffectiveUid}; mend it: sudo chown {Posix.EffectiveUid} {quoted}",
            _ => e.Message,
        };
    }

    private static string Octal(FileStat stat) => Convert.ToString((int)stat.Mode, 8);

    private static string Show(string path) => SafeText.ForTerminal(path);
}
