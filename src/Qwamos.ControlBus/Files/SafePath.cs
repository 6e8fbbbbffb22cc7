using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;

namespace Qwamos.ControlBus.Files;

/// <summary>
/// Says whether a path may be trusted (ATTACKS 27): no link on the way or at its end, no parent that others could change, the right kind,
/// one name, owner and mode. When every parent is safe nobody but root and the owner can exchange what was checked, so that a check before
/// use is enough. A fault is one sentence that names the path at fault and ends with the command that mends it.
/// </summary>
public static class SafePath
{
    /// <summary>
    /// Checks a path. Under `--root` ownership is not required and the walk stops at DIR; outside of it (or without it) parents are
    /// walked to /, and a sticky directory owned by root is accepted. A path that does not exist is a fault.
    /// </summary>
    public static bool TryCheckTrusted(string path, SystemPaths paths, PathRules rules, [NotNullWhen(false)] out string? fault)
    {
        ArgumentNullException.ThrowIfNull(paths);
        var full = ResolveTopLink(Path.GetFullPath(path));
        var isUnderRoot = paths.IsTrial && full.StartsWith(paths.Root + "/", StringComparison.Ordinal);
        var walk = new Walk(rules, isUnderRoot);
        var start = isUnderRoot ? paths.Root!.Length : 0;
        fault = isUnderRoot ? null : walk.CheckParent("/");
        for (var end = full.IndexOf('/', start + 1); fault is null && end >= 0; end = full.IndexOf('/', end + 1))
            fault = walk.CheckParent(full[..end]);
        fault ??= walk.CheckEnd(full);
        return fault is null;
    }

    /// <summary>Checks a path of this process's user outside the system's paths, such as a key home given by `--home`.</summary>
    public static bool TryCheckOwn(string path, PathRules rules, [NotNullWhen(false)] out string? fault) =>
        TryCheckTrusted(path, SystemPaths.Real, rules, out fault);

    /// <summary>A path as one word of a shell command.</summary>
    public static string Quote(string path)
    {
        if (path.Length > 0 && path.All(c => char.IsAsciiLetterOrDigit(c) || c is '/' or '.' or '_' or '-') && path[0] != '-') return path;
        return "'" + SafeText.ForTerminal(path).Replace("'", "'\\''", StringComparison.Ordinal) + "'";
    }

    internal static string Describe(FileKind kind) => kind switch
    {
        FileKind.Regular => "a regular file",
        FileKind.Directory => "a directory",
        FileKind.SymbolicLink => "a symbolic link",
        FileKind.Fifo => "a FIFO",
        FileKind.Socket => "a socket",
        FileKind.CharacterDevice or FileKind.BlockDevice => "a device",
        _ => "something else",
    };

    // Some systems ship /home as a link to /var/home. Only root can make links in /, so this one is the system's own.
    private static string ResolveTopLink(string path)
    {
        var end = path.IndexOf('/', 1);
        if (end < 0 || !Posix.TryStat(path[..end], out var stat) || stat.Kind != FileKind.SymbolicLink || stat.Uid != 0) return path;
        var target = new FileInfo(path[..end]).LinkTarget;
        return target is null ? path : Path.GetFullPath(Path.Combine("/", target)) + path[end..];
    }

    private readonly struct Walk(PathRules rules, bool isUnderRoot)
    {
        internal string? CheckParent(string path)
        {
            if (!Posix.TryStat(path, out var stat)) return Missing(path);
            if (stat.Kind != FileKind.Directory) return Is(path, Describe(stat.Kind) + ", not a directory", "remove it");
            if (stat.IsWritableByOthers && (isUnderRoot || !stat.IsRootsStickyDirectory))
                return Is(path, "writable by others", $"chmod go-w {Quote(path)}");
            if (!isUnderRoot && !IsTrustedOwner(stat.Uid)) return WrongOwner(path, stat.Uid);
            return null;
        }

        internal string? CheckEnd(string path)
        {
            if (!Posix.TryStat(path, out var stat)) return Missing(path);
            if (stat.Kind != rules.Kind) return Is(path, $"{Describe(stat.Kind)}, not {Describe(rules.Kind)}", "remove it");
            if (stat.Kind == FileKind.Regular && stat.Links != 1)
                return Is(path, $"one of {stat.Links} names (hard links) of its file", $"replace it by a copy: cp --remove-destination {Quote(path)} {Quote(path + ".copy")} && mv {Quote(path + ".copy")} {Quote(path)}");
            if (rules.MustBeOwn && stat.Uid != Posix.EffectiveUid) return WrongOwner(path, stat.Uid);
            if (!isUnderRoot && !IsTrustedOwner(stat.Uid)) return WrongOwner(path, stat.Uid);
            if (rules.MustBeSecret && ((int)stat.Mode & 0x3F) != 0)
                return Is(path, "open to others", $"chmod {(rules.Kind == FileKind.Directory ? "700" : "600")} {Quote(path)}");
            if (stat.IsWritableByOthers) return Is(path, "writable by others", $"chmod go-w {Quote(path)}");
            if (rules.MustBeExecutable && (stat.Mode & UnixFileMode.UserExecute) == 0)
                return Is(path, "not executable", $"chmod u+x {Quote(path)}");
            return null;
        }

        private bool IsTrustedOwner(uint uid) => uid == 0 || (rules.MayBeOwn && uid == Posix.EffectiveUid);

        private string WrongOwner(string path, uint uid)
        {
            var owner = Posix.UserName(uid);
            // What is somebody's own must not become root's: it is this program that runs as the wrong user.
            if (uid != 0 && (rules.MustBeOwn || (rules.MayBeOwn && Posix.IsRoot)))
                return Is(path, $"owned by {owner}, and this runs as {Posix.UserName(Posix.EffectiveUid)}", owner switch
                {
                    "qwamos" => "systemctl start qwamosd",
                    "qwamos-gateway" => "systemctl start gateway-policyd",
                    _ => $"run this as {owner}",
                });
            var wanted = rules.MustBeOwn ? Posix.EffectiveUid : 0;
            return Is(path, $"owned by {owner}, not by {Posix.UserName(wanted)}", $"chown {wanted} {Quote(path)}");
        }

        private static string Missing(string path)
        {
            var fault = new PosixException("stat", path, Marshal.GetLastPInvokeError());
            return fault.IsNotFound ? fault.Message : $"{fault.Message}; {DurableFile.MendOfReading(fault, path)}";
        }

        private static string Is(string path, string what, string mend) => $"{SafeText.ForTerminal(path)} is {what}: {mend}";
    }
}
