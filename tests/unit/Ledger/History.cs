using CsCheck;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Policy;
using Qwamos.ControlBus.Tests.Trust;
using Qwamos.ControlBus.Trust;
using Qwamos.ControlBus.Verification;

namespace Qwamos.ControlBus.Tests.Ledger;

/// <summary>Makes ledgers as the writer does: decides each message by the state so far, appends its entry, keeps the state.</summary>
internal sealed class History(LedgerStore store, long startSeconds = History.StartSeconds)
{
    public const long StartSeconds = 1_800_000_000;

    internal static readonly SigningKey Key = SigningKey.Generate();
    private static readonly EntryPeer Peer = new(1000, 1000, 4321);

    /// <summary>Random steps: changes of every kind, refused ones among them, and notes.</summary>
    public static Gen<Action<History>[]> AnySteps { get; } = Gen.OneOf(
        Change("KERNEL_HARDENING", "default", "strict", "paranoid"),
        Change("BOOT_VERIFICATION", "warn", "off", "strict"),
        Change("RADIO_ISOLATION", "on", "off", "nonsense"),
        Change("GHOST.trigger", "armed", "disarmed", "fire"),
        Change("DURESS.gesture", "none", "triple-power"),
        Gen.Bool.Select<bool, Action<History>>(on => history => history.Set(("DURESS.enabled", JsonValue.Of(on)))),
        Gen.Int[-1, 999].Select<int, Action<History>>(minutes => history => history.Set(("RADIO_IDLE_TIMEOUT_MIN", JsonValue.Of(minutes)))),
        Gen.Int[0, 400].Select<int, Action<History>>(seconds => history => history.Now += seconds),
        AnyOf(BootResult.InForce, BootResult.InForceAfterReboot, BootResult.Recorded, "failed: no")
            .Select<string, Action<History>>(result => history => history.Boot(result)),
        Gen.Int[0, 5000].Select<int, Action<History>>(back => history => history.LowerFloor(history.Now - back)),
        Gen.Int[0, 400].Select<int, Action<History>>(back => history => history.SignKey($"qwamos/{new string('d', 32)}+key", new string('d', 32), history.Now - back)),
        Gen.Select(Gen.Int[0, 3], Gen.Int[0, 400], Gen.Bool).Select<(int, int, bool), Action<History>>(signed => history =>
            history.Record(DomainKeyStatement.Sign(Key, $"gw{signed.Item1}", "gateway", new string('c', 64), new string('d', 32), history.Now - signed.Item2, signed.Item3))),
        Gen.Const<Action<History>>(history => history.NextRoot()),
        Gen.Const<Action<History>>(history => history.Import(BootNote.AnchorReplaced(history.State.LastNote + 1, history.Now, new string('1', 64), new string('2', 64)))),
        Gen.Const<Action<History>>(history => history.Snapshot())).Array[0, 40];

    public PolicySchema Schema { get; init; } = PolicySchema.BuiltIn;

    public PolicyState State { get; private set; } = PolicyState.Empty;

    public long Now { get; set; } = startSeconds;

    public string Mode { get; set; } = "auto";

    /// <summary>A class whose values each change signs as its <c>base</c>, as qwamosctl does; null for none.</summary>
    public string? BaseClass { get; set; }

    public LedgerStore Store => store;

    public Nonce LastNonce { get; private set; }

    public static KeyId Signer => Key.Public.Id;

    public static VerifyingKey SignerKey => Key.Public;

    /// <summary>Decides and appends one change; gives its index.</summary>
    public long Set(params (string Key, JsonValue Value)[] values) => SetAs(Key, null, values);

    /// <summary>The same by another key, for a system.</summary>
    public long SetAs(SigningKey key, string? system, params (string Key, JsonValue Value)[] values)
    {
        LastNonce = Nonce.Random();
        var draft = new MessageDraft
        {
            Command = Commands.SetPolicy,
            Args = JsonValue.Object(values),
            Nonce = LastNonce,
            Timestamp = Now,
            Mode = Mode,
            System = system,
            Base = BaseClass is { } own ? new Dictionary<string, string> { [own] = State.BaseHash(Schema, own) } : null,
        };
        var message = new VerifiedMessage(EnvelopeWriter.Sign(draft, key), [key.Public.Id], State.Trust.Version);
        var decision = PolicyRules.Decide(Schema, State, message.Message, DomainScope.Authority, store.Size);
        if (!decision.TryGet(out var outcome, out var next, out var refusal))
            return store.AppendBatch([EntryWriter.Refuse(Now, Peer, message, Schema, refusal)]);
        State = next;
        return store.AppendBatch([EntryWriter.Accept(Now, Peer, message, Schema, outcome)]);
    }

