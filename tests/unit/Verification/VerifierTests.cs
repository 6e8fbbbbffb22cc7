using System.Reflection;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Tests.Envelopes;
using Qwamos.ControlBus.Verification;
using Xunit;

namespace Qwamos.ControlBus.Tests.Verification;

public sealed class VerifierTests
{
    private const long Now = 1_700_000_000;
    private static readonly EffectiveTime AtNow = new(Now, 0);

    public static TheoryData<long> Epochs => [0, 2_147_483_647, 2_147_483_648, 4_102_444_800, Now];

    [Theory]
    [MemberData(nameof(Epochs))]
    public void Attack12_message_is_fresh_within_300_seconds_of_any_clock(long clock)
    {
        (long Offset, ErrorCode? Code)[] edges =
            [(-301, ErrorCode.Stale), (-300, null), (-1, null), (0, null), (1, null), (300, null), (301, ErrorCode.FromFuture)];
        foreach (var (offset, code) in edges)
            Assert.Equal(code, CodeOf(Judge(Draft() with { Timestamp = clock + offset }, new EffectiveTime(clock, 0))));
    }

    [Fact]
    public void Attack12_clock_of_1970_is_held_up_by_the_floor()
    {
        var behind = new EffectiveTime(0, Now);
        Assert.True(behind.IsBehind);
        Assert.Equal(Now - 300, behind.Now);
        Assert.Null(CodeOf(Judge(Draft() with { Timestamp = Now }, behind)));
        Assert.Equal(ErrorCode.Stale, CodeOf(Judge(Draft() with { Timestamp = Now - 601 }, behind)));
        Assert.Equal(ErrorCode.Stale, CodeOf(Judge(Draft() with { Timestamp = 0 }, behind)));
    }

    [Fact]
    public void Attack12_clock_set_back_an_hour_takes_no_older_message_than_the_floor_allows()
    {
        var back = new EffectiveTime(Now - 3600, Now);
        Assert.Equal(ErrorCode.Stale, CodeOf(Judge(Draft() with { Timestamp = Now - 3600 }, back)));
        Assert.Null(CodeOf(Judge(Draft() with { Timestamp = Now - 600 }, back)));
    }

    [Fact]
    public void Attack12_floor_from_a_message_300_seconds_ahead_does_not_block_later_good_ones()
    {
        var after = new EffectiveTime(Now, Now + 300);
        Assert.False(after.IsBehind);
        Assert.Null(CodeOf(Judge(Draft() with { Timestamp = Now }, after)));
    }

    [Theory]
    [InlineData(Now - 300, null)]
    [InlineData(Now + 300, null)]
    [InlineData(Now - 301, ErrorCode.Stale)]
    [InlineData(Now + 301, ErrorCode.FromFuture)]
    public void Recorded_message_is_judged_by_its_recorded_time(long timestamp, ErrorCode? code) =>
        Assert.Equal(code, CodeOf(Verifier().CheckRecorded(Sign(Draft() with { Timestamp = timestamp }), Now)));

    [Theory]
    [InlineData(Now, null)]
    [InlineData(Now - 1, ErrorCode.Expired)]
    public void Expiry_shortens_and_never_lengthens(long expires, ErrorCode? code)
    {
        Assert.Equal(code, CodeOf(Judge(Draft() with { Expires = expires }, AtNow)));
        Assert.Equal(ErrorCode.Stale, CodeOf(Judge(Draft() with { Timestamp = Now - 301, Expires = Now + 1000 }, AtNow)));
    }

    [Fact]
    public void Attack05_without_active_keys_nothing_is_believed()
    {
        var verifier = new Verifier(new VerifierOptions { Keys = [] });
        Assert.Equal(ErrorCode.BadSignature, CodeOf(verifier.Check(Sign(Draft()), AtNow)));
        Assert.True(EnvelopeWriter.TrySignNamed(Draft(), TestKeys.Operator, out var named, out _));
        Assert.Equal(ErrorCode.UnknownKey, CodeOf(verifier.Check(named, AtNow)));
    }

    [Fact]
    public void Attack05_change_stripped_of_its_signature_is_refused_though_it_got_past_the_reader()
    {
        var signed = Sign(Draft());
        var stripped = new Envelope(signed.Message, [], signed.Raw);
        Assert.Equal(ErrorCode.BadSignature, CodeOf(Verifier().Check(stripped, AtNow)));
    }

    [Fact]
    public void Attack05_bad_signature_beside_a_good_one_is_refused()
    {
        var signed = Sign(Draft());
        var stranger = SigningKey.Generate();
        var beside = new EnvelopeSignature(null, stranger.Sign(signed.Message.Canonical.Span));
        Assert.Equal(ErrorCode.BadSignature, CodeOf(Verifier().Check(new Envelope(signed.Message, [.. signed.Signatures, beside], signed.Raw), AtNow)));
        var unknown = new EnvelopeSignature(stranger.Public.Id, beside.Bytes);
        Assert.Equal(ErrorCode.UnknownKey, CodeOf(Verifier().Check(new Envelope(signed.Message, [.. signed.Signatures, unknown], signed.Raw), AtNow)));
    }

