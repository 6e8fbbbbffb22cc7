using System.Diagnostics.CodeAnalysis;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Hosting.Listening;
using Qwamos.ControlBus.Hosting.Pipeline;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Policy;
using Qwamos.ControlBus.Tests.Listening;
using Qwamos.ControlBus.Tests.Trust;
using Qwamos.ControlBus.Verification;
using Xunit;

namespace Qwamos.ControlBus.Tests.Pipeline;

/// <summary>The whole way of a request over a real socket and a real ledger, with the test's clock.</summary>
internal sealed class PipelineTrial : IAsyncDisposable, IStatusSource, IChangeAnswer, IReadSource
{
    public static readonly string SystemIdText = new('e', SystemId.Digits);
    public static readonly string LedgerKey = $"qwamos/{SystemIdText}+0a0b0c0d+{Convert.ToBase64String(new byte[33])}";

    private static readonly HashSet<string> Served =
        new(StringComparer.Ordinal) { Commands.SetPolicy, Commands.GetStatus, Commands.GetCheckpoint, Commands.LedgerKey, Commands.DomainKey, Commands.TrustRoot, Commands.Deliver,
            Commands.GetEntries, Commands.GetProof, Commands.GetConsistency, Commands.GetGrowth, Commands.GetEnvelope, Commands.GetDomains, Commands.Report, Commands.GetInForce };

    private readonly string _root = Directory.CreateTempSubdirectory("qwp-").FullName;
    private readonly SystemPaths _paths;
    private readonly string _ledgerFile;
    private TimeSpan? _beatInterval;
    private DomainScope _scope = DomainScope.Authority;
    private Func<Verifier, DeliveryJudge>? _deliveries;
    private Func<PipelineTrial, IReadSource>? _reads;
    private Func<PipelineTrial, IWaitSource>? _waits;

    private PipelineTrial(string? ledgerFile)
    {
        Assert.True(SystemPaths.TryCreate(_root, out SystemPaths? paths, out _));
        _paths = paths;
        TrialTree.MakeMissing(paths);
        _ledgerFile = ledgerFile ?? paths.LedgerFile;
    }

    public ManualTime Time { get; } = new();

    public SigningKey Key { get; private init; } = SigningKey.Generate();

    public LedgerStore Ledger { get; private set; } = null!;

    public LoadedLedger Loaded { get; private set; } = null!;

    public Writer Writer { get; private set; } = null!;

    public RequestPipeline Requests { get; private set; } = null!;

    public LedgerFollowers Followers { get; private set; } = null!;

    /// <summary>Whose requests are the courier's.</summary>
    public uint CourierUid { get; set; } = Posix.EffectiveUid;

    /// <summary>Whether an entry is a change for a domain.</summary>
    public Func<InForceStatement, string?> WhyUnproven { get; set; } = _ => null;

    public SystemPaths Paths => _paths;

    public BusListener Listener { get; private set; } = null!;

    public static async Task<PipelineTrial> StartAsync(int replayCapacity = 1_000, int maxWaiting = 1_000, string? ledgerFile = null, TimeSpan? beatInterval = null)
    {
        var trial = new PipelineTrial(ledgerFile) { _beatInterval = beatInterval };
        await trial.OpenAsync(replayCapacity, maxWaiting);
        return trial;
    }

    /// <summary>A bus that shows its ledger, and that a courier may follow.</summary>
    public static async Task<PipelineTrial> StartBusAsync(Func<PipelineTrial, IReadSource> reads, Func<PipelineTrial, IWaitSource>? waits = null)
    {
        var trial = new PipelineTrial(null) { _reads = reads, _waits = waits };
        await trial.OpenAsync(1_000, 1_000);
        return trial;
    }

    /// <summary>A domain that believes the key, and takes deliveries.</summary>
    public static async Task<PipelineTrial> StartDomainAsync(string name, string @class, SigningKey key, Func<Verifier, DeliveryJudge> deliveries)
    {
        var trial = new PipelineTrial(null) { Key = key, _scope = DomainScope.Receiver(name, @class), _deliveries = deliveries };
        await trial.OpenAsync(1_000, 1_000);
        return trial;
    }

    /// <summary>Stops as a daemon does, and starts on the same ledger.</summary>
    public async Task RestartAsync()
    {
        await CloseAsync();
        await OpenAsync(1_000, 1_000);
    }

    public byte[] Change(string args, Func<MessageDraft, MessageDraft>? with = null, SigningKey? key = null)
    {
        Assert.True(StrictJson.TryParse(Encoding.UTF8.GetBytes(args), out JsonValue? value, out string? fault), fault);
        var draft = new MessageDraft { Command = Commands.SetPolicy, Args = value, Nonce = Nonce.Random(), Timestamp = Time.UnixSeconds };
        return EnvelopeWriter.Sign(with is null ? draft : with(draft), key ?? Key).Raw.ToArray();
    }

    /// <summary>A request with the operator's statement about the ledger's key.</summary>
    public byte[] SignKey(long seconds, SigningKey? key = null)
    {
        var draft = new MessageDraft { Command = Commands.LedgerKey, Args = LedgerKeyStatement.Sign(key ?? Key, LedgerKey, SystemIdText, seconds).ToJson() };
        Assert.True(EnvelopeWriter.TryWriteUnsigned(draft, out Envelope? envelope, out _));
        return envelope.Raw.ToArray();
    }