    /// <summary>A change that several signed at a time, and that may wait until another one.</summary>
    public long SetBy(SigningKey[] keys, string system, long signedSeconds, long expires, params (string Key, JsonValue Value)[] values)
    {
        var draft = new MessageDraft
        {
            Command = Commands.SetPolicy, Args = JsonValue.Object(values), Nonce = Nonce.Random(), Timestamp = signedSeconds, Expires = expires, System = system,
        };
        if (!EnvelopeWriter.TrySignNamed(draft, keys, out var envelope, out var refusal))
            throw new ArgumentException(refusal.Reason, nameof(values));
        var message = new VerifiedMessage(envelope, [.. keys.Select(key => key.Public.Id)], State.Trust.Version);
        if (!PolicyRules.Decide(Schema, State, message.Message, DomainScope.Authority, store.Size).TryGet(out var outcome, out var next, out refusal))
            return store.AppendBatch([EntryWriter.Refuse(Now, Peer, message, Schema, refusal)]);
        State = next;
        return store.AppendBatch([EntryWriter.Accept(Now, Peer, message, Schema, outcome)]);
    }

    public long Set(string key, string value) => Set((key, JsonValue.Of(value)));

    /// <summary>A boot that gives every staged key this result.</summary>
    public void Boot(string result) =>
        Import(BootNote.Applied(State.LastNote + 1, Now, [.. State.Staged.Select(pair => new BootResult(pair.Key, pair.Value.Index, result, ""))]));

    /// <summary>The operator's statement about a ledger's key, signed at a time; gives its index.</summary>
    public long SignKey(string verifierKey, string system, long seconds) => Record(LedgerKeyStatement.Sign(Key, verifierKey, system, seconds));

    /// <summary>An operator's statement; gives its index.</summary>
    public long Record(LedgerKeyStatement statement)
    {
        State = State.WithKey(statement, store.Size);
        return store.AppendBatch([EntryWriter.RecordKey(Now, Peer, statement)]);
    }

    /// <summary>An operator's statement about a domain; gives its index.</summary>
    public long Record(DomainKeyStatement statement)
    {
        State = State.WithDomain(statement, store.Size);
        return store.AppendBatch([EntryWriter.RecordKey(Now, Peer, statement)]);
    }

    /// <summary>A domain's word about a change, whoever would refuse it; gives its index.</summary>
    public long Record(InForceStatement statement)
    {
        State = State.WithReport(statement);
        return store.AppendBatch([EntryWriter.RecordInForce(Now, Peer, statement)]);
    }

    /// <summary>The next trust root, of the one key that signs here.</summary>
    public long NextRoot() => Record((RootDraft.Single("dom0", Key.Public) with { Version = State.Trust.Version + 1, CreatedSeconds = Now, ExpiresSeconds = Now + RootDraft.Year }).Signed(Key));

    /// <summary>A trust root; gives its index.</summary>
    public long Record(SignedRoot root)
    {
        State = State.WithRoot(root, store.Size);
        return store.AppendBatch([EntryWriter.RecordRoot(Now, Peer, root)]);
    }

    /// <summary>Boots that had nothing to apply, all in one batch.</summary>
    public void BootIdle(int count)
    {
        BootNote[] notes = [.. Enumerable.Range(1, count).Select(number => BootNote.Applied(State.LastNote + number, Now, []))];
        store.AppendBatch([.. notes.Select(note => EntryWriter.Import(Now, note))]);
        State = notes.Aggregate(State, (state, note) => state.Import(note));
    }

    public void LowerFloor(long seconds) => Import(BootNote.TimeFloor(State.LastNote + 1, Now, seconds));

    public void Import(BootNote note)
    {
        store.AppendBatch([EntryWriter.Import(Now, note)]);
        State = State.Import(note);
    }

    public void Snapshot() => store.SaveSnapshot(LedgerFold.Snapshot(State, store.Tree()));

    private static Gen<string> AnyOf(params string[] values) => Gen.Int[0, values.Length - 1].Select(i => values[i]);

    private static Gen<Action<History>> Change(string key, params string[] values) =>
        Gen.Select(AnyOf(values), AnyOf("auto", "staged"), Gen.Int[-2, 3]).Select<(string, string, int), Action<History>>(change =>
            history =>
            {
                (var value, history.Mode, var later) = change;
                history.Now += later;
                history.Set(key, value);
            });
}
