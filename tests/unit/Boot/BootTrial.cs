using Qwamos.ControlBus.Audit;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Policy;
using Qwamos.ControlBus.Trust;
using Qwamos.ControlBus.Verification;
using Qwamos.Daemon.Boot;
using Xunit;

namespace Qwamos.ControlBus.Tests.Boot;

/// <summary>A system under a temporary root: an anchor, a ledger made as the daemon makes it, and boots by the real code.</summary>
internal sealed class BootTrial : IDisposable
{
    public const string SystemIdText = "00112233445566778899aabbccddeeff";
    private const UnixFileMode Readable = (UnixFileMode)0x1A4; // 0644
    private static readonly EntryPeer Peer = new(1000, 1000, 77);

    private readonly string folder = Directory.CreateTempSubdirectory("qw-boot-").FullName;

    public BootTrial()
    {
        Assert.True(SystemPaths.TryCreate(folder, out var paths, out _));
        Paths = paths;
        TrialTree.MakeMissing(Paths);
        DurableFile.Replace(Paths.AnchorFile, Key.Public.Raw, Readable);
        DurableFile.Replace(Paths.SystemIdFile, System.Text.Encoding.ASCII.GetBytes(SystemIdText + "\n"), Readable);
    }

    public SystemPaths Paths { get; }

    public SigningKey Key { get; set; } = SigningKey.Generate();

    public ManualClock Clock { get; } = new(1_800_000_000);

    public string SysctlFile => Paths.At(KernelHardening.SysctlPath);

    public string GrubFile => Paths.At(KernelHardening.GrubPath);

    public PolicyState State => WithStore(store => LedgerFold.Load(store).State);

    public BootMemory Memory => new BootFolder(Paths).TryReadMemory(out var memory, out var fault) ? memory : throw new IOException(fault);

    public IReadOnlyList<BootNote> Notes => BootNotes.TryReadAfter(Paths, 0, out var notes, out var fault) ? notes : throw new IOException(fault);

    public IReadOnlyList<BootResult> Results => [.. Notes.SelectMany(note => note.Results)];

    public string[] Backups => Directory.GetFiles(Paths.BootDir, "status.json.*");

    /// <summary>Signs, decides and appends one change as the daemon does, a second after the one before.</summary>
    public long Set(string key, string value, Func<MessageDraft, MessageDraft>? shape = null) => Set([(key, JsonValue.Of(value))], shape);

    public long Set((string, JsonValue)[] args, Func<MessageDraft, MessageDraft>? shape = null)
    {
        Clock.Seconds++;
        var message = new VerifiedMessage(Sign(args, shape), [Key.Public.Id], 0);
        return WithStore(store =>
        {
            var decision = PolicyRules.Decide(PolicySchema.BuiltIn, LedgerFold.Load(store).State, message.Message, DomainScope.Authority, store.Size);
            Assert.True(decision.TryGet(out var outcome, out _, out var refusal), refusal?.Reason);
            return store.AppendBatch([EntryWriter.Accept(Clock.Seconds, Peer, message, PolicySchema.BuiltIn, outcome)]);
        });
    }

    public Envelope Sign((string, JsonValue)[] args, Func<MessageDraft, MessageDraft>? shape = null)
    {
        var draft = new MessageDraft { Command = Commands.SetPolicy, Args = JsonValue.Object(args), Nonce = Nonce.Random(), Timestamp = Clock.Seconds };
        return EnvelopeWriter.Sign(shape?.Invoke(draft) ?? draft, Key);
    }

    /// <summary>Appends an entry that says of any envelope what a taken-over daemon likes to say.</summary>
    public long Forge(Envelope envelope, ChangeOutcome outcome, long? recordedSeconds = null) => WithStore(store => store.AppendBatch(
        [EntryWriter.Accept(recordedSeconds ?? Clock.Seconds, Peer, new VerifiedMessage(envelope, [Key.Public.Id], 0), PolicySchema.BuiltIn, outcome)]));

    public static ChangeOutcome Staging(string key) => new([], [key], []);

    /// <summary>The ledger's own key.</summary>
    public CheckpointSigner LedgerKey { get; set; } = new(SigningKey.Generate(), Checkpoint.OriginOf(SystemIdText));

    /// <summary>Keeps a checkpoint of the ledger as it is, as the daemon does.</summary>
    public void KeepCheckpoint()
    {
        var checkpoint = Checkpoint.Of(LedgerKey.Key.Name, WithStore(store => store.Tree()));
        File.WriteAllBytes(Paths.CheckpointFile, new KeptCheckpoint(LedgerKey.Key, checkpoint, LedgerKey.Sign(checkpoint, Clock.Seconds).ToBytes()).ToBytes());
    }

    /// <summary>Records an operator's statement that the ledger's key is the present one, as the daemon does.</summary>
    public void Vouch(SigningKey? signer = null, long? seconds = null) => WithStore(store => store.AppendBatch(
        [EntryWriter.RecordKey(Clock.Seconds, Peer, LedgerKeyStatement.Sign(signer ?? Key, LedgerKey.Key.ToString(), SystemIdText, seconds ?? Clock.Seconds))]));

