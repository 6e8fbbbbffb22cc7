using System.Text;
using System.Text.RegularExpressions;
using Qwamos.ControlBus.Ledger;
using Qwamos.SystemTests.Harness;
using Xunit;

namespace Qwamos.SystemTests;

/// <summary>
/// A system that lived a while, and what its disk holds: after a kill with a write-ahead log, after a clean stop without; an export of it and a proof,
/// cosigned by a gateway. Everything in it can be damaged and judged by the published programs.
/// </summary>
internal sealed partial class CorruptionRun : IDisposable
{
    private const int Changes = 40;
    private const int LaterChanges = 12;
    private const string OneGateway = """{"gateways":[{"name":"gateway","class":"gateway","socket":"/run/qwamos/gateway-bus.sock"}]}""";

    private readonly Trial _trial = new();
    private readonly string _key;

    public CorruptionRun()
    {
        _trial.Write("/etc/qwamos/qwamosd.json", OneGateway);
        RunningProgram gateway = _trial.StartGateway();
        RunningProgram daemon = _trial.StartDaemon();
        Change(Changes);
        Client("audit", "key", "--sign");
        _key = Client("audit", "key").Trim();
        Assert.Equal(0, daemon.Stop());
        Assert.Equal(0, _trial.ApplyPending().ExitCode);
        daemon = _trial.StartDaemon();
        Change(LaterChanges);
        AwaitWitness();
        Client("audit", "export", Export);
        File.WriteAllText(Proof, Client("audit", "prove", "3"));
        File.WriteAllText(Witnesses, Command.Run([Binaries.Gateway, "witness", "--root", _trial.Root]).Output);
        Eventually.True(() => File.ReadAllText(Checkpoint).Split('\n')[2] == Size.ToString(System.Globalization.CultureInfo.InvariantCulture), "the newest checkpoint is kept");
        daemon.Kill9();
        Killed = Files(Ledger, Log, Checkpoint);
        daemon = _trial.StartDaemon();
        Assert.Equal(0, daemon.Stop());
        gateway.Kill9();
        Stopped = Files(Ledger, Checkpoint);
        Exported = Files(Directory.GetFiles(Export, "*", SearchOption.AllDirectories));
        Leaves = ReadLeaves();
    }

    public string Ledger => _trial.LedgerFile;

    public string Log => _trial.LedgerFile + "-wal";

    public string Checkpoint => _trial.At("/var/lib/qwamos/checkpoint");

    public string Export => _trial.At("/export");

    public string Proof => _trial.At("/proof");

    /// <summary>What a kill left: database, write-ahead log, kept checkpoint.</summary>
    public Dictionary<string, byte[]> Killed { get; }

    /// <summary>What a clean stop left: all entries are in the database.</summary>
    public Dictionary<string, byte[]> Stopped { get; }

    public Dictionary<string, byte[]> Exported { get; }

    /// <summary>Each entry's leaf and confidential envelope: all that a canonical export is made of.</summary>
    public List<string> Leaves { get; }

    private string Witnesses => _trial.At("/witnesses");

    private int Size { get; set; }

