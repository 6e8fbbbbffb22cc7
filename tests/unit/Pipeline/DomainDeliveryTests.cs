using System.Text;
using System.Text.Json;
using Qwamos.ControlBus.Audit;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Hosting.Pipeline;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Policy;
using Qwamos.ControlBus.Tests.Ledger;
using Qwamos.ControlBus.Tests.Trust;
using Qwamos.ControlBus.Trust;
using Qwamos.ControlBus.Verification;
using Xunit;

namespace Qwamos.ControlBus.Tests.Pipeline;

/// <summary>Dom0's ledger on the one side, a domain with its own record on the other: what is delivered, and what a relay makes of it.</summary>
public sealed partial class DomainDeliveryTests : IAsyncLifetime
{
    private const long Start = 1_700_000_000;
    private readonly LedgerFolder _folder = new();
    private readonly SigningKey _ledgerKey = SigningKey.Generate();
    private readonly List<(DeliveryOffer Offer, DeliveryCursor Taken)> _forks = [];
    private readonly LedgerStore _store;
    private readonly History _dom0;
    private PipelineTrial _domain = null!;
    private WitnessMemory? _memory;

    public DomainDeliveryTests()
    {
        _store = _folder.Open();
        _dom0 = new History(_store, Start);
    }

    public async ValueTask InitializeAsync() => _domain = await PipelineTrial.StartDomainAsync(
        "gateway", "gateway", History.Key, verifier => new DeliveryJudge(verifier, () => _memory, (offer, taken) => _forks.Add((offer, taken))));

    public async ValueTask DisposeAsync()
    {
        await _domain.DisposeAsync();
        _store.Dispose();
        _folder.Dispose();
        _ledgerKey.Dispose();
    }

    [Fact]
    public void ChangeIsTakenOnce_AndAgainIsADuplicateThatAppliesNothing()
    {
        long index = _dom0.Set("RADIO_ISOLATION", "off");
        See();
        DeliveryOffer offer = Offer(1, index);
        Assert.Equal("accepted", Deliver(offer));
        Assert.Equal(PolicyValue.Of("off"), Policy["RADIO_ISOLATION"].Value);
        Assert.Equal("duplicate", Deliver(offer));
        Assert.Equal(2, _domain.Ledger.Size);
        Assert.Equal(new DeliveryCursor(1, index, Hash(index), Key), _domain.Writer.Published.Policy.Delivered);
        var entry = Assert.IsType<DeliveryEntry>(_domain.Ledger.ReadEntry(1));
        Assert.Equal(("accepted", _domain.Time.UnixSeconds), (entry.Outcome, entry.TimeSeconds));
        // The entry of Dom0's that set it, by way of the entry here; nothing older is remembered.
        Assert.Equal(index, _domain.Writer.Published.Policy.OriginOf(Policy["RADIO_ISOLATION"])?.Index);
        long later = _dom0.Set("RADIO_ISOLATION", "on");
        See();
        Assert.Equal("accepted", Deliver(Offer(2, later)));
        Assert.Equal([later], _domain.Writer.Published.Policy.Origins.Values.Select(origin => origin.Index));
    }

    [Fact]
    public async Task WeekOldChangesAreFresh_WhereTheOperatorVouchedForTheLedger_AndAStartAgrees()
    {
        long first = _dom0.Set("RADIO_ISOLATION", "off");
        _dom0.Now += 1_000;
        long second = _dom0.Set("TOR_ISOLATION", "mandatory");
        _domain.Time.SetClock(Start + (7 * 86_400));
        See();
        Assert.Equal(["accepted", "accepted"], Deliver(Offer(1, first), Offer(2, second)));
        Assert.Equal(Start, Assert.IsType<MessageEntry>(_domain.Ledger.ReadEntry(0)).TimeSeconds);
        PolicyState before = _domain.Writer.Published.Policy;
        await _domain.RestartAsync();
        Assert.Equal(before.ToJson(), _domain.Loaded.State.ToJson());
        Assert.Equal(2, _domain.Loaded.State.Delivered.Sequence);
    }

