using System.Text;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Json;
using Xunit;

namespace Qwamos.ControlBus.Tests.Envelopes;

public sealed class AnswerTests
{
    [Fact]
    public void Ok_is_one_line_in_the_order_given() =>
        Assert.Equal(
            """{"status":"ok","index":7,"b":true}""" + "\n",
            Encoding.UTF8.GetString(Answer.Ok([("index", JsonValue.Of(7)), ("b", JsonValue.Of(true))])));

    [Fact]
    public void Error_has_status_reason_and_code() =>
        Assert.Equal(
            """{"status":"error","reason":"no","code":"bad_signature"}""" + "\n",
            Encoding.UTF8.GetString(Answer.Error(new Refusal(ErrorCode.BadSignature, "no"))));

    [Fact]
    public void Client_reads_what_the_daemon_wrote()
    {
        var refusal = new Refusal(
            ErrorCode.Replayed, "seen", [new Fault("A", "why")], Index: 12, Outcome: "accepted", Extra: [new("clock_behind_floor", JsonValue.True)]);
        Assert.True(AnswerReader.TryRead(Answer.Error(refusal), out var answer, out _));
        Assert.False(answer.IsOk);
        Assert.Equal("replayed", answer.Code);
        Assert.Equal("seen", answer.Reason);
        Assert.Equal(12, answer.Index);
        Assert.Equal("accepted", answer.Outcome);
        Assert.Equal([new Fault("A", "why")], answer.Faults);
        Assert.True(answer.Document.TryGet("clock_behind_floor", out _));
    }

    [Fact]
    public void Answer_of_an_old_daemon_has_no_code()
    {
        Assert.True(AnswerReader.TryRead("""{"status":"error","reason":"bad sig"}"""u8, out var answer, out _));
        Assert.Null(answer.Code);
        Assert.Equal("bad sig", answer.Reason);
        Assert.Empty(answer.Faults);
    }

    [Theory]
    [InlineData("")]
    [InlineData("ok")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("""{"status":"fine"}""")]
    [InlineData("""{"status":1}""")]
    [InlineData("""{"status":"ok","status":"error"}""")]
    [InlineData("""{"status":"ok"}{"status":"ok"}""")]
    public void What_is_no_answer_is_refused(string line) => Assert.False(AnswerReader.TryRead(Encoding.UTF8.GetBytes(line), out _, out _));

    [Fact]
    public void Members_of_unexpected_kinds_read_as_absent()
    {
        Assert.True(AnswerReader.TryRead("""{"status":"error","code":1,"reason":[],"index":"x","faults":[1,{"key":2}]}"""u8, out var answer, out _));
        Assert.Null(answer.Code);
        Assert.Null(answer.Reason);
        Assert.Null(answer.Index);
        Assert.Equal([new Fault("", "")], answer.Faults);
    }

    [Fact]
    public void Faults_that_name_huge_keys_still_fit_an_answer()
    {
        var faults = Enumerable.Range(0, 64).Select(i => new Fault(new string('"', 60_000) + i, new string('\u0001', 60_000))).ToList();
        byte[] line = Answer.Error(new Refusal(ErrorCode.InvalidPolicy, "the policy is not valid", faults));
        Assert.InRange(line.Length, 1, Limits.MaxAnswerBytes);
        Assert.True(AnswerReader.TryRead(line, out var answer, out _));
        Assert.NotEmpty(answer.Faults);
        Assert.True(answer.Document.TryGet("faults_left_out", out _));
    }

    [Fact]
    public void Reason_or_extra_that_is_too_long_still_gives_an_answer_with_its_code()
    {
        var extra = new KeyValuePair<string, JsonValue>("x", JsonValue.Of(new string('x', 100_000)));
        byte[] line = Answer.Error(new Refusal(ErrorCode.Stale, new string('r', 100_000), Extra: [extra]));
        Assert.InRange(line.Length, 1, Limits.MaxAnswerBytes);
        Assert.True(AnswerReader.TryRead(line, out var answer, out _));
        Assert.Equal("stale", answer.Code);
    }

    [Fact]
    public void Clipped_text_never_ends_in_half_a_character()
    {
        var fault = new Fault(string.Concat(Enumerable.Repeat("\U0001F512", 300)), "x" + string.Concat(Enumerable.Repeat("\U0001F512", 300)));
        Assert.True(AnswerReader.TryRead(Answer.Error(new Refusal(ErrorCode.InvalidPolicy, "no", [fault])), out _, out _));
    }

    [Fact]
    public void Ok_answer_beyond_the_limit_is_misuse() =>
        Assert.Throws<InvalidOperationException>(() => Answer.Ok([("x", JsonValue.Of(new string('x', 70_000)))]));
}
