using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Policy;
using Qwamos.ControlBus.Tests.Ledger;
using Qwamos.ControlBus.Tests.Listening;
using Qwamos.ControlBus.Tests.Trust;
using Qwamos.Daemon.Delivery;
using Xunit;

namespace Qwamos.ControlBus.Tests.Delivery;

/// <summary>Trust roots for gateways that are new, far ahead, busy, gone or hostile: what is sent, in which order, and what the row says.</summary>
public sealed class RootCourierTests : IDisposable
{
    private readonly LedgerFolder _folder = new();
    private readonly LedgerStore _store;
    private readonly ManualTime _time = new(History.StartSeconds);
    private readonly SigningKey _key = SigningKey.Generate();
    private readonly List<long> _sent = [];
    private long _notes;
    private RecordedTrust _trust = RecordedTrust.None;

    public RootCourierTests() => _store = _folder.Open();

    public void Dispose()
    {
        _store.Dispose();
        _key.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task NewGateway_IsAskedOnce_AndGetsEveryVersionInTurn()
    {
        RootCourier courier = Courier(versions: 4);
        await BringAsync(courier, 4, Model(0));
        Assert.Equal([4, 1, 2, 3, 4], _sent);
        Assert.Equal((4L, null, false), (courier.Taken, courier.Fault, courier.IsLacking));
        await BringAsync(courier, 4, Model(4));
        Assert.Equal(5, _sent.Count);
    }

    [Fact]
    public async Task GatewayThatIsAhead_HasToHaveThisLedgersVersion()
    {
        RootCourier courier = Courier(versions: 3);
        await BringAsync(courier, 1, Model(3));
        Assert.Equal([1, 3], _sent);
        Assert.Equal(3, courier.Taken);
    }

    [Fact]
    public async Task Attack13_GatewayThatSawMoreThanTheLedgerHolds_IsShown_AndAskedAgainOnlyAfterALongPause()
    {
        RootCourier courier = Courier(versions: 2);
        await BringAsync(courier, 2, Model(5));
        Assert.Contains("trust root 2: superseded: ", courier.Fault, StringComparison.Ordinal);
        Assert.Contains("put the newest backup back", courier.Fault, StringComparison.Ordinal);
        Assert.True(courier.IsLacking);
        await BringAsync(courier, 2, Model(5));
        Assert.Single(_sent);
        _time.Advance((int)RootCourier.LongPause.TotalSeconds);
        await BringAsync(courier, 2, Model(1));
        Assert.Equal((2L, null), (courier.Taken, courier.Fault));
    }

    [Theory]
    [InlineData("fork", "mv /var/lib/qwamos-gateway/accepted.db* /var/lib/qwamos-gateway/kept")]
    [InlineData("unknown_command", "update it")]
    [InlineData("unknown_key", "enroll FILE --system HEX --replace")]
    [InlineData("from_future", "set its clock")]
    public async Task Refusal_SaysWhatToDo_AndEndsWithANewVersion(string code, string mend)
    {
        RootCourier courier = Courier(versions: 1);
        await BringAsync(courier, 1, _ => $$"""{"status":"error","code":"{{code}}","reason":"no","version":1}""");
        Assert.Contains(mend, courier.Fault, StringComparison.Ordinal);
        Assert.Null(courier.Taken);
        courier.Saw(Record(2));
        await BringAsync(courier, 2, Model(1));
        Assert.Equal((2L, null), (courier.Taken, courier.Fault));
    }

    [Theory]
    [InlineData("""{"status":"error","code":"unproven","reason":"x","version":0}""")]
    [InlineData("""{"status":"error","code":"unproven","reason":"x","version":-9007199254740991}""")]
    [InlineData("""{"status":"error","code":"unproven","reason":"x","version":"1"}""")]
    [InlineData("""{"status":"error","code":"unproven","reason":"x"}""")]
    [InlineData("""{"status":"error","code":"superseded","reason":"x","version":3}""")]
    [InlineData("""{"status":"error","code":"superseded","reason":"x","version":9007199254740991}""")]
    public async Task HostileAnswers_EndInTheGatewaysOwnRow(string answer)
    {
        RootCourier courier = Courier(versions: 3);
        await BringAsync(courier, 3, _ => answer);
        Assert.InRange(_sent.Count, 1, 4);
        Assert.NotNull(courier.Fault);
    }

    [Fact]
    public async Task GatewayWhoseTrustBeganAnew_IsShownWithTheWayToThisLedgersVersions()
    {
        RootCourier courier = Courier(versions: 1);
        await BringAsync(courier, 1, _ => """{"status":"error","code":"superseded","reason":"the trust root was drawn up before root had the trust begin anew here","version":0}""");
        Assert.Contains("; the trust began anew there, and this one was drawn up before; in its VM, as root, with gateway-policyd stopped: mkdir ", courier.Fault, StringComparison.Ordinal);
    }

    [Fact]
    public async Task GatewayThatIsGone_IsWaitedForByThePatientOnly()
    {
        RootCourier courier = Courier(versions: 1);
        await courier.BringAsync(1, isPatient: false, (_, _) => Task.FromResult<AnswerReader?>(null), CancellationToken.None);
        Assert.Equal((null, null, false), (courier.Taken, courier.Fault, courier.IsLacking));
        int tries = 0;
        Task bringing = courier.BringAsync(
            1, isPatient: true, (request, _) => Task.FromResult(++tries < 50 ? null : Answer(Model(0)(VersionOf(request)))), TestContext.Current.CancellationToken);
        while (!bringing.IsCompleted)
        {
            _time.Advance(10);
            await Task.Delay(1, TestContext.Current.CancellationToken);
        }

        await bringing;
        Assert.Equal((1L, 50), (courier.Taken, tries));
    }

    [Fact]
    public void EntryIsJudgedByTheVersionBeforeIt()
    {
        var history = new History(_store);
        history.Set("RADIO_ISOLATION", "off");
        RootCourier courier = Courier(versions: 2);
        Assert.Equal([0, 0, 1, 2], ((long[])[0, 1, 2, 3]).Select(courier.VersionAt));
        Assert.True(courier.InForce(1).IsImplicit);
        Assert.Equal(1, courier.InForce(2).Version);
        Assert.Equal(2, courier.InForce(3).Version);
        courier.Saw(1);
        Assert.Equal(2, courier.Newest);
    }

    [Fact]
    public async Task Trust_that_began_anew_leaves_no_earlier_version_to_bring()
    {
        Record(1);
        Record(2);
        long note = BeginAnew();
        // A start after it: the courier reads the entries of the last minutes again.
        RootCourier courier = Courier(versions: 0);
        courier.Saw(0);
        courier.Saw(1);
        courier.BeganAnew(note);
        Assert.Equal((0L, 0L), (courier.Newest, courier.VersionAt(note + 1)));
        long index = Record(1);
        courier.Saw(index);
        Assert.Equal((1L, 0L, 1L), (courier.Newest, courier.VersionAt(index), courier.VersionAt(index + 1)));
        await BringAsync(courier, 1, Model(0));
        Assert.Equal([1], _sent);
        Assert.Equal(1, courier.Taken);
        // And one that passes while it runs.
        courier.Saw(Record(2));
        await BringAsync(courier, 2, _ => """{"status":"error","code":"fork","reason":"no"}""");
        Assert.True(courier.IsLacking);
        courier.BeganAnew(BeginAnew());
        Assert.Equal((0L, null, null, false), (courier.Newest, courier.Taken, courier.Fault, courier.IsLacking));
    }

    private long BeginAnew()
    {
        _trust = RecordedTrust.None;
        return _store.AppendBatch([EntryWriter.Import(History.StartSeconds, BootNote.AnchorReplaced(++_notes, History.StartSeconds, new string('1', 64), new string('1', 64)))]);
    }

    private RootCourier Courier(int versions)
    {
        for (int version = 1; version <= versions; version++)
            Record(version);
        return new RootCourier(new GatewayEntry("one", "gateway", "/run/one.sock"), _store, _trust, _time, new Daemon.LogMessages(NullLogger.Instance), () => { });
    }

    private long Record(int version)
    {
        var root = (RootDraft.Single("anna", _key.Public) with { Version = version }).Signed(_key);
        long index = _store.AppendBatch([EntryWriter.RecordRoot(History.StartSeconds, new EntryPeer(1, 1, 1), root)]);
        _trust = new RecordedTrust(root, _trust.Entries.Add(index));
        return index;
    }

    private Task BringAsync(RootCourier courier, long version, Func<long, string> answer) => courier.BringAsync(
        version, isPatient: false, (request, _) => Task.FromResult<AnswerReader?>(Answer(answer(VersionOf(request)))), TestContext.Current.CancellationToken);

    /// <summary>A gateway that takes what follows the version it has.</summary>
    private static Func<long, string> Model(long has) => version =>
    {
        if (version == has + 1)
            has++;
        return version == has ? """{"status":"ok","index":1}""" : $$"""{"status":"error","code":"{{(version < has ? "superseded" : "unproven")}}","reason":"no","version":{{has}}}""";
    };

    private long VersionOf(ReadOnlyMemory<byte> request)
    {
        Assert.True(EnvelopeReader.TryRead(request, out Envelope? envelope, out Refusal? refusal), refusal?.Reason);
        Assert.Equal(Commands.TrustRoot, envelope.Message.Command);
        Assert.True(envelope.Message.Args!.TryGet("root", out JsonValue? root) && root.TryGet("version", out JsonValue? version) && version.TryGetInteger(out long number) && Add(number));
        return _sent[^1];

        bool Add(long sent)
        {
            _sent.Add(sent);
            return true;
        }
    }

    private static AnswerReader Answer(string text) => AnswerReader.TryRead(Encoding.UTF8.GetBytes(text), out AnswerReader? read, out string? fault) ? read : throw new InvalidOperationException(fault);
}
