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
    public static KeyFileResult Read(string path, KeyFileRules rules, Span<byte> destination, out string fault)
    {
        try
        {
            using var file = Posix.Open(path, Libc.O_RDONLY | Libc.O_NONBLOCK);
            fault = Judge(Posix.Stat(file, path), path, rules, destination.Length) ?? "";
            if (fault.Length > 0)
                return KeyFileResult.Refused;

            int filled = 0;
            while (filled < destination.Length)
            {
                int count = Posix.Read(file, destination[filled..], path);
                if (count == 0)
                {
                    fault = $"{Show(path)} changed while it was read; run the command again";
                    return KeyFileResult.Refused;
                }

                filled += count;
            }

            return KeyFileResult.Read;
        }
        catch (PosixException e)
        {
            fault = OpenFault(path, rules, e);
            return e.IsNotFound ? KeyFileResult.Absent : KeyFileResult.Refused;
        }
    }

    private static string? Judge(FileStat stat, string path, KeyFileRules rules, int sizeBytes)
    {
        string quoted = SafePath.Quote(path);
        string moveAway = $"mv {quoted} {SafePath.Quote(path + ".old")}";
        string mend = rules.Mend ?? $"move it away: {moveAway}";
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
        if (stat.SizeBytes == sizeBytes)
            return null;
        return rules.IsPrivate
            ? $"{Show(path)} has {stat.SizeBytes} bytes, a private key has {sizeBytes}; put your backup of it back, or move it away to start anew: {moveAway}"
            : $"{Show(path)} has {stat.SizeBytes} bytes, a public key has {sizeBytes}; {mend}";
    }

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