    /// <summary>Records a version of the trust root, as the daemon does that took it; gives its index.</summary>
    public long Record(SignedRoot root) => WithStore(store => store.AppendBatch([EntryWriter.RecordRoot(Clock.Seconds, Peer, root)]));

    /// <summary>Appends any entry.</summary>
    public long Append(NewEntry entry) => WithStore(store => store.AppendBatch([entry]));

    /// <summary>Writes pending.conf as the daemon does.</summary>
    public void Project() =>
        DurableFile.Replace(Paths.PendingFile, System.Text.Encoding.UTF8.GetBytes(Projections.Pending(State, PolicySchema.BuiltIn)), Readable);

    /// <summary>What qwamosd does before it listens.</summary>
    public void Import() => WithStore(store =>
    {
        Assert.True(BootNotes.TryReadAfter(Paths, LedgerFold.Load(store).State.LastNote, out var notes, out var fault), fault);
        return store.AppendBatch([.. notes.Select(note => EntryWriter.Import(Clock.Seconds, note))]);
    });

    public T WithStore<T>(Func<LedgerStore, T> use)
    {
        using var store = LedgerStore.Open(Paths.LedgerFile, LedgerOpenMode.ReadWrite);
        var result = use(store);
        store.FoldWal();
        return result;
    }

    /// <summary>Runs apply-pending; gives its exit code and what it said.</summary>
    public (int Code, string Said) Boot(params IApplier[] appliers)
    {
        Clock.Seconds += 100;
        var said = new StringWriter();
        IApplier[] real = [SettingFile.BootVerification(Paths), SettingFile.CryptoBackend(Paths), new KernelHardening(Paths)];
        var code = new ApplyPending(Paths, new BootReport(said), appliers.Length > 0 ? appliers : real, Clock, fallbackKeyHome: null).Run();
        return (code, said.ToString());
    }

    /// <summary>What is on trial.</summary>
    public BootAssessment Assessment => new BootFolder(Paths).TryReadAssessment(out var assessment, out var fault) ? assessment : throw new IOException(fault);

    /// <summary>What root's programs left about this boot; null when nothing.</summary>
    public BootRun? Run => BootRun.Read(Paths, BootId.Read(Paths, out _)!, out var fault) is var run && fault.Length == 0 ? run : throw new IOException(fault);

    /// <summary>The machine starts anew: /run is empty. Then as <see cref="Boot"/>.</summary>
    public (int Code, string Said) Reboot(params IApplier[] appliers)
    {
        File.Delete(Paths.BootIdFile);
        File.Delete(Paths.BootRunFile);
        return Boot(appliers);
    }

    /// <summary>Runs boot-complete; gives its exit code and what it said.</summary>
    public (int Code, string Said) Complete(TimeSpan? timeLimit = null, bool isJournal = false)
    {
        var said = new StringWriter();
        var report = new BootReport(said, isJournal);
        var code = new BootComplete(Paths, report, new BootChecks(Paths, report, timeLimit ?? TimeSpan.FromSeconds(30)), ApplyPendingCommand.Appliers(Paths)).Run();
        return (code, said.ToString());
    }

    /// <summary>A check of the boot.</summary>
    public string Check(string name, string script, UnixFileMode mode = (UnixFileMode)0x1ED /* 0755 */)
    {
        Directory.CreateDirectory(Paths.BootChecksDir, (UnixFileMode)0x1ED);
        var path = Path.Combine(Paths.BootChecksDir, name);
        File.WriteAllText(path, "#!/bin/sh\n" + script + "\n");
        File.SetUnixFileMode(path, mode);
        return path;
    }

    /// <summary>Runs SQL on the closed ledger, as somebody with an editor for databases would.</summary>
    public void Tamper(string sql)
    {
        using var connection = new Microsoft.Data.Sqlite.SqliteConnection($"Data Source={Paths.LedgerFile};Pooling=False");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        Assert.NotEqual(0, command.ExecuteNonQuery());
    }

    /// <summary>Every file under the root but the ledger, locks and what the last run said, with its content: what two runs are compared by.</summary>
    public SortedDictionary<string, string> Everything() => new(
        Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)
            .Where(path => !path.Contains("ledger.db", StringComparison.Ordinal) && !path.EndsWith("lock", StringComparison.Ordinal) && path != Paths.BootRunFile && path != Paths.BootIdFile && new FileInfo(path).LinkTarget is null)
            .ToDictionary(path => path[folder.Length..], File.ReadAllText), StringComparer.Ordinal);

    public void RunningWith(string commandLine)
    {
        Directory.CreateDirectory(Paths.At("/proc"));
        File.WriteAllText(Paths.At("/proc/cmdline"), commandLine + "\n");
    }

    public void Dispose()
    {
        Key.Dispose();
        LedgerKey.Dispose();
        Directory.Delete(folder, recursive: true);
    }
}