    [Fact]
    public void Attack12_WhileNobodyVouchedForTheLedger_WhatIsOldByTheClockHereWaits_AndIsNotLost()
    {
        long old = _dom0.Set("RADIO_ISOLATION", "off");
        _dom0.Now += 3_600;
        _domain.Time.SetClock(_dom0.Now);
        long fresh = _dom0.Set("TOR_ISOLATION", "mandatory");
        See(isVouched: false);
        Assert.Equal(["stale", "base_mismatch"], Deliver(Offer(1, old), Offer(2, fresh)));
        Assert.Equal(0, _domain.Ledger.Size);
        See();
        Assert.Equal(["accepted", "accepted"], Deliver(Offer(1, old), Offer(2, fresh)));
    }

    [Fact]
    public async Task Attack12_WhatDom0RecordedInTheFuture_WaitsUntilTheClocksAgree_AndAStartAgrees()
    {
        using var next = SigningKey.Generate();
        long root = _dom0.Record(Root(next).Signed(History.Key, next));
        long change = _dom0.SetAs(next, PipelineTrial.SystemIdText, ("RADIO_ISOLATION", JsonValue.Of("off")));
        See();
        _domain.Time.SetClock(Start - 86_400);
        Assert.Equal("from_future", Deliver(Offer(1, root)));
        Assert.Equal(0, _domain.Ledger.Size);
        _domain.Time.SetClock(Start - 300);
        Assert.Equal(["accepted", "accepted"], Deliver(Offer(1, root), Offer(2, change)));
        _domain.Time.SetClock(Start + 86_400);
        await _domain.RestartAsync();
        Assert.True(LedgerRoots.TryVerify(_domain.Ledger, _domain.Loaded.State.Trust, History.SignerKey, PipelineTrial.SystemIdText, out _, out string? fault), fault);
    }

    [Fact]
    public void Attack23_LedgerThatNobodyVouchedFor_HasFewRefusalsRecorded_AndDisablesNothing()
    {
        using var stranger = SigningKey.Generate();
        long[] forged = [.. Enumerable.Range(0, 80).Select(i => _dom0.SetAs(stranger, null, ("RADIO_IDLE_TIMEOUT_MIN", JsonValue.Of(i))))];
        See(isVouched: false);
        string[] outcomes = [.. forged.Select((index, i) => Deliver(Offer(i + 1, index)))];
        Assert.Equal(64, outcomes.Count(outcome => outcome == "bad_signature"));
        Assert.All(outcomes[64..], outcome => Assert.True(outcome is "busy" or "base_mismatch", outcome));
        Assert.Equal(64, _domain.Ledger.Size);
        Assert.Equal("accepted", Outcome(_domain.Ask(_domain.Change("""{"RADIO_ISOLATION":"off"}"""))[0]));
    }

    [Fact]
    public void Attack12_ChangeThatWasNotFreshWhenItWasRecorded_IsNot()
    {
        long index = _store.AppendBatch([Recorded(Start + 301)]);
        _domain.Time.SetClock(Start + 301);
        See();
        Assert.Equal("stale", Deliver(Offer(1, index)));
        Assert.Empty(Policy);
    }

    [Fact]
    public void Attack09_ReplayUnderAnotherNumber_AndAGap_AreRefused()
    {
        long first = _dom0.Set("RADIO_ISOLATION", "off");
        long second = _dom0.Set("RADIO_ISOLATION", "on");
        See();
        Assert.Equal("base_mismatch", Deliver(Offer(2, first)));
        Assert.Equal("accepted", Deliver(Offer(1, first)));
        Assert.Equal("base_mismatch", Deliver(Offer(3, second)));
        Assert.Equal("base_mismatch", Deliver(Offer(2, first)));
        JsonElement answer = Ask(Offer(3, second));
        Assert.Equal((1, first), (answer.GetProperty("seq").GetInt64(), answer.GetProperty("index").GetInt64()));
        Assert.Equal("accepted", Deliver(Offer(2, second)));
        Assert.Equal("duplicate", Deliver(Offer(1, first)));
        Assert.Equal(4, _domain.Ledger.Size);
        Assert.Empty(_forks);
    }

    [Fact]
    public void Attack15_OtherBytesWithAKnownNumber_AreAForkWithEvidence()
    {
        long first = _dom0.Set("RADIO_ISOLATION", "off");
        long second = _dom0.Set("RADIO_ISOLATION", "on");
        long third = _dom0.Set("TOR_ISOLATION", "off");
        See();
        Deliver(Offer(1, first), Offer(2, second));
        Assert.Equal(["fork", "fork"], Deliver(Offer(2, third), Offer(1, third)));
        Assert.Equal([(third, second), (third, first)], _forks.Select(fork => (fork.Offer.Entry.Index, fork.Taken.Index)));
        Assert.Equal("accepted", Deliver(Offer(3, third)));
    }

