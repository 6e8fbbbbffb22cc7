using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Policy;

namespace Qwamos.Client.Checking;

/// <summary>The system's files: who owns them, who may write them, where links lead, whether what is configured can be read, and room on the disk.</summary>
internal static class FileChecks
{
    private const long MinFreeBytes = 16 << 20;
    private const long FewFreeBytes = 256 << 20;
    private const string Account = "qwamos";
    private const string Root = "root";

    public static IEnumerable<Finding> Run(Session session)
    {
        var paths = session.Paths;
        yield return Folder("configuration", paths, paths.EtcDir, Root, "755");
        yield return Folder("state", paths, paths.StateDir, Account, "750");
        yield return Folder("boot's state", paths, paths.BootDir, Root, "750");
        yield return Folder("socket's folder", paths, paths.RunDir, Root, "755");
        yield return Link("status link", paths, paths.EtcStatusLink, "../../var/lib/qwamos/status.json");
        yield return Link("pending link", paths, paths.EtcPendingLink, "../../var/lib/qwamos/pending.conf");
        var hasSchema = session.TryLoadSchema(out var schema, out var failure);
        yield return hasSchema
            ? Finding.Good("schema", $"{schema.RuntimeCount} runtime keys, {schema.RebootCount} reboot keys, from {schema.Origin}")
            : Finding.Bad("schema", failure.Reason, failure.Mend);
        if (hasSchema)
            yield return DaemonConfig.TryLoad(paths, schema, out var config, out var fault)
                ? Finding.Good("domains", config.Gateways.Count == 0 ? "domains.json and qwamosd.json name none" : string.Join(", ", config.Gateways.Select(gateway => gateway.Name)))
                : Finding.Bad("domains", fault, $"mend the file, and then: {session.RestartDaemons}");
        yield return Disk(paths.StateDir);
    }

    private static Finding Folder(string area, SystemPaths paths, string path, string owner, string mode)
    {
        if (!Posix.TryStat(path, out var stat))
            return Posix.IsAbsent(path)
                ? Finding.Bad(area, $"{path} is not there", paths.IsTrial ? $"start the daemon: qwamosd --root {SafePath.Quote(paths.Root)}" : "reinstall the package, or: sudo systemd-tmpfiles --create")
                : Finding.NotSeen(area, $"{path} cannot be seen by this user");
        if (stat.Kind != FileKind.Directory)
            return Finding.Bad(area, $"{path} is no folder", $"look at it, and move it away: sudo mv {SafePath.Quote(path)} {SafePath.Quote(path + ".old")}");
        var found = Convert.ToString((int)stat.Mode & 0x1FF, 8);
        if (paths.IsTrial)
            return stat.IsWritableByOthers ? Finding.Bad(area, $"{path} is writable by others", $"chmod go-w {SafePath.Quote(path)}") : Finding.Good(area, path);
        var name = Posix.UserName(stat.Uid);
        if (name != owner)
            return Finding.Bad(area, $"{path} is owned by {name}, not by {owner}", $"sudo chown {owner} {SafePath.Quote(path)}");
        return found == mode
            ? Finding.Good(area, $"{path}, {owner}, {mode}")
            : Finding.Bad(area, $"{path} has mode {found}, not {mode}", $"sudo chmod {mode} {SafePath.Quote(path)}");
    }

    private static Finding Link(string area, SystemPaths paths, string path, string target)
    {
        var mend = $"{(paths.IsTrial ? "" : "sudo ")}ln -sfn {target} {SafePath.Quote(path)}";
        if (!Posix.TryStat(path, out var stat))
            return Finding.Doubtful(area, $"{path} is not there: programs of the old design look for it", mend);
        if (stat.Kind != FileKind.SymbolicLink)
            return Finding.Doubtful(area, $"{path} is a file, perhaps of the old design, and shows nothing of this one", $"look at it, and put the link in its place: {mend}");
        return new FileInfo(path).LinkTarget == target
            ? Finding.Good(area, $"{path} leads to the projection")
            : Finding.Bad(area, $"{path} leads to {new FileInfo(path).LinkTarget}", mend);
    }

    private static Finding Disk(string path)
    {
        if (!Directory.Exists(path))
            return Finding.NotSeen("disk", $"{path} is not there, or not to be seen by this user");
        try
        {
            var free = new DriveInfo(path).AvailableFreeSpace;
            var what = $"{free >> 20} MiB free on the disk of {path}";
            if (free < MinFreeBytes)
                return Finding.Bad("disk", what, "free some: below that changes are refused, and nothing is lost");
            return free < FewFreeBytes ? Finding.Doubtful("disk", what, "free some before it is full") : Finding.Good("disk", what);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return Finding.NotSeen("disk", $"the disk of {path} cannot be seen: {e.Message}");
        }
    }
}
