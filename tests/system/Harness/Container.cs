using System.Globalization;
using System.Text.Json;
using Xunit;

namespace Qwamos.SystemTests.Harness;

/// <summary>
/// A machine of its own: Debian with systemd as its first process, in a container. What it changes stays over its reboots, and is forgotten when it
/// is disposed. Its root file system is made once and kept in a cache folder; it is read-only below each machine.
/// </summary>
internal sealed class Container : IDisposable
{
    /// <summary>What nspawn ends with when the machine reboots.</summary>
    private const int RebootExitCode = 133;

    private const int SigRtMinPlus4 = 38;
    private static readonly Lock Making = new();

    private readonly ScratchFolder _scratch = new();
    private readonly string _name;
    private RunningProgram? _machine;
    private int _leader;

    private Container(string name) => _name = name;

    /// <summary>The machine's root folder, from outside.</summary>
    public string Root => Path.Combine(_scratch.Path, "root");

    /// <summary>Makes a machine that is not started yet; skips the test, with the reason, where there can be none.</summary>
    public static Container Make()
    {
        Needs.Root();
        foreach (string tool in (string[])["mmdebstrap", "systemd-nspawn", "nsenter"])
            Needs.Tool(tool);
        var container = new Container("qw" + Guid.NewGuid().ToString("N")[..8]);
        try
        {
            container.Mount(BaseSystem());
            return container;
        }
        catch
        {
            container.Dispose();
            throw;
        }
    }

    public string At(string absolute) => Root + absolute;

