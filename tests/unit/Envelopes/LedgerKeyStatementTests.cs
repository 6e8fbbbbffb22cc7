using System.Text;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Verification;
using Xunit;

namespace Qwamos.ControlBus.Tests.Envelopes;

/// <summary>An operator's statement about the ledger's key: its form, its signed bytes, and that its signature is worth nothing elsewhere.</summary>
public sealed class LedgerKeyStatementTests : IDisposable
{
    private const long Time = 1_800_000_000;
    private static readonly string System = new('a', SystemId.Digits);
    private static readonly string Key = $"qwamos/{System}+0a0b0c0d+{Convert.ToBase64String(new byte[33])}";
    private readonly SigningKey _operator = SigningKey.Generate();

    private VerifierOptions Options => new()
    {
        Keys = [_operator.Public],
        SystemId = System,
        LedgerKey = Key,
        Commands = new HashSet<string>(StringComparer.Ordinal) { Commands.SetPolicy, Commands.LedgerKey },
    };

    public void Dispose() => _operator.Dispose();

    [Fact]
    public void Signed_bytes_are_the_purpose_and_the_canonical_statement()
    {
        var statement = LedgerKeyStatement.Sign(_operator, Key, System, Time);
        var signed = Encoding.UTF8.GetBytes($"qwamos-ledger-key-v1\n{{\"key\":\"{Key}\",\"system\":\"{System}\",\"timestamp\":1800000000}}");
        Assert.True(_operator.Public.Verify(signed, Convert.FromBase64String(statement.Signature)));
        Assert.True(statement.IsSignedBy(_operator.Public));
        Assert.True(LedgerKeyStatement.TryRead(statement.ToJson(), out var read, out var fault), fault);
        Assert.Equal(statement, read);
    }

    [Fact]
    public void Statement_by_another_key_or_changed_in_any_part_does_not_hold()
    {
        using var other = SigningKey.Generate();
        var statement = LedgerKeyStatement.Sign(_operator, Key, System, Time);
        Assert.False(statement.IsSignedBy(other.Public));
        Assert.False((statement with { TimestampSeconds = Time + 1 }).IsSignedBy(_operator.Public));
        Assert.False((statement with { Key = Key + "A" }).IsSignedBy(_operator.Public));
        Assert.False((statement with { SystemId = new string('b', SystemId.Digits) }).IsSignedBy(_operator.Public));
        Assert.False((statement with { Signer = other.Public.Id }).IsSignedBy(other.Public));
        Assert.False((statement with { Signature = "" }).IsSignedBy(_operator.Public));
    }

    [Theory]
    [InlineData("\"key\":\"K\"", "\"key\":\"qwamos/other\"")]
    [InlineData("\"key\":\"K\"", "\"key\":1")]
    [InlineData("\"key\":\"K\"", "\"key\":\"K \"")]
    [InlineData("\"key\":\"K\"", "\"key\":\"K\\n\"")]
    [InlineData("\"key\":\"K\"", "\"key\":\"K0000000000000000000000000000000000000000000\"")]
    [InlineData("\"system\":\"S\"", "\"system\":\"S0\"")]
    [InlineData("1800000000", "-1")]
    [InlineData("1800000000", "\"1800000000\"")]
    [InlineData("\"key_id\":\"", "\"key_id\":\"0")]
    [InlineData("\"signature\":\"", "\"signature\":\" ")]
    [InlineData("{\"key\"", "{\"more\":1,\"key\"")]
    [InlineData("\"system\":\"S\",", "")]
    public void Other_forms_are_refused(string part, string instead)
    {
        string Full(string text) => text.Replace("K", Key, StringComparison.Ordinal).Replace("\"S", '"' + System, StringComparison.Ordinal);
        var text = LedgerKeyStatement.Sign(_operator, Key, System, Time).ToJson().ToString();
        Assert.Contains(Full(part), text, StringComparison.Ordinal);
        var raw = Encoding.UTF8.GetBytes($"{{\"msg\":{{\"command\":\"ledger_key\",\"args\":{text.Replace(Full(part), Full(instead), StringComparison.Ordinal)}}}}}");
        Assert.False(EnvelopeReader.TryRead(raw, out _, out var refusal));
        Assert.Equal(ErrorCode.BadRequest, refusal.Code);
    }

