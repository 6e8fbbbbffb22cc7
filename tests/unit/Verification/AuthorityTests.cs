using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Tests.Trust;
using Qwamos.ControlBus.Trust;
using Qwamos.ControlBus.Verification;
using Xunit;

namespace Qwamos.ControlBus.Tests.Verification;

public sealed class AuthorityTests
{
    private const long Now = RootDraft.Created + 10;
    private const string Armed = """{"GHOST.trigger":"armed"}""";
    private static readonly SigningKey Alice = SigningKey.Generate();
    private static readonly SigningKey AliceToo = SigningKey.Generate();
    private static readonly SigningKey Bob = SigningKey.Generate();
    private static readonly TrustRoot Root = Draft().Root();
    private static readonly Verifier Verifier = new(new VerifierOptions { Keys = [SigningKey.Generate().Public], SystemId = RootDraft.ThisSystem });

    [Fact]
    public void Refusal_says_who_is_missing()
    {
        Refusal refusal = Refused(Sign(Change(Armed), Alice))!;
        Assert.Equal(ErrorCode.NotAuthorised, refusal.Code);
        Assert.Equal("GHOST.trigger needs 2 of the role arming: alice signed, 1 more of bob must", refusal.Reason);
        var missing = refusal.Extra!.Single(pair => pair.Key == "missing").Value.Items.Single();
        Assert.Equal("""{"what":"GHOST.trigger","role":"arming","threshold":2,"have":["alice"],"from":["bob"]}""", JsonText.ToText(missing));
    }

    [Fact]
    public void Attack36_irreversible_value_by_a_key_without_the_right_is_refused() =>
        Assert.Equal(ErrorCode.NotAuthorised, Refused(Sign(Change("""{"GHOST.trigger":"fire"}"""), Bob))!.Code);

    [Fact]
    public void Attack03_two_keys_of_one_holder_do_not_make_two_holders()
    {
        Assert.Equal(ErrorCode.NotAuthorised, Refused(Sign(Change(Armed), Alice, AliceToo))!.Code);
        Assert.Null(Refused(Sign(Change(Armed), Alice, Bob)));
    }

    [Fact]
    public void One_key_of_a_change_without_the_right_refuses_the_whole_change()
    {
        Assert.Null(Refused(Sign(Change("""{"RADIO_ISOLATION":"on"}"""), Bob)));
        Assert.Equal(ErrorCode.NotAuthorised, Refused(Sign(Change("""{"RADIO_ISOLATION":"on","TOR_ISOLATION":"off"}"""), Bob))!.Code);
    }

    [Fact]
    public void Message_without_a_system_is_refused_once_there_is_a_trust_root()
    {
        Assert.Equal(ErrorCode.WrongSystem, Refused(Sign(Change(Armed) with { System = null }, Alice, Bob))!.Code);
        Assert.Null(Refused(Unsigned()));
    }

    [Fact]
    public void Expired_root_lets_nothing_through_but_looks()
    {
        long late = RootDraft.Created + RootDraft.Year + 1;
        Assert.Equal(ErrorCode.NotAuthorised, Refused(Sign(Change(Armed, late), Alice, Bob), late)!.Code);
        Assert.Null(Refused(Unsigned(), late));
    }

    [Fact]
    public void Expired_root_lets_who_may_fire_an_event_and_nothing_beside_it()
    {
        long late = RootDraft.Created + RootDraft.Year + 1;
        Assert.Null(Refused(Sign(Change("""{"GHOST.trigger":"fire"}""", late), Alice), late));
        Assert.Equal(ErrorCode.NotAuthorised, Refused(Sign(Change("""{"GHOST.trigger":"fire"}""", late), Bob), late)!.Code);
        Assert.Equal(ErrorCode.UnknownKey, Refused(Sign(Change("""{"GHOST.trigger":"fire"}""", late), SigningKey.Generate()), late)!.Code);
        foreach (string other in new[] { """{"GHOST.trigger":"disarmed"}""", """{"GHOST.trigger":"fire","RADIO_ISOLATION":"on"}""", """{"RADIO_ISOLATION":"on"}""" })
            Assert.Equal(ErrorCode.NotAuthorised, Refused(Sign(Change(other, late), Alice, Bob), late)!.Code);
    }

    [Theory]
    [InlineData(301, null, ErrorCode.Stale)]
    [InlineData(301, 86_400L, null)]
    [InlineData(604_800, 604_800L, null)]
    [InlineData(604_801, 604_800L, ErrorCode.Expired)]
    [InlineData(301, 604_801L, ErrorCode.Stale)]
    [InlineData(100, 50L, ErrorCode.Expired)]
    [InlineData(301, 200L, ErrorCode.Stale)]
    public void Change_that_needs_several_may_wait_until_it_expires_and_no_longer_than_seven_days(long age, long? expiresAfter, ErrorCode? code)
    {
        var draft = Change(Armed) with { Expires = expiresAfter is { } after ? Now + after : null };
        Assert.Equal(code, Refused(Sign(draft, Alice, Bob), Now + age)?.Code);
    }