    [Fact]
    public void Attack15_PartsOfTwoDeliveries_ProveNothing()
    {
        long first = _dom0.Set("RADIO_ISOLATION", "off");
        long second = _dom0.Set("RADIO_ISOLATION", "on");
        See();
        DeliveryOffer offer = Offer(1, first);
        byte[] spoiled = [.. offer.Entry.Leaf];
        spoiled[^3] ^= 1;
        Assert.All(
            (DeliveryOffer[])[
                offer with { Entry = offer.Entry with { Leaf = Offer(1, second).Entry.Leaf } },
                offer with { Entry = offer.Entry with { Leaf = spoiled } },
                offer with { Entry = offer.Entry with { Index = second } },
                offer with { Entry = offer.Entry with { Index = 2 } },
                offer with { Entry = offer.Entry with { Path = Offer(1, second).Entry.Path } },
                offer with { Entry = offer.Entry with { Path = [.. offer.Entry.Path, offer.Entry.Path[0]] } },
                offer with { Entry = offer.Entry with { Path = [] } },
            ],
            other => Assert.Equal("unproven", Deliver(other)));
        Assert.Equal("base_mismatch", Deliver(offer with { Size = 1 }));
        Assert.Equal("bad_request", Deliver(offer with { Entry = offer.Entry with { Envelope = "{}"u8.ToArray() } }));
        Assert.Equal(0, _domain.Ledger.Size);
    }

    [Fact]
    public void BeforeAnyCheckpoint_NothingIsTaken()
    {
        long index = _dom0.Set("RADIO_ISOLATION", "off");
        See();
        DeliveryOffer offer = Offer(1, index);
        _memory = null;
        JsonElement answer = Ask(offer);
        Assert.Equal(("base_mismatch", 0), (Outcome(answer), answer.GetProperty("size").GetInt64()));
    }

    [Fact]
    public void Attack05_EntryThatNoOperatorSigned_IsReportedAndPassedBy()
    {
        using var stranger = SigningKey.Generate();
        long forged = _dom0.SetAs(stranger, null, ("RADIO_ISOLATION", JsonValue.Of("off")));
        long honest = _dom0.Set("TOR_ISOLATION", "mandatory");
        See();
        Assert.Equal(["bad_signature", "accepted"], Deliver(Offer(1, forged), Offer(2, honest)));
        Assert.Equal(["TOR_ISOLATION"], Policy.Keys);
        Assert.Equal("bad_signature", Assert.IsType<DeliveryEntry>(_domain.Ledger.ReadEntry(0)).Outcome);
    }

    [Fact]
    public void Attack11_ChangeForAnotherClassOrDomain_IsPassedBy()
    {
        long other = _dom0.Set("CLIPBOARD_ISOLATION", "strict");
        long all = _dom0.Set("CRYPTO_BACKEND", "hybrid");
        See();
        Assert.Equal(["wrong_audience", "accepted"], Deliver(Offer(1, other), Offer(2, all)));
        Assert.Equal(["CRYPTO_BACKEND"], _domain.Writer.Published.Policy.Staged.Keys);
    }

    [Fact]
    public void RefusalByTheDomainsOwnRules_IsRecorded_AndTheNextGoesOn()
    {
        _domain.Time.SetClock(Start + 10);
        Assert.Equal("accepted", Outcome(_domain.Ask(_domain.Change("""{"RADIO_ISOLATION":"on"}"""))[0]));
        long older = _dom0.Set("RADIO_ISOLATION", "off");
        long next = _dom0.Set("TOR_ISOLATION", "off");
        See();
        Assert.Equal(["superseded", "accepted"], Deliver(Offer(1, older), Offer(2, next)));
        Assert.Equal(ErrorCode.Superseded, Assert.IsType<MessageEntry>(_domain.Ledger.ReadEntry(1)).RefusalCode);
        Assert.Equal(PolicyValue.Of("on"), Policy["RADIO_ISOLATION"].Value);
    }

