using System.Collections.Concurrent;
using System.Net.Sockets;
using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Policy;
using Qwamos.ControlBus.Tests.Ledger;
using Qwamos.ControlBus.Tests.Listening;
using Qwamos.ControlBus.Tests.Trust;
using Qwamos.ControlBus.Trust;
using Qwamos.Daemon.Delivery;
using Xunit;

namespace Qwamos.ControlBus.Tests.Delivery;

/// <summary>Couriers between a real ledger and gateways of every kind.</summary>
public sealed class DeliveryTests : IDisposable
{
    private const string Ok = """{"status":"ok","message":"taken"}""";
    private readonly LedgerFolder _folder = new();
    private readonly LedgerStore _store;
    private readonly History _history;
    private readonly ManualTime _time = new(History.StartSeconds);
    private readonly ConcurrentQueue<string> _received = new();
    private readonly List<IDisposable> _gateways = [];

    public DeliveryTests()
    {
        _store = _folder.Open();
        _history = new History(_store);
    }

    public void Dispose()
    {
        foreach (IDisposable gateway in _gateways)
            gateway.Dispose();
        _store.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task Change_IsDeliveredAsTheOperatorSentIt_AndShownAsTaken()
    {
        Answering("one", Ok);
        await using DeliveryService service = Start("one");
        long index = Set(service, "RADIO_ISOLATION", "off");
        await RowAsync(service, "one", row => row.Contains($"\"taken\":{index},\"behind\":false", StringComparison.Ordinal));
        var entry = Assert.IsType<MessageEntry>(_store.ReadEntry(index));
        Assert.Equal(Encoding.UTF8.GetString(entry.Envelope.Raw.Span), Assert.Single(_received));
    }

    [Fact]
    public async Task OnlyAcceptedChangesOfItsClassOrOfAll_AreDelivered()
    {
        Answering("one", Ok);
        await using DeliveryService service = Start("one");
        Set(service, "KERNEL_HARDENING", "strict");
        Set(service, "DURESS.gesture", "triple-power");
        Set(service, "CLIPBOARD_ISOLATION", "strict");
        Set(service, "RADIO_ISOLATION", "nonsense");
        long index = Set(service, "CRYPTO_BACKEND", "hybrid");
        await TakenAsync(service, "one", index);
        Assert.Single(_received);
    }

    [Fact]
    public async Task ReplayedAsAccepted_CountsAsTaken_AndReplayedAsRefused_DoesNot()
    {
        Answering("one", """{"status":"error","code":"replayed","reason":"known","outcome":"superseded"}""",
            """{"status":"error","code":"replayed","reason":"known","outcome":"accepted"}""");
        await using DeliveryService service = Start("one");
        Set(service, "RADIO_ISOLATION", "off");
        await RowAsync(service, "one", row => row.Contains("\"behind\":true,\"last_error\":\"replayed: known\"", StringComparison.Ordinal));
        await TakenAsync(service, "one", Set(service, "RADIO_ISOLATION", "on"));
    }

    [Fact]
    public async Task GatewayThatIsBusy_IsAskedAgain()
    {
        Answering("one", """{"status":"error","code":"busy","reason":"later"}""", Ok);
        await using DeliveryService service = Start("one");
        long index = Set(service, "RADIO_ISOLATION", "off");
        await WhileMovingTimeAsync(() => Row(service, "one").Contains($"\"taken\":{index}", StringComparison.Ordinal));
        Assert.Equal(2, _received.Count);
    }

    [Fact]
    public async Task RefusedChange_IsSkipped_AndTheGatewayIsBehindUntilItsKeyIsTaken()
    {
        Answering("one", """{"status":"error","code":"invalid_policy","reason":"no"}""", Ok);
        await using DeliveryService service = Start("one");
        Set(service, "RADIO_ISOLATION", "off");
        long other = Set(service, "TOR_ISOLATION", "off");
        await RowAsync(service, "one", row => row.Contains($"\"taken\":{other},\"behind\":true", StringComparison.Ordinal));
        long again = Set(service, "RADIO_ISOLATION", "on");
        await RowAsync(service, "one", row => row.Contains($"\"taken\":{again},\"behind\":false", StringComparison.Ordinal));
    }

    [Fact]
    public async Task DeadGateway_DelaysNoOther_AndIsBehindWhenTheChangeGoesStale()
    {
        Answering("alive", Ok);
        await using DeliveryService service = Start("dead", "alive");
        await TakenAsync(service, "alive", Set(service, "RADIO_ISOLATION", "off"));
        await RowAsync(service, "dead", row => row.Contains($"\"last_error\":\"there is no socket {SocketOf("dead")}; ", StringComparison.Ordinal));

        // While it is fresh it is tried; afterwards never again, though the gateway comes to life.
        await WhileMovingTimeAsync(() => _time.UnixSeconds > History.StartSeconds + Limits.FreshnessWindowSeconds + 10);
        _history.Now = _time.UnixSeconds;
        var late = new ConcurrentQueue<string>();
        _gateways.Add(FakeGateway.Answering(SocketOf("dead"), late, Ok));
        long next = Set(service, "TOR_ISOLATION", "off");
        await WhileMovingTimeAsync(() => Row(service, "dead").Contains($"\"taken\":{next},\"behind\":true", StringComparison.Ordinal));
        Assert.Single(late);
    }

    [Fact]
    public async Task HostileGateways_HarmOnlyTheirOwnRows()
    {
        Hostile("endless", async socket =>
        {
            var junk = new byte[65_536];
            Array.Fill(junk, (byte)'x');
            while (true)
                await socket.SendAsync(junk);
        });
        Hostile("silent", _ => Task.CompletedTask);
        Hostile("garbage", socket => socket.SendAsync(Encoding.UTF8.GetBytes("{\"status\":\"ok\",\"status\":\"ok\"}\n")));
        Answering("liar", "{\"status\":\"error\",\"code\":\"\\u001b[2Jboo\",\"reason\":\"" + new string('y', 5_000) + "\"}\n");
        Answering("good", Ok);
        await using DeliveryService service = Start("endless", "silent", "garbage", "liar", "good");
        await TakenAsync(service, "good", Set(service, "RADIO_ISOLATION", "off"));

        await RowAsync(service, "endless", row => row.Contains("passes 65535 bytes", StringComparison.Ordinal));
        await RowAsync(service, "garbage", row => row.Contains("its answer cannot be read", StringComparison.Ordinal));
        await RowAsync(service, "liar", row => row.Contains("last_error", StringComparison.Ordinal));
        Assert.DoesNotContain('\u001b', JsonText.ToText(service.Status(_ => JsonValue.Null)[0].Value));
        Assert.InRange(Row(service, "liar").Length, 1, 400);
        await WhileMovingTimeAsync(() => Row(service, "silent").Contains("no answer within 10 s", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(80)]
    [InlineData(256)]
    public async Task GatewaysThatOneAnswerDoesNotHold_AreShownPageByPage_EachOnce(int count)
    {
        string[] names = [.. Enumerable.Range(0, count).Select(number => $"vm{(number * 7) % count}")];
        await using DeliveryService service = Start(names);
        // A witness that refuses, with as long a reason as is shown.
        JsonValue witness = JsonValue.Object([("state", JsonValue.Of("refuses")), ("fault", JsonValue.Of(new string('w', 600)))]);
        List<string> shown = [];
        int pages = 0;
        for (string? after = ""; after is not null;)
        {
            IReadOnlyList<(string Name, JsonValue Value)> page = service.Status(_ => witness, after);
            Assert.InRange(JsonText.Bytes(JsonValue.Object(page)).Length, 1, Limits.MaxGatewayPageBytes + 100);
            Assert.NotEmpty(page[^1].Value.Members);
            shown.AddRange(page[^1].Value.Members.Select(row => row.Key));
            after = page.Count == 1 ? null : page[0].Value.AsString;
            pages++;
        }

        Assert.Equal(names.Order(StringComparer.Ordinal), shown);
        Assert.Equal(count > 1, pages > 1);
        Assert.Empty(service.Status(_ => witness, "z")[0].Value.Members);
    }

    [Fact]
    public async Task AfterARestart_WhatWasTakenIsNotSentAgain_AndWhatIsFreshIs()
    {
        Answering("one", Ok);
        long first;
        await using (DeliveryService service = Start("one"))
        {
            first = Set(service, "RADIO_ISOLATION", "off");
            await TakenAsync(service, "one", first);
        }

        Assert.Equal(first, _store.ReadDeliveries()["one"].Taken);
        long second = _history.Set("TOR_ISOLATION", "off");
        await using (DeliveryService service = Start("one"))
            await TakenAsync(service, "one", second);
        Assert.Equal(2, _received.Count);
    }

    [Fact]
    public async Task AfterALongRest_MissedKeysAreFoundWithoutReadingTheWholeLedger()
    {
        _history.Set("RADIO_ISOLATION", "off");
        for (int i = 0; i < 50; i++)
            _history.Set("KERNEL_HARDENING", i % 2 == 0 ? "strict" : "paranoid");
        _time.SetClock(History.StartSeconds + 100_000);
        await using DeliveryService service = Start("one", "ui");
        Assert.Contains("\"taken\":null,\"behind\":true", Row(service, "one"), StringComparison.Ordinal);
        Assert.Contains("\"taken\":null,\"behind\":false", Row(service, "two-of-ui"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task WhatAGatewayMissed_IsStillKnownAfterARestart_UntilItsKeyIsTaken()
    {
        Answering("one", """{"status":"error","code":"invalid_policy","reason":"no"}""", Ok);
        await using (DeliveryService service = Start("one"))
        {
            Set(service, "RADIO_ISOLATION", "off");
            long other = Set(service, "TOR_ISOLATION", "off");
            await RowAsync(service, "one", row => row.Contains($"\"taken\":{other},\"behind\":true", StringComparison.Ordinal));
        }

        await using (DeliveryService service = Start("one"))
        {
            Assert.Contains("\"behind\":true", Row(service, "one"), StringComparison.Ordinal);
            long again = Set(service, "RADIO_ISOLATION", "on");
            await RowAsync(service, "one", row => row.Contains($"\"taken\":{again},\"behind\":false", StringComparison.Ordinal));
        }

        await using (DeliveryService service = Start("one"))
            Assert.Contains("\"behind\":false", Row(service, "one"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task WhatAGatewayMissed_IsNotedThoughItNeverTookAnything()
    {
        Answering("one", """{"status":"error","code":"invalid_policy","reason":"no"}""");
        await using (DeliveryService service = Start("one"))
        {
            Set(service, "RADIO_ISOLATION", "off");
            await RowAsync(service, "one", row => row.Contains("last_error", StringComparison.Ordinal));
        }

        Assert.Null(_store.ReadDeliveries()["one"].Taken);
        Assert.Equal(0, _store.ReadDeliveries()["one"].Missed["RADIO_ISOLATION"]);
    }

    [Fact]
    public async Task GatewayOfAnOlderProgram_GetsItsChanges_AndIsShownToLackTheTrustRoot()
    {
        Answering("one", """{"status":"error","code":"unknown_command","reason":"the command is not known here"}""", Ok);
        using var key = SigningKey.Generate();
        _history.Record(RootDraft.Single("anna", key.Public).Signed(key));
        await using DeliveryService service = Start("one");
        long index = Set(service, "RADIO_ISOLATION", "off");
        await RowAsync(service, "one", row => row.Contains($"\"taken\":{index},\"behind\":true,\"last_error\":\"trust root 1: unknown_command: ", StringComparison.Ordinal));
        // It is asked again, and has been brought up to date.
        await WhileMovingTimeAsync(() => Row(service, "one").Contains("\"behind\":false,\"trust_version\":1", StringComparison.Ordinal));
    }

    [Fact]
    public async Task TrustRootRecordedWhileItRuns_GoesBeforeTheChangeAfterIt()
    {
        Answering("one", Ok);
        using var key = SigningKey.Generate();
        await using DeliveryService service = Start("one");
        _history.Record(RootDraft.Single("anna", key.Public).Signed(key));
        long index = Set(service, "RADIO_ISOLATION", "off");
        await RowAsync(service, "one", row => row.Contains($"\"taken\":{index},\"behind\":false,\"trust_version\":1", StringComparison.Ordinal));
        Assert.Equal(2, _received.Count);
        Assert.Contains("\"command\":\"trust_root\"", _received.First(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task OneOfThreeThatIsDown_HoldsBackTrustRootsAndChangesForItselfOnly()
    {
        var other = new ConcurrentQueue<string>();
        Answering("one", Ok);
        _gateways.Add(FakeGateway.Answering(MakeRoom("two"), other, Ok));
        await using DeliveryService service = Start("one", "dead", "two");
        _history.NextRoot();
        Set(service, "RADIO_ISOLATION", "off");
        _history.NextRoot();
        long index = Set(service, "TOR_ISOLATION", "off");
        foreach (string name in (string[])["one", "two"])
            await RowAsync(service, name, row => row.Contains($"\"taken\":{index},\"behind\":false,\"trust_version\":2", StringComparison.Ordinal));
        foreach (ConcurrentQueue<string> received in (ConcurrentQueue<string>[])[_received, other])
            Assert.Equal(["trust_root", "set_policy", "trust_root", "set_policy"], received.Select(CommandOf));
        Assert.Contains("\"taken\":null,\"behind\":true", Row(service, "dead"), StringComparison.Ordinal);

        // Later ones find it as it is, and the others as they were.
        index = Set(service, "RADIO_ISOLATION", "on");
        foreach (string name in (string[])["one", "two"])
            await TakenAsync(service, name, index);
        // Back, it gets every version before the first change that is fresh.
        var late = new ConcurrentQueue<string>();
        _gateways.Add(FakeGateway.Answering(SocketOf("dead"), late, Ok));
        await WhileMovingTimeAsync(() => Row(service, "dead").Contains($"\"taken\":{index},", StringComparison.Ordinal));
        Assert.Equal(["trust_root", "set_policy", "trust_root", "set_policy", "set_policy"], late.Distinct().Select(CommandOf));
    }

    [Fact]
    public async Task AfterARestart_AGatewayThatHasItsTrustRootIsAskedForItOnce_AndOneThatIsDownWithPauses()
    {
        // It has taken all three before: what it is asked first tells, however far back the ledger is read again.
        _gateways.Add(FakeGateway.Answering(MakeRoom("one"), _received, request =>
            request.Contains("\"version\":3", StringComparison.Ordinal) ? Ok : """{"status":"error","code":"superseded","reason":"older","version":3}"""));
        var down = new FakeGateway(MakeRoom("down"), socket =>
        {
            socket.Dispose();
            return Task.CompletedTask;
        });
        _gateways.Add(down);
        for (int version = 1; version <= 3; version++)
            _history.NextRoot();
        await using DeliveryService service = Start("one", "down");
        await RowAsync(service, "one", row => row.Contains("\"behind\":false,\"trust_version\":3", StringComparison.Ordinal));
        Assert.Equal(["trust_root", "trust_root"], _received.Select(CommandOf));
        await RowAsync(service, "down", row => row.Contains("last_error", StringComparison.Ordinal));
        // A ledger that grows by what concerns no gateway does not have the one that is down asked more often.
        for (int change = 0; change < 20; change++)
        {
            Set(service, "BOOT_VERIFICATION", change % 2 == 0 ? "off" : "strict");
            await Task.Delay(5, TestContext.Current.CancellationToken);
        }
        long start = _time.UnixSeconds;
        Assert.Equal(1, down.Count);
        await WhileMovingTimeAsync(() => _time.UnixSeconds >= start + 50);
        Assert.InRange(down.Count, 2, 20);
        Assert.Equal(2, _received.Count);
    }

    [Fact]
    public void ChangeThatNeedsSeveralHolders_IsDeliveredForAsLongAsItSays_AndNoOther()
    {
        using var anna = SigningKey.Generate();
        using var ben = SigningKey.Generate();
        var draft = RootDraft.Single("anna", anna.Public) with { Holders = [("anna", [anna.Public]), ("ben", [ben.Public])] };
        TrustRoot alone = draft.Root();
        TrustRoot several = (draft with { Roles = [("root", RootDraft.Role(["anna"], 1)), ("both", RootDraft.Role(["anna", "ben"], 2, "\"policy\":[{\"key\":\"*\"}]"))] }).Root();
        long index = _history.Set("RADIO_ISOLATION", "off");
        var entry = (MessageEntry)_store.ReadEntry(index)!;
        long signed = entry.Message.Timestamp!.Value, end = signed + 86_400;
        Assert.True(EnvelopeWriter.TrySign(
            new MessageDraft { Command = Commands.SetPolicy, Args = entry.Message.Args, Nonce = Nonce.Random(), Timestamp = signed, Expires = end }, anna, out Envelope? longer, out Refusal? refusal), refusal?.Reason);
        var rule = new DeliveryRule(PolicySchema.BuiltIn, new GatewayEntry("one", "gateway", "/run/one.sock"));
        Assert.Equal(end, rule.Match(index, entry with { Envelope = longer }, several)!.LastSecond);
        Assert.Equal(signed + Limits.FreshnessWindowSeconds, rule.Match(index, entry with { Envelope = longer }, alone)!.LastSecond);
        Assert.Equal(signed + Limits.FreshnessWindowSeconds, rule.Match(index, entry, several)!.LastSecond);
    }

    [Fact]
    public async Task Attack21_ErrorOfAGateway_CutInsideACharacterOfTwoUnits_LeavesStatusWhole()
    {
        // "error: " and 248 letters leave the first half of the sign at the place of the cut by units.
        Answering("one", "{\"status\":\"error\",\"code\":\"error\",\"reason\":\"" + new string('y', 248) + "\U0001F600tail\"}");
        await using DeliveryService service = Start("one");
        Set(service, "RADIO_ISOLATION", "off");
        await RowAsync(service, "one", row => row.Contains("y\U0001F600...", StringComparison.Ordinal));
    }

    [Fact]
    public void ErrorOfAGateway_IsCutBetweenTwoWords_AndTwoKeysFit()
    {
        string key = "qwamos/" + new string('a', 32) + "+01234567+" + new string('B', 44);
        string reason = $"the checkpoint's key is not the ledger's, which is {key} (signed by {new string('c', 64)})";
        Assert.Equal("unknown_key: " + reason, Describe(reason));
        Assert.Equal($"unknown_key: {reason}, which is...", Describe($"{reason}, which is {key}"));

        static string Describe(string text)
        {
            string answer = $$"""{"status":"error","code":"unknown_key","reason":"{{text}}"}""";
            Assert.True(AnswerReader.TryRead(System.Text.Encoding.UTF8.GetBytes(answer), out AnswerReader? read, out string? fault), fault);
            return Receptions.Describe(read);
        }
    }

    private static string CommandOf(string request) =>
        EnvelopeReader.TryRead(Encoding.UTF8.GetBytes(request), out Envelope? envelope, out _) ? envelope.Message.Command : "";

    private string SocketOf(string name) => Path.Combine(_folder.Dir, "run", name + ".sock");

    private void Answering(string name, params string[] answers) =>
        _gateways.Add(FakeGateway.Answering(MakeRoom(name), _received, answers));

    private void Hostile(string name, Func<Socket, Task> serve) => _gateways.Add(new FakeGateway(MakeRoom(name), serve));

    private string MakeRoom(string name)
    {
        Directory.CreateDirectory(Path.Combine(_folder.Dir, "run"));
        return SocketOf(name);
    }

    private DeliveryService Start(params string[] names)
    {
        Assert.True(SystemPaths.TryCreate(_folder.Dir, out SystemPaths? paths, out _));
        Directory.CreateDirectory(paths.EtcDir);
        string gateways = string.Join(',', names.Select(name => name == "ui"
            ? """{"name":"two-of-ui","class":"ui","socket":"/run/ui.sock"}"""
            : $$"""{"name":"{{name}}","class":"gateway","socket":"/run/{{name}}.sock"}"""));
        File.WriteAllText(paths.DaemonConfigFile, $$"""{"gateways":[{{gateways}}]}""");
        File.SetUnixFileMode(paths.DaemonConfigFile, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        Assert.True(DaemonConfig.TryLoad(paths, PolicySchema.BuiltIn, out DaemonConfig? config, out string fault), fault);
        var service = new DeliveryService(config, PolicySchema.BuiltIn, _store, _history.State, _time, new Daemon.LogMessages(NullLogger.Instance));
        service.Start();
        return service;
    }

    private long Set(DeliveryService service, string key, string value)
    {
        long index = _history.Set(key, value);
        service.LedgerHasGrown();
        return index;
    }

    private static string Row(DeliveryService service, string name)
    {
        Assert.True(service.Status(_ => JsonValue.Null)[0].Value.TryGet(name, out JsonValue? row));
        return JsonText.ToText(row);
    }

    private static Task TakenAsync(DeliveryService service, string name, long index) =>
        RowAsync(service, name, row => row.Contains($"\"taken\":{index},", StringComparison.Ordinal));

    private static async Task RowAsync(DeliveryService service, string name, Func<string, bool> isRight)
    {
        while (!isRight(Row(service, name)))
            await Task.Delay(5, TestContext.Current.CancellationToken);
    }

    /// <summary>Moves the clock on, a second at a time, until something is so.</summary>
    private async Task WhileMovingTimeAsync(Func<bool> isSo)
    {
        while (!isSo())
        {
            _time.Advance(1);
            await Task.Delay(1, TestContext.Current.CancellationToken);
        }
    }
}
