using System.Net.Sockets;
using System.Text;
using Xunit;

namespace Qwamos.SystemTests.Harness;

/// <summary>
/// A real virtual machine, by software emulation: Debian's kernel, busybox, and the published gateway-policyd on a virtio-serial port, with a disk that keeps what the machine
/// had. Its console is a file.
/// </summary>
internal sealed class VirtualMachine : IDisposable
{
    private const string Emulator = "qemu-system-x86_64";

    /// <summary>In the order in which they are asked for; what they need is found in modules.dep.</summary>
    private static readonly string[] Modules = ["virtio_pci", "virtio_console", "virtio_blk", "ext4"];

    private readonly string _folder;
    private RunningProgram? _machine;

    private VirtualMachine(string folder) => _folder = folder;

    /// <summary>Where Dom0 reaches its port.</summary>
    public string Port => Path.Combine(_folder, "bus");

    public string Console => File.Exists(ConsoleFile) ? File.ReadAllText(ConsoleFile) : "";

    private string ConsoleFile => Path.Combine(_folder, "console");

    private string Monitor => Path.Combine(_folder, "mon");

    private static string KernelFolder =>
        Path.Combine(Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } home ? home : "/var/cache", "qwamos-tests", "kernel");

    /// <summary>Makes a machine that serves a domain and takes the operator's key at its first boot; skips the test, with the reason, where there can be none.</summary>
    /// <param name="trial">Whose key and system.</param>
    /// <param name="folder">A short path, for sockets.</param>
    /// <param name="class">The domain's class, and its name.</param>
    public static VirtualMachine Make(Trial trial, string folder, string @class)
    {
        foreach (string tool in (string[])[Emulator, "busybox", "cpio", "mkfs.ext4"])
            Needs.Tool(tool);
        Assert.SkipUnless(Directory.Exists(KernelFolder), $"needs a kernel in {KernelFolder}: ./test unpacks one when it is root");
        Directory.CreateDirectory(folder);
        var machine = new VirtualMachine(folder);
        machine.MakeDisk();
        machine.MakeInitrd(trial, @class);
        return machine;
    }

    /// <summary>Starts it; <see cref="WaitForConsole"/> sees what it does.</summary>
    public void Start() => _machine = RunningProgram.Start(
    [
        Emulator, "-accel", "tcg", "-cpu", "max", "-m", "512", "-nodefaults", "-no-user-config", "-display", "none",
        "-kernel", Directory.GetFiles(Path.Combine(KernelFolder, "boot"), "vmlinuz-*").Single(), "-initrd", Path.Combine(_folder, "initrd.gz"),
        "-append", "console=ttyS0 panic=-1 rdinit=/init quiet mitigations=off", "-serial", $"file:{ConsoleFile}", "-monitor", $"unix:{Monitor},server=on,wait=off",
        "-drive", $"file={Path.Combine(_folder, "disk")},format=raw,if=virtio,cache=writethrough", "-device", "virtio-serial-pci",
        "-chardev", $"socket,id=bus,path={Port},server=on,wait=off", "-device", "virtserialport,chardev=bus,name=org.qwamos.bus",
    ]);

    /// <summary>Presses the button: no program in it is asked. The connection to its port stays.</summary>
    public void Reset()
    {
        using var monitor = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        monitor.Connect(new UnixDomainSocketEndPoint(Monitor));
        monitor.Send("system_reset\n"u8);
        // Only what has answered has read it.
        byte[] answer = new byte[256];
        var said = new StringBuilder();
        while (!said.ToString().Contains("system_reset", StringComparison.Ordinal) && monitor.Receive(answer) is var read and > 0)
            said.Append(Encoding.UTF8.GetString(answer, 0, read));
    }

    /// <summary>Ends the emulator as a power cut does.</summary>
    public void CutPower() => _machine!.Kill9();

    /// <summary>Waits until the console has shown a text so often.</summary>
    public void WaitForConsole(string text, int times = 1) => Eventually.True(() => Console.Split(text).Length > times, $"the machine says '{text}'", () => Console, patience: TimeSpan.FromSeconds(90));

    public void Dispose() => _machine?.Dispose();

    private void MakeDisk()
    {
        string disk = Path.Combine(_folder, "disk");
        using (FileStream file = File.Create(disk))
            file.SetLength(64 << 20);
        Succeed(["mkfs.ext4", "-q", "-F", disk]);
    }

    private void MakeInitrd(Trial trial, string @class)
    {
        string root = Path.Combine(_folder, "ir");
        foreach (string made in (string[])["bin", "proc", "sys", "dev", "tmp", "run", "disk", "lib/mod", "lib64", "etc/qwamos", "var/lib"])
            Directory.CreateDirectory(Path.Combine(root, made));
        File.Copy("/bin/busybox", Path.Combine(root, "bin/busybox"));
        string bin = Path.GetDirectoryName(Binaries.Gateway)!;
        foreach (string file in (string[])["gateway-policyd", "libsodium.so", "libe_sqlite3.so"])
            File.Copy(Path.Combine(bin, file), Path.Combine(root, "bin", file));
        foreach (string library in Libraries())
            Copy(library, root);
        string[] modules = [.. OrderedModules()];
        foreach (string module in modules)
            File.Copy(module, Path.Combine(root, "lib/mod", Path.GetFileName(module)));
        File.Copy(Path.Combine(trial.Home, "ed25519_pk"), Path.Combine(root, "operator.pk"));
        string system = File.ReadAllText(trial.At("/etc/qwamos/system.id")).Trim();
        File.WriteAllText(Path.Combine(root, "init"), Init(@class, modules.Select(Path.GetFileName)!, trial.Signer.KeyId, system));
        File.SetUnixFileMode(Path.Combine(root, "init"), (UnixFileMode)0x1ED);
        Succeed(["sh", "-c", $"cd '{root}' && find . | cpio -o -H newc --quiet | gzip -1 > ../initrd.gz"]);
        Directory.Delete(root, recursive: true);
    }

    private static string Init(string @class, IEnumerable<string> modules, string keyId, string system) => $$"""
        #!/bin/busybox sh
        export PATH=/bin
        /bin/busybox --install -s /bin
        mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev; mount -t tmpfs run /run; mount -t tmpfs tmp /tmp
        for m in {{string.Join(' ', modules)}}; do insmod /lib/mod/$m; done
        mount -t ext4 /dev/vda /disk
        mkdir -p /disk/etc/hooks.d /disk/state /run/qwamos /dev/virtio-ports /var/lib/qwamos-{{@class}}
        chmod 700 /disk/state
        mount --bind /disk/etc /etc/qwamos; mount --bind /disk/state /var/lib/qwamos-{{@class}}
        for port in /sys/class/virtio-ports/*; do ln -s /dev/${port##*/} /dev/virtio-ports/$(cat $port/name); done
        for key in RADIO_ISOLATION RADIO_IDLE_TIMEOUT_MIN TOR_ISOLATION CLIPBOARD_ISOLATION; do
          printf '#!/bin/busybox sh\necho "HOOK $1 $2" > /dev/console\n' > /etc/qwamos/hooks.d/$key; chmod 755 /etc/qwamos/hooks.d/$key
        done
        if [ ! -e /etc/qwamos/dom0.pub ]; then
          echo '{"name":"{{@class}}","class":"{{@class}}","listen":["virtio:/dev/virtio-ports/org.qwamos.bus"]}' > /etc/qwamos/{{@class}}.json
          gateway-policyd enroll /operator.pk --system {{system}} --fingerprint {{keyId}} && echo ENROLLED
        fi
        sync
        echo BOOTED
        while true; do gateway-policyd --domain {{@class}}; echo ENDED; sleep 1; done

        """;

    /// <summary>The program's own, and those that the framework opens for hashes.</summary>
    private static IEnumerable<string> Libraries()
    {
        string[] named = Command.Run(["ldd", Binaries.Gateway]).Output.Split(['\n', ' ', '\t'], StringSplitOptions.RemoveEmptyEntries);
        string beside = Path.GetDirectoryName(Array.Find(named, word => word.EndsWith("/libc.so.6", StringComparison.Ordinal)))!;
        return named.Where(word => word.StartsWith('/')).Concat([Path.Combine(beside, "libssl.so.3"), Path.Combine(beside, "libcrypto.so.3"), Path.Combine(beside, "libdl.so.2"), Path.Combine(beside, "libpthread.so.0")])
            .Where(File.Exists).Distinct();
    }

    private static void Copy(string library, string root)
    {
        string target = root + library;
        Directory.CreateDirectory(Path.GetDirectoryName(target)!);
        File.Copy(File.ResolveLinkTarget(library, returnFinalTarget: true)?.FullName ?? library, target, overwrite: true);
    }

    private static List<string> OrderedModules()
    {
        string folder = Directory.GetDirectories(Path.Combine(KernelFolder, "lib/modules")).Single();
        Dictionary<string, string> found = Directory.GetFiles(folder, "*.ko", SearchOption.AllDirectories).ToDictionary(path => Path.GetFileNameWithoutExtension(path).Replace('-', '_'));
        List<string> ordered = [];
        foreach (string name in Modules)
            Add(name);
        return ordered;

        void Add(string name)
        {
            if (!found.TryGetValue(name, out string? path) || ordered.Contains(path))
                return;
            // Unpacked, the package has no modules.dep: a module says itself what it needs.
            foreach (string needed in Needed(path))
                Add(needed);
            ordered.Add(path);
        }
    }

    private static string[] Needed(string module)
    {
        string text = Encoding.Latin1.GetString(File.ReadAllBytes(module));
        IEnumerable<string> Values(string name) => text.Split('\0').Where(entry => entry.StartsWith(name + "=", StringComparison.Ordinal)).SelectMany(entry => entry[(name.Length + 1)..].Split(',', ' '));
        return [.. Values("depends").Concat(Values("softdep").Where(word => word != "pre:")).Select(name => name.Replace('-', '_')).Where(name => name.Length > 0)];
    }

    private static void Succeed(IReadOnlyList<string> command)
    {
        CommandResult result = Command.Run(command);
        if (result.ExitCode != 0)
            throw new InvalidOperationException($"{command[0]}: {result.Error}");
    }
}