    [Fact]
    public void OnceDelivered_DirectChangesAreDisabled_ButForOneThatNamesThisDomainAlone()
    {
        byte[] direct = _domain.Change("""{"RADIO_ISOLATION":"on"}""");
        Assert.Equal("accepted", Outcome(_domain.Ask(direct)[0]));
        long index = _dom0.Set("TOR_ISOLATION", "off");
        See();
        Assert.Equal("accepted", Deliver(Offer(1, index)));
        byte[] To(params string[] audience) => _domain.Change("""{"RADIO_ISOLATION":"off"}""", draft => draft with { Audience = audience });
        Assert.Equal(
            ["direct_disabled", "direct_disabled", "accepted"],
            _domain.Ask(_domain.Change("""{"RADIO_ISOLATION":"off"}"""), To("gateway", "other"), To("gateway")).Select(Outcome));
        Assert.Equal(4, _domain.Ledger.Size);
    }

    [Fact]
    public void WhatCameByAnotherWay_IsADuplicate_WhateverTheClockSaysByNow()
    {
        byte[] direct = _domain.Change("""{"RADIO_ISOLATION":"off"}""");
        Assert.Equal("accepted", Outcome(_domain.Ask(direct)[0]));
        Assert.True(EnvelopeReader.TryRead(direct, out Envelope? envelope, out _));
        long index = _store.AppendBatch([EntryWriter.Accept(Start, new EntryPeer(0, 0, 1), Verified(envelope), PolicySchema.BuiltIn, new ChangeOutcome(["RADIO_ISOLATION"], [], []))]);
        _domain.Time.SetClock(Start + 86_400);
        See();
        Assert.Equal("duplicate", Deliver(Offer(1, index)));
        Assert.Equal(2, _domain.Ledger.Size);
        Assert.Equal(1, _domain.Writer.Published.Policy.Delivered.Sequence);
    }

    [Fact]
    public void TrustRootsAndChanges_SentInOneGo_AreJudgedInTheirOrder()
    {
        using var next = SigningKey.Generate();
        long before = _dom0.Set("RADIO_ISOLATION", "off");
        long root = _dom0.Record(Root(next).Signed(History.Key, next));
        long after = _dom0.SetAs(next, PipelineTrial.SystemIdText, ("RADIO_ISOLATION", JsonValue.Of("on")));
        long retired = _dom0.SetAs(History.Key, PipelineTrial.SystemIdText, ("RADIO_ISOLATION", JsonValue.Of("off")));
        See();
        Assert.Equal(["accepted", "accepted", "accepted", "bad_signature"], Deliver(Offer(1, before), Offer(2, root), Offer(3, after), Offer(4, retired)));
        Assert.Equal(PolicyValue.Of("on"), Policy["RADIO_ISOLATION"].Value);
        Assert.Equal(1, _domain.Writer.Published.Policy.Trust.Version);
    }

    [Fact]
    public void Attack06_AnotherTrustRootOfAKnownVersion_IsAFork_AndTheSameADuplicate()
    {
        using var next = SigningKey.Generate();
        SignedRoot first = Root(next).Signed(History.Key, next);
        long root = _dom0.Record(first);
        long again = _dom0.Record((Root(next) with { ExpiresSeconds = Start + 10 }).Signed(History.Key, next));
        long same = _dom0.Record(first);
        See();
        Assert.Equal(["accepted", "fork", "duplicate"], Deliver(Offer(1, root), Offer(2, again), Offer(3, same)));
        Assert.Equal(first.Root.Hash, _domain.Writer.Published.Policy.Trust.Root!.Hash);
    }