    [Fact]
    public void Bare_signature_is_tried_against_all_16_active_keys()
    {
        var keys = Enumerable.Range(0, 15).Select(_ => SigningKey.Generate()).Append(TestKeys.Operator).ToList();
        var verifier = new Verifier(new VerifierOptions { Keys = [.. keys.Select(key => key.Public)] });
        Assert.True(verifier.Check(Sign(Draft()), AtNow).TryGet(out var message, out _));
        Assert.Equal(TestKeys.Operator.Public.Id, message.Signer);
    }

    [Fact]
    public void More_than_16_keys_or_one_key_twice_is_misuse()
    {
        var keys = Enumerable.Range(0, 17).Select(_ => SigningKey.Generate().Public).ToList();
        Assert.Throws<ArgumentException>(() => new Verifier(new VerifierOptions { Keys = keys }));
        Assert.Throws<ArgumentException>(() => new Verifier(new VerifierOptions { Keys = [keys[0], keys[0]] }));
    }

    [Fact]
    public void Audience_is_judged_by_the_rule_given()
    {
        var verifier = new Verifier(new VerifierOptions
        {
            Keys = [TestKeys.Operator.Public],
            AudienceRule = message => message.Audience is ["gateway"] ? null : new Refusal(ErrorCode.WrongAudience, "not here"),
        });
        Assert.Null(CodeOf(verifier.Check(Sign(Draft() with { Audience = ["gateway"] }), AtNow)));
        Assert.Equal(ErrorCode.WrongAudience, CodeOf(verifier.Check(Sign(Draft() with { Audience = ["ui"] }), AtNow)));
    }

    [Fact]
    public void Only_the_commands_given_are_known()
    {
        var verifier = new Verifier(new VerifierOptions
        {
            Keys = [TestKeys.Operator.Public],
            Commands = new HashSet<string> { Commands.GetStatus },
        });
        Assert.Equal(ErrorCode.UnknownCommand, CodeOf(verifier.Check(Sign(Draft()), AtNow)));
    }

    [Fact]
    public void Zero_value_of_a_verdict_is_a_refusal()
    {
        Assert.False(default(Verdict).TryGet(out var message, out var refusal));
        Assert.Null(message);
        Assert.Equal(ErrorCode.Refused, refusal.Code);
        Assert.Equal(ErrorCode.Refused, default(ErrorCode));
    }

    [Fact]
    public void Nobody_outside_can_make_a_verified_message_a_verdict_or_a_message()
    {
        const BindingFlags AllInstances = BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic;
        foreach (var type in (Type[])[typeof(VerifiedMessage), typeof(Envelope), typeof(Message)])
        {
            Assert.True(type.IsSealed);
            Assert.All(type.GetConstructors(AllInstances), constructor => Assert.False(constructor.IsPublic || constructor.IsFamily));
        }

        Assert.All(typeof(Verdict).GetConstructors(AllInstances), constructor => Assert.True(constructor.IsPrivate));
        Assert.DoesNotContain(
            typeof(Verdict).GetMethods(BindingFlags.Static | BindingFlags.Public), method => method.ReturnType == typeof(Verdict));
    }

    [Fact]
    public void Only_the_verifier_makes_verified_messages()
    {
        var makers = Directory.EnumerateFiles(Path.Combine(Repository.Root, "src"), "*.cs", SearchOption.AllDirectories)
            .Where(path => !path.Contains("/obj/", StringComparison.Ordinal))
            .Where(path => File.ReadAllText(path).Contains("new VerifiedMessage(", StringComparison.Ordinal))
            .Select(Path.GetFileName);
        Assert.Equal(["Verifier.cs"], makers);
    }

    private static Verdict Judge(MessageDraft draft, EffectiveTime now) => Verifier().Check(Sign(draft), now);

    private static Verifier Verifier() => new(new VerifierOptions { Keys = [TestKeys.Operator.Public] });

    private static Envelope Sign(MessageDraft draft) => EnvelopeWriter.Sign(draft, TestKeys.Operator);

    private static ErrorCode? CodeOf(Verdict verdict) => verdict.TryGet(out _, out var refusal) ? null : refusal.Code;

    private static MessageDraft Draft() => new()
    {
        Command = Commands.SetPolicy,
        Args = JsonValue.Object([("RADIO_ISOLATION", JsonValue.Of("on"))]),
        Nonce = new Nonce(1),
        Timestamp = Now,
    };
}