    /// <summary>A request with the operator's statement about a domain's key.</summary>
    public byte[] SignDomain(string name, SigningKey domain, long seconds, bool isRevoked = false)
    {
        var statement = DomainKeyStatement.Sign(Key, name, "gateway", Convert.ToHexStringLower(domain.PublicRaw), SystemIdText, seconds, isRevoked);
        Assert.True(EnvelopeWriter.TryWriteUnsigned(new MessageDraft { Command = Commands.DomainKey, Args = statement.ToJson() }, out Envelope? envelope, out _));
        return envelope.Raw.ToArray();
    }

    /// <summary>A request with a domain's word that a change is in force.</summary>
    public static byte[] Report(InForceStatement statement)
    {
        Assert.True(EnvelopeWriter.TryWriteUnsigned(new MessageDraft { Command = Commands.Report, Args = statement.ToJson() }, out Envelope? envelope, out _));
        return envelope.Raw.ToArray();
    }

    /// <summary>A request with a trust root, whose baseline is the empty ledger.</summary>
    public byte[] Root(RootDraft root, params SigningKey[] keys)
    {
        string text = (root with { System = SystemIdText }).Text().Replace(new string('e', 64), Convert.ToHexStringLower(MerkleTree.Of([]).Root()), StringComparison.Ordinal);
        var draft = new MessageDraft { Command = Commands.TrustRoot, Args = RootDraft.Signed(text, keys).ToJson() };
        Assert.True(EnvelopeWriter.TryWriteUnsigned(draft, out Envelope? envelope, out Refusal? refusal), refusal?.Reason);
        return envelope.Raw.ToArray();
    }

    public Socket Connect()
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified) { ReceiveTimeout = 20_000 };
        socket.Connect(new UnixDomainSocketEndPoint(_paths.BusSocket));
        return socket;
    }

    /// <summary>Sends the requests on one connection and gives the answers.</summary>
    public JsonElement[] Ask(params byte[][] requests)
    {
        using Socket socket = Connect();
        socket.SendAll(requests.SelectMany(bytes => bytes).ToArray());
        return [.. requests.Select(_ => Parse(socket.ReadLine()!))];
    }

    public static JsonElement Parse(string line)
    {
        using var document = JsonDocument.Parse(line);
        return document.RootElement.Clone();
    }

    /// <summary>What making a status throws; null when it is made.</summary>
    public Exception? StatusDefect { get; set; }

    public IEnumerable<(string Name, JsonValue Value)> Describe(VerifiedMessage message) => StatusDefect is { } defect
        ? throw defect
        : [("policy", JsonValue.Object(Writer.Published.Policy.Policy.Select(pair => (pair.Key, pair.Value.Value.ToJson()))))];

    public void Write(Utf8JsonWriter json, CommittedChange change)
    {
        json.WriteNumber("index", change.Index);
        AnswerLists.Write(json, "applied"u8, change.Outcome.Applied);
    }

    public bool Serves(string command) => command is not (Commands.SetPolicy or Commands.GetStatus or Commands.LedgerKey or Commands.DomainKey or Commands.Report or Commands.TrustRoot or Commands.Deliver);

    /// <summary>Another look than a status: its command, by name.</summary>
    public bool TryRead(
        Message message, [NotNullWhen(true)] out IEnumerable<(string Name, JsonValue Value)>? members, [NotNullWhen(false)] out Refusal? refusal)
    {
        members = [("looked", JsonValue.Of(message.Command))];
        refusal = null;
        return true;
    }

    public async ValueTask DisposeAsync()
    {
        await CloseAsync();
        if (!_scope.IsReceiver)
            Key.Dispose();
        Directory.Delete(_root, recursive: true);
    }

    private async Task OpenAsync(int replayCapacity, int maxWaiting)
    {
        Ledger = LedgerStore.Open(_ledgerFile, LedgerOpenMode.ReadWrite);
        Loaded = LedgerFold.Load(Ledger);
        var replay = new ReplayStore(Ledger, replayCapacity);
        Writer = new Writer(Ledger, Loaded, replay, PolicySchema.BuiltIn, _scope);
        var verifier = new Verifier(new VerifierOptions
        {
            Keys = [Key.Public],
            Commands = Served,
            SystemId = SystemIdText,
            LedgerKey = LedgerKey,
            TakesExpiredRoots = _scope.IsReceiver,
            AudienceRule = _scope.IsReceiver ? AudienceRules.ForReceiver(PolicySchema.BuiltIn, _scope.Name!, _scope.Class!) : _ => null,
        });
        Followers = new LedgerFollowers(() => Writer.Published, peer => peer.Uid == CourierUid, Time);
        Writer.Committed += _ => Followers.Grown();
        Requests = new RequestPipeline(verifier, new FairScheduler(2, maxWaiting), Writer, this, this, Time, _reads?.Invoke(this) ?? this, _deliveries?.Invoke(verifier), Followers, _waits?.Invoke(this), new ReportJudge(SystemIdText, () => Writer.Published, statement => WhyUnproven(statement)));
        Assert.True(BusSocket.TryBind(_paths.BusSocket, _paths, null, out BusSocket? socket, out string? fault), fault);
        Listener = new BusListener(socket, Requests, Time, maxConnections: 1_000);
        Writer.Start(_beatInterval);
        await Listener.StartAsync();
    }

    private async Task CloseAsync()
    {
        await Listener.DisposeAsync();
        Writer.Stop();
        Ledger.Dispose();
    }
}
