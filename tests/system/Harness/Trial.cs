using System.Text.Json;

namespace Qwamos.SystemTests.Harness;

/// <summary>
/// A whole system under a temporary root: key home, anchor, state. Programs are started with <c>--root</c>; everything is
/// removed when disposed.
/// </summary>
internal sealed class Trial : IDisposable
{
    private readonly List<RunningProgram> _programs = [];
    private readonly ScratchFolder? _scratch;

    public Trial(bool enrolled = true)
    {
        _scratch = new ScratchFolder();
        Root = _scratch.Path;
        Home = Path.Combine(Root, "home");
        if (enrolled)
            Enroll();
    }

    /// <summary>A system under a root that is there, and stays: a disk of the test's own. Nobody is enrolled.</summary>
    public Trial(string root, string home)
    {
        Root = root;
        Home = home;
    }

    public string Root { get; }

    public string Home { get; }

    public string BusSocket => At("/run/qwamos/bus.sock");

    public string GatewaySocket => At("/run/qwamos/gateway-bus.sock");

    public string StatusFile => At("/var/lib/qwamos/status.json");

    public string PendingFile => At("/var/lib/qwamos/pending.conf");

    public string LedgerFile => At("/var/lib/qwamos/ledger.db");

    /// <summary>The operator's key, made by the client itself.</summary>
    public TestSigner Signer => TestSigner.FromSeed(File.ReadAllBytes(Path.Combine(Home, "ed25519_sk")));

    public string At(string absolute) => Root + absolute;

    public void Write(string absolute, string content, UnixFileMode mode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead)
    {
        string path = At(absolute);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, content);
        File.SetUnixFileMode(path, mode);
    }

    /// <summary>Makes a key with the client and puts its public half where the verifiers look.</summary>
    public void Enroll()
    {
        CommandResult made = Client("key", "show");
        if (made.ExitCode != 0)
            throw new InvalidOperationException("qwamosctl key show: " + made.Error);
        Directory.CreateDirectory(At("/etc/qwamos"));
        File.Copy(Path.Combine(Home, "ed25519_pk"), At("/etc/qwamos/dom0.pub"), overwrite: true);
        File.SetUnixFileMode(At("/etc/qwamos/dom0.pub"), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead);
    }

    /// <summary>Starts qwamosd; and the courier with the first one, where there are domains: it outlives the daemon, and follows the next.</summary>
    public RunningProgram StartDaemon(IReadOnlyList<string>? wrapper = null, IReadOnlyDictionary<string, string>? environment = null, bool waitReady = true)
    {
        RunningProgram daemon = Start([.. wrapper ?? [], Binaries.Daemon, "--root", Root], environment, waitReady);
        if (waitReady && Courier is null && File.Exists(At("/etc/qwamos/qwamosd.json")) && File.ReadAllText(At("/etc/qwamos/qwamosd.json")).Contains("\"socket\"", StringComparison.Ordinal))
            StartCourier(environment: environment);
        return daemon;
    }

    public RunningProgram StartCourier(IReadOnlyList<string>? wrapper = null, IReadOnlyDictionary<string, string>? environment = null)
    {
        Courier = Start([.. wrapper ?? [], Binaries.Daemon, "courier", "--root", Root], environment, waitReady: true);
        return Courier;
    }

    /// <summary>The courier that was started; null while there are no domains.</summary>
    public RunningProgram? Courier { get; private set; }

    public RunningProgram StartGateway(IReadOnlyList<string>? wrapper = null, IReadOnlyDictionary<string, string>? environment = null, bool waitReady = true) =>
        Start([.. wrapper ?? [], Binaries.Gateway, "--root", Root], environment, waitReady);

    /// <summary>The daemon of another class than a gateway's, which has files of its own.</summary>
    public RunningProgram StartDomain(string @class) => Start([Binaries.Gateway, "--root", Root, "--domain", @class], null, waitReady: true);

    /// <summary>One end of a link over TLS: dial in Dom0, serve in a VM.</summary>
    public RunningProgram StartLink(string command, IReadOnlyDictionary<string, string>? environment = null) => Start([Binaries.Link, command, "--root", Root], environment, waitReady: true);

    public CommandResult Link(params string[] arguments) => Command.Run([Binaries.Link, "--root", Root, .. arguments]);

    public CommandResult ApplyPending(IReadOnlyList<string>? wrapper = null) =>
        Command.Run([.. wrapper ?? [], Binaries.Daemon, "apply-pending", "--root", Root]);

    public CommandResult Client(params string[] arguments) =>
        Command.Run([Binaries.Client, "--root", Root, "--home", Home, .. arguments]);

    public BusClient Connect() => BusClient.Connect(BusSocket);

    /// <summary>One request on a connection of its own.</summary>
    public JsonElement Ask(ReadOnlySpan<byte> request, string? socket = null)
    {
        using BusClient client = BusClient.Connect(socket ?? BusSocket);
        return client.Ask(request);
    }

    public JsonElement Set(string key, string jsonValue) => Ask(Signer.SetPolicy($"{{\"{key}\":{jsonValue}}}"));

    public JsonElement Status() => Ask("""{"msg":{"command":"get_status"}}"""u8);

    public void Dispose()
    {
        foreach (RunningProgram program in _programs)
            program.Dispose();
        _scratch?.Dispose();
    }

    private RunningProgram Start(IReadOnlyList<string> command, IReadOnlyDictionary<string, string>? environment, bool waitReady)
    {
        var program = RunningProgram.Start(command, environment);
        _programs.Add(program);
        if (waitReady)
            program.WaitReady();
        return program;
    }
}