    [Fact]
    public async Task Attack07_TrustRootThatWasKeptBack_IsTakenLate_WithoutANumber_AndOnlyTheNextVersionThatFollows()
    {
        using var next = SigningKey.Generate();
        using var last = SigningKey.Generate();
        using var stranger = SigningKey.Generate();
        long before = _dom0.Set("RADIO_ISOLATION", "off");
        long forged = _dom0.Record(Root(stranger).Signed(stranger, stranger));
        long root = _dom0.Record(Root(next).Signed(History.Key, next));
        long newest = _dom0.Record((Root(last) with { Version = 2 }).Signed(next, last));
        long after = _dom0.Set("RADIO_ISOLATION", "on");
        long retired = _dom0.SetAs(History.Key, PipelineTrial.SystemIdText, ("TOR_ISOLATION", JsonValue.Of("off")));
        See();
        Assert.Equal(["accepted", "accepted"], Deliver(Offer(1, before), Offer(2, after)));
        DeliveryCursor stood = _domain.Writer.Published.Policy.Delivered;
        long size = _domain.Ledger.Size;
        // Neither a later version, nor one that no holder signed; nothing that is no trust root, and nothing that is late with a number.
        Assert.Equal("base_mismatch", Deliver(Offer(0, newest)));
        Assert.Equal("not_authorised", Deliver(Offer(0, forged)));
        Assert.Equal("bad_request", Deliver(Offer(0, before)));
        Assert.Equal("bad_request", Deliver(Offer(0, root) with { CatchUp = new CatchUpOffer(JsonValue.Object(), []) }));
        Assert.Equal(["base_mismatch", "base_mismatch"], Deliver(Offer(3, root), Offer(4, root)));
        Assert.Equal(size, _domain.Ledger.Size);
        Assert.Equal(["accepted", "duplicate", "accepted", "duplicate", "base_mismatch"], Deliver(Offer(0, root), Offer(0, root), Offer(0, newest), Offer(0, newest), Offer(0, forged)));
        Assert.Equal((2, stood, size + 2), (_domain.Writer.Published.Policy.Trust.Version, _domain.Writer.Published.Policy.Delivered, _domain.Ledger.Size));
        Assert.Equal("bad_signature", Deliver(Offer(3, retired)));
        Assert.Empty(_forks);
        await _domain.RestartAsync();
        Assert.Equal(2, _domain.Loaded.State.Trust.Version);
        Assert.True(LedgerRoots.TryVerify(_domain.Ledger, _domain.Loaded.State.Trust, History.SignerKey, PipelineTrial.SystemIdText, out _, out string? fault), fault);
    }

    [Fact]
    public void ConfidentialChange_ComesWithItsEnvelope_AndWithNoOther()
    {
        long index = _dom0.Set("DURESS.gesture", "triple-power");
        See();
        DeliveryOffer offer = Offer(1, index);
        Assert.NotNull(offer.Entry.Envelope);
        Assert.Equal("bad_request", Deliver(offer with { Entry = offer.Entry with { Envelope = null } }));
        byte[] spoiled = [.. offer.Entry.Envelope];
        spoiled[20] ^= 1;
        Assert.Equal("bad_request", Deliver(offer with { Entry = offer.Entry with { Envelope = spoiled } }));
        Assert.Equal("wrong_audience", Deliver(offer));
    }

    [Fact]
    public void LongestEnvelope_IsDelivered_AndNoOtherRequestMayBeThatLong()
    {
        string padding = new(' ', Limits.MaxRequestBytes - 300);
        byte[] plain = _domain.Change("""{"RADIO_ISOLATION":"off"}""");
        byte[] padded = [.. plain[..^1], .. Encoding.ASCII.GetBytes(padding), (byte)'}'];
        Assert.True(EnvelopeReader.TryRead(padded, out Envelope? envelope, out _));
        long index = _store.AppendBatch([EntryWriter.Accept(Start, new EntryPeer(0, 0, 1), Verified(envelope), PolicySchema.BuiltIn, new ChangeOutcome(["RADIO_ISOLATION"], [], []))]);
        See();
        Assert.Equal("accepted", Deliver(Offer(1, index)));
        byte[] tooLong = [.. plain[..^1], .. Encoding.ASCII.GetBytes(padding + padding), (byte)'}'];
        Assert.Equal("too_large", Outcome(_domain.Ask(tooLong)[0]));
    }

    [Fact]
    public void AnotherLedgersFirstDelivery_BeginsAnew()
    {
        long index = _dom0.Set("RADIO_ISOLATION", "off");
        _dom0.Set("RADIO_ISOLATION", "on");
        See();
        Assert.Equal("accepted", Deliver(Offer(1, index)));
        using var other = SigningKey.Generate();
        See(key: other);
        Assert.Equal("duplicate", Deliver(Offer(1, index)));
        Assert.Equal(new NoteVerifierKey(Origin, other.Public).ToString(), _domain.Writer.Published.Policy.Delivered.Ledger);
    }