    [Fact]
    public void Attack12_change_for_one_signer_never_outlives_its_window_whatever_it_expires_at()
    {
        var one = Change("""{"TOR_ISOLATION":"off"}""") with { Expires = Now + 86_400 };
        Assert.Equal(ErrorCode.Stale, Refused(Sign(one, Alice, Bob), Now + 301)!.Code);
        var mixed = Change("""{"GHOST.trigger":"armed","TOR_ISOLATION":"off"}""") with { Expires = Now + 86_400 };
        Assert.Equal(ErrorCode.Stale, Refused(Sign(mixed, Alice, Bob), Now + 301)!.Code);
    }

    [Fact]
    public void Attack07_revoked_key_is_refused_from_its_cutoff_on_and_its_earlier_entries_verify()
    {
        var without = RootDraft.Single("alice", Alice.Public) with { Version = 2, Revoked = [(Bob.Public.Id, 20)] };
        var history = RootHistory.Of(Alice.Public);
        Assert.Null(history.TryExtend(5, Now, Draft().Signed(Alice, Bob), RootDraft.ThisSystem, out history));
        Assert.Null(history.TryExtend(30, Now, without.Signed(Alice, Bob), RootDraft.ThisSystem, out history));
        Envelope entry = Sign(Change("""{"RADIO_ISOLATION":"on"}"""), Bob);
        Assert.Null(Code(Verifier.CheckRecorded(entry, Now, history, 19)));
        Assert.Equal(ErrorCode.UnknownKey, Code(Verifier.CheckRecorded(entry, Now, history, 20)));
        Assert.Equal(ErrorCode.UnknownKey, Code(Verifier.CheckRecorded(entry, Now, history, 31)));
        Assert.Equal(ErrorCode.UnknownKey, Code(Verifier.Check(entry, new EffectiveTime(Now, 0), history.Current)));
    }

    [Fact]
    public void Attack07_superfluous_signature_that_is_disowned_later_does_not_void_the_change()
    {
        var without = RootDraft.Single("alice", Alice.Public) with { Version = 2, Revoked = [(Bob.Public.Id, 10)] };
        var history = RootHistory.Of(Alice.Public);
        Assert.Null(history.TryExtend(5, Now, Draft().Signed(Alice, Bob), RootDraft.ThisSystem, out history));
        Assert.Null(history.TryExtend(30, Now, without.Signed(Alice, Bob), RootDraft.ThisSystem, out history));
        Envelope one = Sign(Change("""{"RADIO_ISOLATION":"on"}"""), Bob, Alice);
        Assert.Null(Code(Verifier.CheckRecorded(one, Now, history, 20)));
        Envelope two = Sign(Change(Armed), Alice, Bob);
        Assert.Null(Code(Verifier.CheckRecorded(two, Now, history, 9)));
        Assert.False(Verifier.CheckRecorded(two, Now, history, 20).TryGet(out _, out var refusal));
        Assert.Equal(ErrorCode.UnknownKey, refusal.Code);
        Assert.Contains("the other signers do not suffice", refusal.Reason, StringComparison.Ordinal);
    }

    private static RootDraft Draft() => new()
    {
        Holders = [("alice", [Alice.Public, AliceToo.Public]), ("bob", [Bob.Public])],
        Roles =
        [
            ("root", RootDraft.Role(["alice", "bob"], 2)),
            ("operator", RootDraft.Role(["alice"], 1, "\"commands\":[\"*\"],\"policy\":[{\"key\":\"*\"}]")),
            ("arming", RootDraft.Role(["alice", "bob"], 2, "\"policy\":[{\"key\":\"GHOST.trigger\",\"values\":[\"armed\"]}]")),
            ("radio", RootDraft.Role(["alice", "bob"], 1, "\"policy\":[{\"key\":\"RADIO_*\"}]")),
        ],
    };

    private static MessageDraft Change(string args, long timestamp = Now) => new()
    {
        Command = Commands.SetPolicy,
        Args = Parse(args),
        Nonce = Nonce.Random(),
        Timestamp = timestamp,
        System = RootDraft.ThisSystem,
    };

    private static Envelope Unsigned() => EnvelopeWriter.TryWriteUnsigned(new MessageDraft { Command = Commands.GetStatus }, out var envelope, out var refusal) ? envelope : throw new InvalidOperationException(refusal.Reason);

    private static JsonValue Parse(string json) => StrictJson.TryParse(System.Text.Encoding.UTF8.GetBytes(json), out var value, out var fault) ? value : throw new InvalidOperationException(fault);

    private static Envelope Sign(MessageDraft draft, params SigningKey[] keys) =>
        EnvelopeWriter.TrySignNamed(draft, keys, out var envelope, out var refusal) ? envelope : throw new InvalidOperationException(refusal.Reason);

    private static Refusal? Refused(Envelope envelope, long now = Now) => Verifier.Check(envelope, new EffectiveTime(now, 0), Root).TryGet(out _, out var refusal) ? null : refusal;

    private static ErrorCode? Code(Verdict verdict) => verdict.TryGet(out _, out var refusal) ? null : refusal.Code;
}