    [Fact]
    public void Request_holds_command_and_args_only_and_no_other_signature()
    {
        var args = LedgerKeyStatement.Sign(_operator, Key, System, Time).ToJson();
        Assert.True(EnvelopeWriter.TryWriteUnsigned(new MessageDraft { Command = Commands.LedgerKey, Args = args }, out var envelope, out _));
        Assert.NotNull(envelope.Message.KeyStatement);
        Assert.False(EnvelopeWriter.TryWriteUnsigned(new MessageDraft { Command = Commands.LedgerKey, Args = args, Timestamp = Time }, out _, out _));
        Assert.False(EnvelopeWriter.TrySign(
            new MessageDraft { Command = Commands.LedgerKey, Args = args, Nonce = Nonce.Random(), Timestamp = Time }, _operator, out _, out var refusal));
        Assert.Contains("carries its own signature", refusal.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Verdict_names_the_first_check_that_fails()
    {
        using var stranger = SigningKey.Generate();
        var otherSystem = new string('b', SystemId.Digits);
        var good = LedgerKeyStatement.Sign(_operator, Key, System, Time);
        Assert.Null(Code(good));
        Assert.Null(Code(LedgerKeyStatement.Sign(_operator, Key, System, Time + 300)));
        Assert.Null(Code(LedgerKeyStatement.Sign(_operator, Key, System, 0)));
        Assert.Equal(ErrorCode.FromFuture, Code(LedgerKeyStatement.Sign(_operator, Key, System, Time + 301)));
        Assert.Equal(ErrorCode.WrongSystem, Code(LedgerKeyStatement.Sign(_operator, Key.Replace(System, otherSystem, StringComparison.Ordinal), otherSystem, Time)));
        Assert.Equal(ErrorCode.BadRequest, Code(LedgerKeyStatement.Sign(_operator, Key[..^1] + "B", System, Time)));
        Assert.Equal(ErrorCode.UnknownKey, Code(LedgerKeyStatement.Sign(stranger, Key, System, Time)));
        Assert.Equal(ErrorCode.BadSignature, Code(good with { TimestampSeconds = Time - 1 }));
        Assert.Equal(ErrorCode.UnknownCommand, Code(good, Options with { Commands = new HashSet<string>(StringComparer.Ordinal) { Commands.SetPolicy } }));
    }

    [Fact]
    public void Attack08_Signature_of_a_policy_message_is_none_of_a_statement_and_the_reverse()
    {
        var draft = new MessageDraft { Command = Commands.SetPolicy, Args = JsonValue.Object(("RADIO_ISOLATION", JsonValue.Of("on"))), Nonce = Nonce.Random(), Timestamp = Time };
        var envelope = EnvelopeWriter.Sign(draft, _operator);
        var statement = LedgerKeyStatement.Sign(_operator, Key, System, Time);
        var posed = statement with { Signature = Convert.ToBase64String(envelope.Signatures[0].Bytes.Span) };
        Assert.Equal(ErrorCode.BadSignature, Code(posed));
        var raw = Encoding.UTF8.GetString(envelope.Raw.Span).Replace(posed.Signature, statement.Signature, StringComparison.Ordinal);
        Assert.True(EnvelopeReader.TryRead(Encoding.UTF8.GetBytes(raw), out var swapped, out _));
        Assert.False(new Verifier(Options).Check(swapped, new EffectiveTime(Time, 0)).TryGet(out _, out var refusal));
        Assert.Equal(ErrorCode.BadSignature, refusal.Code);
        // The same bytes signed without the purpose, as a message would be.
        var bare = CanonicalJson.Write(JsonValue.Object(("key", JsonValue.Of(Key)), ("system", JsonValue.Of(System)), ("timestamp", JsonValue.Of(Time))));
        Assert.Equal(ErrorCode.BadSignature, Code(statement with { Signature = Convert.ToBase64String(_operator.Sign(bare)) }));
    }

    [Fact]
    public void Purposes_outside_the_list_have_no_signed_bytes() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => SigningPurposes.SignedBytes(SigningPurpose.None, "x"u8));

    private ErrorCode? Code(LedgerKeyStatement statement, VerifierOptions? options = null)
    {
        Assert.True(EnvelopeWriter.TryWriteUnsigned(new MessageDraft { Command = Commands.LedgerKey, Args = statement.ToJson() }, out var envelope, out var fault), fault?.Reason);
        var verdict = new Verifier(options ?? Options).Check(envelope, new EffectiveTime(Time, 0));
        if (!verdict.TryGet(out var message, out var refusal))
            return refusal.Code;
        Assert.Equal(_operator.Public.Id, message.Signer);
        return null;
    }
}