    private static string Origin => Checkpoint.OriginOf(PipelineTrial.SystemIdText);

    private string Key => new NoteVerifierKey(Origin, _ledgerKey.Public).ToString();

    private System.Collections.Immutable.ImmutableSortedDictionary<string, Applied> Policy => _domain.Writer.Published.Policy.Policy;

    private static RootDraft Root(SigningKey key) => RootDraft.Single("dom0", key.Public) with
    {
        System = PipelineTrial.SystemIdText,
        CreatedSeconds = Start,
        ExpiresSeconds = Start + RootDraft.Year,
    };

    /// <summary>An accepted change of the operator, recorded at a time of the ledger's choice.</summary>
    private static NewEntry Recorded(long seconds) => Accepted(Draft("RADIO_ISOLATION", "off"), seconds);

    private static MessageDraft Draft(string key, string value) =>
        new() { Command = Commands.SetPolicy, Args = JsonValue.Object([(key, JsonValue.Of(value))]), Nonce = Nonce.Random(), Timestamp = Start };

    private static NewEntry Accepted(MessageDraft draft, long seconds = Start) => EntryWriter.Accept(
        seconds, new EntryPeer(0, 0, 1), Verified(EnvelopeWriter.Sign(draft, History.Key)), PolicySchema.BuiltIn, new ChangeOutcome([draft.Args!.Members[0].Key], [], []));

    /// <summary>The gateways' values in Dom0 now.</summary>
    private JsonValue Values() => JsonValue.Object(_dom0.State.Policy.Select(pair => (pair.Key, pair.Value.Value.ToJson())));

    private long NextAndSeen()
    {
        long index = _dom0.Set(("RADIO_IDLE_TIMEOUT_MIN", JsonValue.Of(5)));
        See();
        return index;
    }

    private DeliveryOffer CatchUp(long sequence, long index, JsonValue before, params long[] changes)
    {
        DeliveryOffer offer = Offer(sequence, index);
        return offer with { CatchUp = new CatchUpOffer(before, [.. changes.Select(change => Entry(change, offer.Size))]) };
    }

    private static VerifiedMessage Verified(Envelope envelope) => new(envelope, [History.Signer], 0);

    /// <summary>The domain has seen the ledger as it is.</summary>
    private void See(bool isVouched = true, SigningKey? key = null)
    {
        var verifier = new NoteVerifierKey(Origin, (key ?? _ledgerKey).Public);
        var checkpoint = Checkpoint.Of(Origin, _store.Tree());
        var statement = LedgerKeyStatement.Sign(History.Key, verifier.ToString(), PipelineTrial.SystemIdText, Start);
        _memory = new WitnessMemory(verifier, isVouched ? statement : null, new SeenCheckpoint(checkpoint, new SignedNote(checkpoint.ToText(), []), Start, Start, null));
    }

    private DeliveryOffer Offer(long sequence, long index)
    {
        long size = _memory?.Seen?.Checkpoint.Size ?? _store.Size;
        return new DeliveryOffer(sequence, Entry(index, size), size);
    }

    private OfferedEntry Entry(long index, long size) => new(index, _store.Read(index)!.Leaf, _store.ReadConfidential(index), [.. new LedgerTree(_store).InclusionProof(index, size)]);

    private string Hash(long index) => Convert.ToHexStringLower(_store.Read(index)!.LeafHash);

    private static byte[] Request(DeliveryOffer offer)
    {
        string args = JsonText.ToText(offer.ToJson());
        return Encoding.UTF8.GetBytes($$$"""{"msg":{"command":"deliver","args":{{{args}}}}}""");
    }

    private JsonElement Ask(DeliveryOffer offer) => _domain.Ask(Request(offer))[0];

    private string Deliver(DeliveryOffer offer) => Outcome(Ask(offer));

    private string[] Deliver(params DeliveryOffer[] offers) => [.. _domain.Ask([.. offers.Select(Request)]).Select(Outcome)];

    /// <summary>The outcome of a delivery that was taken; the code of one that was not; <c>accepted</c> for a direct change.</summary>
    private static string Outcome(JsonElement answer) =>
        answer.TryGetProperty("code", out JsonElement code) ? code.GetString()!
        : answer.TryGetProperty("outcome", out JsonElement outcome) ? outcome.GetString()! : "accepted";
}
