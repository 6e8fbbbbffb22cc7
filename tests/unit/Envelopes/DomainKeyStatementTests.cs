using System.Text;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Policy;
using Qwamos.ControlBus.Verification;
using Xunit;

namespace Qwamos.ControlBus.Tests.Envelopes;

/// <summary>An operator's statement about a domain's own key: its form, its signed bytes, and that its signature is worth nothing elsewhere.</summary>
public sealed class DomainKeyStatementTests : IDisposable
{
    private const long Time = 1_800_000_000;
    private static readonly string System = new('a', SystemId.Digits);
    private readonly SigningKey _operator = SigningKey.Generate();
    private readonly SigningKey _domain = SigningKey.Generate();

    private string Key => Convert.ToHexStringLower(_domain.PublicRaw);

    private VerifierOptions Options => new()
    {
        Keys = [_operator.Public],
        SystemId = System,
        LedgerKey = LedgerKey,
        Commands = new HashSet<string>(StringComparer.Ordinal) { Commands.SetPolicy, Commands.LedgerKey, Commands.DomainKey },
        AudienceRule = AudienceRules.ForAuthority(PolicySchema.BuiltIn, new Dictionary<string, string> { ["gw1"] = "gateway" }),
    };

    private static string LedgerKey => $"qwamos/{System}+0a0b0c0d+{Convert.ToBase64String(new byte[33])}";

    public void Dispose()
    {
        _operator.Dispose();
        _domain.Dispose();
    }

    [Fact]
    public void Signed_bytes_are_the_purpose_and_the_canonical_statement()
    {
        var signed = $"qwamos-domain-v1\n{{\"class\":\"gateway\",\"key\":\"{Key}\",\"name\":\"gw1\",\"system\":\"{System}\",\"timestamp\":1800000000}}";
        var statement = Sign();
        Assert.True(_operator.Public.Verify(Encoding.UTF8.GetBytes(signed), Convert.FromBase64String(statement.Signature)));
        Assert.True(DomainKeyStatement.TryRead(statement.ToJson(), out var read, out var fault), fault);
        Assert.Equal(statement, read);
        var revoked = Sign(isRevoked: true);
        Assert.True(_operator.Public.Verify(Encoding.UTF8.GetBytes(signed.Replace("gw1\",", "gw1\",\"revoked\":true,", StringComparison.Ordinal)), Convert.FromBase64String(revoked.Signature)));
        Assert.True(DomainKeyStatement.TryRead(revoked.ToJson(), out read, out fault), fault);
        Assert.Equal(revoked, read);
        Assert.Equal(_domain.Id.ToString(), statement.Fingerprint);
    }

    [Fact]
    public void Statement_by_another_key_or_changed_in_any_part_does_not_hold()
    {
        using var other = SigningKey.Generate();
        var statement = Sign();
        Assert.True(statement.IsSignedBy(_operator.Public));
        Assert.False(statement.IsSignedBy(other.Public));
        Assert.False((statement with { TimestampSeconds = Time + 1 }).IsSignedBy(_operator.Public));
        Assert.False((statement with { Name = "gw2" }).IsSignedBy(_operator.Public));
        Assert.False((statement with { Class = "ui" }).IsSignedBy(_operator.Public));
        Assert.False((statement with { Key = new string('0', 64) }).IsSignedBy(_operator.Public));
        Assert.False((statement with { SystemId = new string('b', SystemId.Digits) }).IsSignedBy(_operator.Public));
        Assert.False((statement with { IsRevoked = true }).IsSignedBy(_operator.Public));
        Assert.False((statement with { TlsKey = new string('7', 64) }).IsSignedBy(_operator.Public));
        Assert.False((statement with { Signer = other.Public.Id }).IsSignedBy(other.Public));
    }