    /// <summary>Puts a state of the ledger on the disk, with some files' bytes in the place of theirs.</summary>
    public void Put(Dictionary<string, byte[]> state, string? path = null, byte[]? bytes = null)
    {
        foreach (string file in (string[])[Ledger, Log, Ledger + "-shm", Checkpoint])
            File.Delete(file);
        foreach ((string file, byte[] content) in state)
            File.WriteAllBytes(file, file == path ? bytes! : content);
        foreach (string file in state.Keys)
            File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite);
    }

    public CommandResult Fsck(params string[] arguments) => Command.Run([Binaries.Daemon, "fsck", "--root", _trial.Root, .. arguments]);

    /// <summary>By an auditor who has the keys and nothing else of the system.</summary>
    public CommandResult VerifyExport(bool withWitnesses = true) => Audit(["verify", Export, .. withWitnesses ? (string[])["--witnesses", Witnesses] : []]);

    public CommandResult CheckProof() => Audit("check-proof", Proof);

    /// <summary>Starts the daemon; gives its export of the ledger without the checkpoint, which has the time in it.</summary>
    public Dictionary<string, byte[]> ExportAnew()
    {
        string directory = _trial.At("/anew");
        RunningProgram daemon = _trial.StartDaemon();
        Client("audit", "export", directory);
        Assert.Equal(0, daemon.Stop());
        var files = Files(Directory.GetFiles(directory, "*", SearchOption.AllDirectories));
        Directory.Delete(directory, recursive: true);
        return files.Where(file => !file.Key.EndsWith("/checkpoint", StringComparison.Ordinal)).ToDictionary(file => file.Key.Replace("/anew/", "/export/", StringComparison.Ordinal), file => file.Value);
    }

    public RunningProgram StartDaemon() => _trial.StartDaemon(waitReady: false);

    public List<string> ReadLeaves()
    {
        using LedgerStore store = LedgerStore.Open(Ledger, LedgerOpenMode.ReadOnly);
        return [.. store.ReadFrom(0).Select(row => Convert.ToHexString(row.Leaf) + " " + Convert.ToHexString(store.ReadConfidential(row.Index) ?? []))];
    }

    /// <summary>The stopped ledger with one message signed again by another operator's key, and every hash made anew over it.</summary>
    public byte[] SignedAgain(int entry, bool underItsOwnName)
    {
        Put(Stopped);
        string path = _trial.At("/again.db");
        using (LedgerStore source = LedgerStore.Open(Ledger, LedgerOpenMode.ReadOnly))
        using (LedgerStore target = LedgerStore.Open(path, LedgerOpenMode.ReadWrite))
        {
            target.AppendBatch([.. source.ReadFrom(0).Select(row => new NewEntry(
                row.Index == entry ? SignAgain(row.Leaf, underItsOwnName) : row.Leaf,
                source.Parse(row) is MessageEntry recorded ? ReplayKey.Of(recorded.Message) : null,
                source.ReadConfidential(row.Index) is { } envelope ? (ReadOnlyMemory<byte>?)envelope : null))]);
            Assert.True(target.FoldWal());
        }

        byte[] bytes = File.ReadAllBytes(path);
        File.Delete(path);
        return bytes;
    }

    public void Dispose() => _trial.Dispose();

    private static byte[] SignAgain(byte[] leaf, bool underItsOwnName)
    {
        TestSigner other = TestSigner.Fresh();
        string text = Encoding.UTF8.GetString(leaf);
        Match envelope = EnvelopeInLeaf().Match(text);
        Assert.True(envelope.Success, text);
        text = text.Replace(envelope.Groups[2].Value, Convert.ToBase64String(other.SignBytes(envelope.Groups[1].Value)), StringComparison.Ordinal);
        return Encoding.UTF8.GetBytes(underItsOwnName ? KeyInLeaf().Replace(text, $"\"key_id\":\"{other.KeyId}\"", 1) : text);
    }

    private void Change(int count)
    {
        for (int i = 0; i < count; i++)
        {
            (string key, string value, string? mode, string code) = (i % 8) switch
            {
                1 => ("DURESS.gesture", i % 16 == 1 ? "\"none\"" : "\"triple-power\"", null, "ok"),
                3 => ("RADIO_IDLE_TIMEOUT_MIN", "1000", null, "invalid_policy"),
                5 => ("KERNEL_HARDENING", i % 16 == 5 ? "\"strict\"" : "\"paranoid\"", null, "ok"),
                6 => ("CLIPBOARD_ISOLATION", i % 16 == 6 ? "\"strict\"" : "\"off\"", "staged", "ok"),
                _ => ("RADIO_IDLE_TIMEOUT_MIN", $"{i}", (string?)null, "ok"),
            };
            var draft = TestSigner.Draft($"{{\"{key}\":{value}}}");
            if (mode is not null)
                draft["mode"] = mode;
            Assert.Equal(code, _trial.Ask(_trial.Signer.Request(draft)).Code());
        }

        Size = _trial.Status().GetProperty("size").GetInt32();
    }

    private void AwaitWitness() => Eventually.True(
        () => _trial.Status().GetProperty("gateways").GetProperty("gateway").GetProperty("witness") is var witness
            && witness.GetProperty("state").GetString() == "cosigns" && witness.GetProperty("size").GetInt32() == Size,
        "the gateway cosigns the newest tree");

    private string Client(params string[] arguments)
    {
        CommandResult result = _trial.Client(arguments);
        Assert.True(result.ExitCode == 0, result.Output + result.Error);
        return result.Output;
    }

    private CommandResult Audit(params string[] arguments) => Command.Run(
        [Binaries.Client, "--root", _trial.At("/auditor"), "--home", _trial.At("/auditor/none"), "audit", .. arguments,
            "--key", _key, "--signer", Path.Combine(_trial.Home, "ed25519_pk")]);

    private static Dictionary<string, byte[]> Files(params IEnumerable<string> paths) => paths.Order(StringComparer.Ordinal).ToDictionary(path => path, File.ReadAllBytes);

    [GeneratedRegex("\"envelope\":\\{\"msg\":(.*),\"signature\":\"([^\"]*)\"\\}\\}$")]
    private static partial Regex EnvelopeInLeaf();

    [GeneratedRegex("\"key_id\":\"[0-9a-f]{64}\"")]
    private static partial Regex KeyInLeaf();
}