    /// <summary>Writes a file from outside, before or while the machine runs.</summary>
    public void Write(string absolute, string content, string mode = "644")
    {
        string path = At(absolute);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, content);
        Succeed(["chmod", mode, path]);
    }

    /// <summary>
    /// What /proc/cmdline says to the named services from the machine's next boot on, in place of that of the kernel which it shares with its host: a mount in
    /// each one's own namespace, since those do not show what is mounted in the machine's /proc.
    /// </summary>
    public void StartWith(string commandLine, params string[] services)
    {
        Write("/srv/cmdline", commandLine + "\n");
        foreach (string service in services)
            Write($"/etc/systemd/system/{service}.d/cmdline.conf", "[Service]\nBindReadOnlyPaths=/srv/cmdline:/proc/cmdline\n");
    }

    /// <summary>Starts it, and waits until everything that it starts has started, or failed.</summary>
    public void Boot()
    {
        var environment = new Dictionary<string, string> { ["SYSTEMD_NSPAWN_UNIFIED_HIERARCHY"] = "1" };
        _machine = RunningProgram.Start(
            ["systemd-nspawn", "-q", "-b", "-D", Root, "--register=no", "--keep-unit", "-M", _name, "--private-network", "--console=pipe", "--system-call-filter=landlock_create_ruleset landlock_add_rule landlock_restrict_self"], environment);
        Eventually.True(() => (_leader = FirstProcessBelow(_machine.Id)) != 0, "nspawn starts systemd", () => _machine.Log);
        // Neither the manager nor its bus is there in the first moments.
        Eventually.True(() => Run("systemctl is-system-running --wait").Output.Trim() is "running" or "degraded", "the machine has booted", () => _machine.Log);
    }

    /// <summary>Restarts it as `systemctl reboot` does: its processes end in order, its files stay.</summary>
    public void Reboot()
    {
        Run("systemctl reboot --no-block");
        Assert.Equal(RebootExitCode, _machine!.WaitForExit());
        _machine.Dispose();
        Boot();
    }

    /// <summary>Runs a shell command in the machine, as root.</summary>
    public CommandResult Run(string command) => Command.Run(["nsenter", "-t", _leader.ToString(CultureInfo.InvariantCulture), "-a", "/bin/sh", "-c", command]);

    /// <summary>The output of a command that must succeed.</summary>
    public string Do(string command)
    {
        CommandResult result = Run(command);
        Assert.True(result.ExitCode == 0, $"{command} ended with {result.ExitCode}:\n{result.Output}{result.Error}");
        return result.Output.TrimEnd('\n');
    }

    /// <summary>Waits for a command to succeed.</summary>
    public void Await(string command, string what) => Eventually.True(() => Run(command).ExitCode == 0, what, () => Run("journalctl -b --no-pager | tail -n 60").Output);

    /// <summary>The journal of this boot as its lines, oldest first: what each unit said, and when by the monotonic clock.</summary>
    public IReadOnlyList<(string Unit, string Message)> Journal() =>
    [
        .. from line in Do("journalctl -b --no-pager -o json").Split('\n')
           where line.Length > 0
           let entry = JsonDocument.Parse(line).RootElement
           select (Member(entry, "UNIT") ?? Member(entry, "_SYSTEMD_UNIT") ?? "", Member(entry, "MESSAGE") ?? ""),
    ];

    public void Dispose()
    {
        if (_machine is { HasExited: false })
        {
            // Where it did not even start its end is not waited for.
            if (Command.Run(["kill", "-s", SigRtMinPlus4.ToString(CultureInfo.InvariantCulture), _leader.ToString(CultureInfo.InvariantCulture)]).ExitCode == 0)
                _machine.WaitForExit();
        }
        _machine?.Dispose();
        foreach (string mount in (string[])[Root, Path.Combine(_scratch.Path, "changes")])
            Command.Run(["umount", "-q", mount]);
        _scratch.Dispose();
    }

    private void Mount(string lower)
    {
        string changes = Directory.CreateDirectory(Path.Combine(_scratch.Path, "changes")).FullName;
        Directory.CreateDirectory(Root);
        CommandResult memory = Command.Run(["mount", "-t", "tmpfs", "-o", "size=1g,mode=755", "none", changes]);
        Assert.SkipUnless(memory.ExitCode == 0, "needs permission to mount: " + memory.Error);
        string upper = Directory.CreateDirectory(Path.Combine(changes, "upper")).FullName;
        string work = Directory.CreateDirectory(Path.Combine(changes, "work")).FullName;
        CommandResult overlay = Command.Run(["mount", "-t", "overlay", "-o", $"lowerdir={lower},upperdir={upper},workdir={work}", "none", Root]);
        Assert.SkipUnless(overlay.ExitCode == 0, "needs overlay file systems: " + overlay.Error);
    }

    /// <summary>The folder of the system below all machines; made, in about a minute, when it is not there yet.</summary>
    private static string BaseSystem()
    {
        const string Packages = "systemd,systemd-sysv,dbus,procps,iproute2,nftables,kmod,python3-minimal";
        string cache = Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } home ? Path.Combine(home, "qwamos-tests") : "/var/cache/qwamos-tests";
        string made = Path.Combine(cache, "bookworm-1");
        lock (Making)
        {
            if (Directory.Exists(made))
                return made;
            Directory.CreateDirectory(cache);
            string temporary = $"{made}.{Environment.ProcessId}";
            CommandResult result = Command.Run(["mmdebstrap", "--quiet", "--variant=apt", "--mode=root", "--include=" + Packages, "bookworm", temporary], patience: TimeSpan.FromMinutes(10));
            Assert.SkipUnless(result.ExitCode == 0, "needs a Debian mirror to make a machine from: " + result.Error);
            Directory.Move(temporary, made);
            return made;
        }
    }

    /// <summary>The child that is the first process of a machine, which nspawn makes by way of another; 0 while there is none.</summary>
    private static int FirstProcessBelow(int process)
    {
        string children = $"/proc/{process}/task/{process}/children";
        string[] found = File.Exists(children) ? File.ReadAllText(children).Split(' ', StringSplitOptions.RemoveEmptyEntries) : [];
        return found.Where(IsFirstOfItsMachine).Select(child => int.Parse(child, CultureInfo.InvariantCulture)).FirstOrDefault();
    }

    private static bool IsFirstOfItsMachine(string process)
    {
        try
        {
            return File.ReadLines($"/proc/{process}/status").Any(line => line.StartsWith("NSpid:", StringComparison.Ordinal) && line.EndsWith("\t1", StringComparison.Ordinal));
        }
        catch (IOException)
        {
            return false;
        }
    }

    private static void Succeed(IReadOnlyList<string> command)
    {
        CommandResult result = Command.Run(command);
        Assert.True(result.ExitCode == 0, $"{string.Join(' ', command)}: {result.Error}");
    }

    private static string? Member(JsonElement entry, string name) =>
        entry.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}