    [Theory]
    [InlineData("\"name\":\"gw1\"", "\"name\":\"\"")]
    [InlineData("\"name\":\"gw1\"", "\"name\":\"gw 1\"")]
    [InlineData("\"name\":\"gw1\"", "\"name\":\"01234567890123456789012345678901234567890123456789012345678901234\"")]
    [InlineData("\"class\":\"gateway\"", "\"class\":7")]
    [InlineData("\"class\":\"gateway\",", "")]
    [InlineData("\"key\":\"", "\"key\":\"0")]
    [InlineData("\"system\":\"", "\"system\":\"A")]
    [InlineData("1800000000", "-1")]
    [InlineData("1800000000", "\"1800000000\"")]
    [InlineData("1800000000", "1800000000,\"revoked\":false")]
    [InlineData("1800000000", "1800000000,\"revoked\":1")]
    [InlineData("1800000000", "1800000000,\"more\":true")]
    [InlineData("1800000000", "1800000000,\"tls_key\":7")]
    [InlineData("1800000000", "1800000000,\"tls_key\":\"\"")]
    [InlineData("1800000000", "1800000000,\"tls_key\":\"7777777777777777777777777777777777777777777777777777777777777777\",\"revoked\":true")]
    [InlineData("1800000000", "1800000000,\"tls_key\":\"A777777777777777777777777777777777777777777777777777777777777777\"")]
    [InlineData("\"key_id\":\"", "\"key_id\":\"0")]
    [InlineData("\"signature\":\"", "\"signature\":\" ")]
    public void Other_forms_are_refused(string part, string instead)
    {
        var text = Sign().ToJson().ToString();
        Assert.Contains(part, text, StringComparison.Ordinal);
        Assert.False(EnvelopeReader.TryRead(Encoding.UTF8.GetBytes($"{{\"msg\":{{\"command\":\"domain_key\",\"args\":{text.Replace(part, instead, StringComparison.Ordinal)}}}}}"), out _, out var refusal));
        Assert.Equal(ErrorCode.BadRequest, refusal.Code);
    }

    [Fact]
    public void Verdict_names_the_first_check_that_fails()
    {
        using var stranger = SigningKey.Generate();
        Assert.Null(Code(Sign()));
        Assert.Null(Code(Sign(Time + 300)));
        Assert.Null(Code(Sign(Time - 300)));
        Assert.Equal(ErrorCode.Stale, Code(Sign(Time - 301)));
        Assert.Equal(ErrorCode.FromFuture, Code(Sign(Time + 301)));
        Assert.Equal(ErrorCode.WrongSystem, Code(DomainKeyStatement.Sign(_operator, "gw1", "gateway", Key, new string('b', SystemId.Digits), Time, false)));
        Assert.Equal(ErrorCode.UnknownKey, Code(DomainKeyStatement.Sign(stranger, "gw1", "gateway", Key, System, Time, false)));
        Assert.Equal(ErrorCode.BadSignature, Code(Sign() with { TimestampSeconds = Time - 1 }));
        Assert.Equal(ErrorCode.WrongAudience, Code(DomainKeyStatement.Sign(_operator, "gw2", "gateway", Key, System, Time, false)));
        Assert.Equal(ErrorCode.WrongAudience, Code(DomainKeyStatement.Sign(_operator, "gw1", "ui", Key, System, Time, false)));
        // A domain that is gone can still lose its key.
        Assert.Null(Code(DomainKeyStatement.Sign(_operator, "gw2", "gateway", Key, System, Time, true)));
        Assert.Equal(ErrorCode.UnknownCommand, Code(Sign(), Options with { Commands = new HashSet<string>(StringComparer.Ordinal) { Commands.SetPolicy } }));
    }

    [Theory]
    [InlineData("0000000000000000000000000000000000000000000000000000000000000000")]
    [InlineData("0100000000000000000000000000000000000000000000000000000000000000")]
    [InlineData("ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff")]
    public void Attack02_A_domains_key_that_is_no_sound_point_is_refused(string key) =>
        Assert.Equal(ErrorCode.BadRequest, Code(DomainKeyStatement.Sign(_operator, "gw1", "gateway", key, System, Time, false)));

    [Fact]
    public void An_operators_key_is_no_domains_key() =>
        Assert.Equal(ErrorCode.BadRequest, Code(DomainKeyStatement.Sign(_operator, "gw1", "gateway", Convert.ToHexStringLower(_operator.PublicRaw), System, Time, false)));

    [Theory]
    [InlineData("")]
    [InlineData("qwamos-ledger-key-v1\n")]
    [InlineData("qwamos-trust-root-v1\n")]
    public void Attack08_Signature_of_another_purpose_is_none_of_a_domains_key(string purpose)
    {
        var good = Sign();
        var document = $"{{\"class\":\"gateway\",\"key\":\"{Key}\",\"name\":\"gw1\",\"system\":\"{System}\",\"timestamp\":1800000000}}";
        Assert.Equal(ErrorCode.BadSignature, Code(good with { Signature = Convert.ToBase64String(_operator.Sign(Encoding.UTF8.GetBytes(purpose + document))) }));
        // And the reverse: the signature about a domain is no word for the ledger's key.
        var ledger = LedgerKeyStatement.Sign(_operator, LedgerKey, System, Time) with { Signature = good.Signature };
        Assert.True(EnvelopeWriter.TryWriteUnsigned(new MessageDraft { Command = Commands.LedgerKey, Args = ledger.ToJson() }, out var envelope, out _));
        Assert.False(new Verifier(Options).Check(envelope, new EffectiveTime(Time, 0)).TryGet(out _, out var refusal));
        Assert.Equal(ErrorCode.BadSignature, refusal.Code);
    }

