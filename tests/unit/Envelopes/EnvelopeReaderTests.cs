using System.Text;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Json;
using Xunit;

namespace Qwamos.ControlBus.Tests.Envelopes;

/// <summary>What the vectors do not show: the values that come out, and whose bytes they are.</summary>
public sealed class EnvelopeReaderTests
{
    [Fact]
    public void Every_member_comes_out_as_it_was_sent()
    {
        var draft = new MessageDraft
        {
            Command = Commands.SetPolicy,
            Args = JsonValue.Object([("RADIO_ISOLATION", JsonValue.Of("on"))]),
            Nonce = new Nonce(UInt128.MaxValue - 1),
            Timestamp = 1_700_000_000,
            Expires = 1_700_000_100,
            Audience = ["gateway"],
            System = VectorCase.ThisSystem,
            Base = new Dictionary<string, string> { ["gateway"] = new('a', 64) },
            Reason = "maintenance",
            Mode = "staged",
        };
        var envelope = EnvelopeWriter.Sign(draft, TestKeys.Operator);
        var message = envelope.Message;
        Assert.Equal(Commands.SetPolicy, message.Command);
        Assert.Equal("on", Assert.Single(message.Args!.Members).Value.AsString);
        Assert.Equal(draft.Nonce, message.Nonce);
        Assert.Equal(1_700_000_000, message.Timestamp);
        Assert.Equal(1_700_000_100, message.Expires);
        Assert.Equal(["gateway"], message.Audience!);
        Assert.Equal(VectorCase.ThisSystem, message.System);
        Assert.Equal(new string('a', 64), message.Base!["gateway"]);
        Assert.Equal("maintenance", message.Reason);
        Assert.Equal(ChangeMode.Staged, message.Mode);
        Assert.True(envelope.IsSigned);
        Assert.Null(Assert.Single(envelope.Signatures).KeyId);
    }

    [Fact]
    public void Attack22_envelope_keeps_its_own_copy_of_what_was_verified()
    {
        byte[] buffer = [.. "  "u8, .. VectorCase.Sign(VectorCase.Msg(), TestKeys.Operator), (byte)'\n'];
        string sent = Encoding.UTF8.GetString(buffer).Trim();
        Assert.True(EnvelopeReader.TryRead(buffer, out var envelope, out _));
        Array.Fill(buffer, (byte)'x');
        Assert.Equal(sent, Encoding.UTF8.GetString(envelope.Raw.Span));
    }

    [Fact]
    public void Raw_bytes_read_again_give_the_same_message()
    {
        var envelope = EnvelopeWriter.Sign(new MessageDraft { Command = "get_status", Nonce = Nonce.Random(), Timestamp = 5 }, TestKeys.Operator);
        Assert.True(EnvelopeReader.TryRead(envelope.Raw, out var again, out _));
        Assert.Equal(envelope.Message.Canonical.ToArray(), again.Message.Canonical.ToArray());
        Assert.Equal(envelope.Message.Nonce, again.Message.Nonce);
    }

    [Theory]
    [InlineData("{", true)]
    [InlineData("{}", false)]
    public void Only_errors_of_framing_close_the_connection(string request, bool closes)
    {
        Assert.False(EnvelopeReader.TryRead(Encoding.UTF8.GetBytes(request), out _, out var refusal));
        Assert.Equal(closes, refusal.ClosesConnection);
    }

    [Fact]
    public void Attack21_reasons_never_repeat_what_was_sent()
    {
        const string Marker = "x\\u001b[31mMARKER";
        string[] requests =
        [
            """{"@@":1}""",
            """{"msg":{"@@":1}}""",
            """{"msg":{"command":"get_status","args":{"@@":1}}}""",
            """{"msg":{"command":"@@"}}""",
            """{"msg":{"command":"get_status"},"signature":"@@"}""",
            Encoding.UTF8.GetString(VectorCase.Sign(VectorCase.Msg(more: $"\"mode\":\"{Marker}\""), TestKeys.Operator)),
        ];
        foreach (string request in requests)
        {
            Assert.False(EnvelopeReader.TryRead(Encoding.UTF8.GetBytes(request.Replace("@@", Marker, StringComparison.Ordinal)), out _, out var refusal));
            Assert.DoesNotContain("MARKER", refusal.Reason, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Draft_with_a_bad_form_is_not_signed()
    {
        var draft = new MessageDraft { Command = Commands.SetPolicy, Args = JsonValue.Object(Array.Empty<(string, JsonValue)>()), Nonce = Nonce.Random(), Timestamp = 1 };
        Assert.False(EnvelopeWriter.TrySign(draft, TestKeys.Operator, out _, out var refusal));
        Assert.Equal(ErrorCode.BadRequest, refusal.Code);
        Assert.False(EnvelopeWriter.TryBuild(draft, out _, out _));
        Assert.Throws<ArgumentException>(() => EnvelopeWriter.Sign(draft, TestKeys.Operator));
        Assert.False(EnvelopeWriter.TryWriteUnsigned(draft, out _, out _));
    }

    [Fact]
    public void Draft_that_has_no_JSON_form_is_the_users_fault_not_an_exception()
    {
        var draft = new MessageDraft { Command = Commands.GetStatus, Nonce = Nonce.Random(), Timestamp = 1, Reason = "\ud800" };
        Assert.False(EnvelopeWriter.TrySign(draft, TestKeys.Operator, out _, out var refusal));
        Assert.Equal(ErrorCode.BadRequest, refusal.Code);
        Assert.False(EnvelopeWriter.TrySign(draft with { Reason = null, Timestamp = long.MaxValue }, TestKeys.Operator, out _, out _));
    }

    [Fact]
    public void Draft_is_built_without_a_key_into_the_bytes_that_are_signed()
    {
        var draft = new MessageDraft { Command = Commands.GetStatus, Nonce = new Nonce(0), Timestamp = 1 };
        Assert.True(EnvelopeWriter.TryBuild(draft, out var message, out _));
        Assert.Equal(
            """{"command":"get_status","nonce":"AAAAAAAAAAAAAAAAAAAAAA==","timestamp":1}""", Encoding.UTF8.GetString(message.Canonical.Span));
    }

    [Fact]
    public void Nonces_are_random_and_survive_their_text()
    {
        var nonces = Enumerable.Range(0, 1000).Select(_ => Nonce.Random()).ToHashSet();
        Assert.Equal(1000, nonces.Count);
        foreach (var nonce in nonces)
        {
            Assert.True(Nonce.TryParse(nonce.ToString(), out var parsed));
            Assert.Equal(nonce, parsed);
            Assert.Equal(nonce, Nonce.FromBytes(nonce.ToArray()));
        }
    }
}