    [Fact]
    public void Key_of_a_link_is_read_as_it_was_signed()
    {
        var statement = DomainKeyStatement.Sign(_operator, "gw1", "gateway", Key, System, Time, false, new string('7', 64));
        Assert.True(DomainKeyStatement.TryRead(statement.ToJson(), out var read, out var fault), fault);
        Assert.Equal(statement, read);
        Assert.Null(Code(statement));
    }

    [Fact]
    public void What_a_domain_said_counts_while_its_key_stays_the_same()
    {
        var state = PolicyState.Empty.WithDomain(Sign(), 3).WithDomain(Sign(Time + 1), 5);
        Assert.Equal((5, 3), (state.Domains["gw1"].Index, state.Domains["gw1"].KeyIndex));
        Assert.True(PolicyStateDocument.TryRead(state.ToJson(), out var read, out var fault), fault);
        Assert.Equal(state.Domains, read.Domains);
        Assert.Equal(7, state.WithDomain(Sign(Time + 2, isRevoked: true), 6).WithDomain(Sign(Time + 3), 7).Domains["gw1"].KeyIndex);
    }

    [Fact]
    public void A_key_that_is_back_after_another_one_is_the_domains_from_then_on_only()
    {
        var other = DomainKeyStatement.Sign(_operator, "gw1", "gateway", Convert.ToHexStringLower(_operator.PublicRaw), System, Time + 1, false);
        var said = InForceStatement.Sign(_domain, "gw1", System, new EntryReference(2, new string('e', 64)), ["RADIO_ISOLATION"], null, Time);
        var state = PolicyState.Empty.WithDomain(Sign(), 3).WithReport(said).WithDomain(other, 5).WithDomain(Sign(Time + 2), 7);
        Assert.Equal((7, -1), (state.Domains["gw1"].KeyIndex, state.Domains["gw1"].ReportedIndex));
        state = state.WithDomain(Sign(Time + 3), 9);
        Assert.Equal((9, 7), (state.Domains["gw1"].Index, state.Domains["gw1"].KeyIndex));
        Assert.True(PolicyStateDocument.TryRead(state.ToJson(), out var read, out var fault), fault);
        Assert.Equal(state.Domains, read.Domains);
    }

    [Fact]
    public void State_keeps_the_newest_of_each_domain_and_a_lowered_floor_revives_none()
    {
        var state = PolicyState.Empty.WithDomain(Sign(), 3).WithDomain(Sign(Time + 5, isRevoked: true), 4).WithDomain(Sign(Time + 2), 5);
        Assert.Equal("its key is revoked", state.Domains["gw1"].WhyNot(null));
        Assert.Equal(4, state.Domains["gw1"].Index);
        // The clock was ahead: what comes next counts, what came before does not come back.
        state = state.LowerFloor(Time + 1, Time + 1);
        Assert.Equal(4, state.WithDomain(Sign(), 6).Domains["gw1"].Index);
        Assert.Null(state.WithDomain(Sign(Time + 2), 7).Domains["gw1"].WhyNot(null));
        Assert.True(PolicyStateDocument.TryRead(state.ToJson(), out var read, out var fault), fault);
        Assert.Equal(state.Domains, read.Domains);
    }

    private DomainKeyStatement Sign(long time = Time, bool isRevoked = false) => DomainKeyStatement.Sign(_operator, "gw1", "gateway", Key, System, time, isRevoked);

    private static ErrorCode? Judge(DomainKeyStatement statement, VerifierOptions options)
    {
        Assert.True(EnvelopeWriter.TryWriteUnsigned(new MessageDraft { Command = Commands.DomainKey, Args = statement.ToJson() }, out var envelope, out var fault), fault?.Reason);
        return new Verifier(options).Check(envelope, new EffectiveTime(Time, 0)).TryGet(out _, out var refusal) ? null : refusal.Code;
    }

    private ErrorCode? Code(DomainKeyStatement statement, VerifierOptions? options = null) => Judge(statement, options ?? Options);
}
