using System.Text;
using Qwamos.Client;
using Qwamos.Client.Holding;
using Qwamos.Client.Showing;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Tests.Listening;
using Qwamos.ControlBus.Tests.Trust;
using Xunit;

namespace Qwamos.ControlBus.Tests.Holding;

/// <summary>What an agent signs without a word, what it asks about, and what it does not sign.</summary>
public sealed class SigningJudgeTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("qw-").FullName;
    private readonly ManualTime _clock = new();
    private readonly SigningJudge _judge;

    public SigningJudgeTests()
    {
        Assert.True(SystemPaths.TryCreate(_root, out var paths, out var fault), fault);
        _judge = new SigningJudge(new Session(new Terminal(Stream.Null, Stream.Null, () => Stream.Null, _clock), paths, null, paths.BusSocket, Json: false));
    }

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Theory]
    [InlineData("""{"RADIO_ISOLATION":"off"}""")]
    [InlineData("""{"KERNEL_HARDENING":"paranoid","RADIO_IDLE_TIMEOUT_MIN":5}""")]
    [InlineData("""{"DURESS.enabled":true}""")]
    [InlineData("""{"GHOST.trigger":"disarmed"}""")]
    [InlineData("""{"RADIO_ISOLATION":"no such value"}""")]
    public void Ordinary_changes_are_signed(string args) => Assert.Equal(Verdict.Sign, Judge(Change(args)).Verdict);

    [Theory]
    [InlineData("""{"GHOST.trigger":"fire"}""", "GHOST.trigger is an event")]
    [InlineData("""{"GHOST.trigger":"armed"}""", "GHOST.trigger is an event")]
    [InlineData("""{"GHOST.trigger":true}""", "GHOST.trigger is an event")]
    [InlineData("""{"GHOST.trigger":["fire"]}""", "not a key of this system's schema")]
    [InlineData("""{"RADIO_ISOLATION":"off","GHOST.trigger":"fire"}""", "GHOST.trigger is an event")]
    [InlineData("""{"NO_SUCH_KEY":"x"}""", "not a key of this system's schema")]
    public void Events_and_what_is_not_known_are_asked_about(string args, string reason)
    {
        var judgement = Judge(Change(args));
        Assert.Equal(Verdict.Ask, judgement.Verdict);
        Assert.Contains(reason, judgement.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void An_irreversible_key_of_the_systems_own_schema_is_asked_about()
    {
        var schema = File.ReadAllText(Path.Combine(Repository.Root, "schemas/policy.schema.json"));
        var changed = schema.Replace(
            "\"class\": \"ui\", \"event\": false, \"confidential\": false, \"irreversible\": false",
            "\"class\": \"ui\", \"event\": false, \"confidential\": false, \"irreversible\": true",
            StringComparison.Ordinal);
        Assert.NotEqual(schema, changed);
        var etc = Directory.CreateDirectory(Path.Combine(_root, "etc/qwamos")).FullName;
        File.WriteAllText(Path.Combine(etc, "policy.schema.json"), changed);
        Assert.Contains("CLIPBOARD_ISOLATION cannot be taken back", Judge(Change("""{"CLIPBOARD_ISOLATION":"off"}""")).Reason, StringComparison.Ordinal);
        File.WriteAllText(Path.Combine(etc, "policy.schema.json"), "{");
        Assert.Contains("what it changes is not known", Judge(Change("""{"RADIO_ISOLATION":"off"}""")).Reason, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(-301, Verdict.Ask)]
    [InlineData(-300, Verdict.Sign)]
    [InlineData(300, Verdict.Sign)]
    [InlineData(301, Verdict.Ask)]
    public void A_message_of_another_time_is_asked_about(int seconds, object verdict) =>
        Assert.Equal((Verdict)verdict, Judge(Change("""{"RADIO_ISOLATION":"off"}""", seconds)).Verdict);

    [Fact]
    public void A_message_that_is_good_for_longer_is_asked_about()
    {
        Assert.Equal(Verdict.Sign, Judge(Change("""{"RADIO_ISOLATION":"off"}""", expires: 300)).Verdict);
        Assert.Equal(Verdict.Ask, Judge(Change("""{"RADIO_ISOLATION":"off"}""", expires: 301)).Verdict);
    }

    [Theory]
    [InlineData("get_status", Verdict.Sign)]
    [InlineData("backup", Verdict.Sign)]
    [InlineData("some_later_command", Verdict.Ask)]
    public void Commands_that_read_are_signed_and_unknown_ones_asked_about(string command, object verdict)
    {
        var text = Encoding.UTF8.GetString(Change("""{"K":1}""")).Replace("\"args\":{\"K\":1},\"command\":\"set_policy\"", $"\"command\":\"{command}\"", StringComparison.Ordinal);
        Assert.Equal((Verdict)verdict, Judge(Encoding.UTF8.GetBytes(text)).Verdict);
    }

    [Fact]
    public void A_version_of_the_trust_root_is_asked_about_and_shown_in_plain_words()
    {
        using var key = SigningKey.Generate();
        var judgement = Judge(RootDraft.Single("ada", key.Public).Root().SignedBytes());
        Assert.Equal(Verdict.Ask, judgement.Verdict);
        Assert.Contains("trust root", judgement.Reason, StringComparison.Ordinal);
        Assert.Contains(judgement.Details, line => line.Contains("version 1", StringComparison.Ordinal));
        Assert.Contains(judgement.Details, line => line.Contains("ada", StringComparison.Ordinal) && line.Contains(key.Id.ToString(), StringComparison.Ordinal));
    }

    [Fact]
    public void A_statement_about_the_ledgers_key_is_asked_about_and_shown_without_what_a_terminal_would_act_on()
    {
        var judgement = Judge(SigningPurposes.SignedBytes(SigningPurpose.LedgerKey, CanonicalJson.Write(Client.ClientTrial.Parse("""{"key":"qwamos/x\u001b[2J","system":"s","timestamp":5}"""))));
        Assert.Equal(Verdict.Ask, judgement.Verdict);
        Assert.Contains(judgement.Details, line => line.Contains("qwamos/x", StringComparison.Ordinal));
        Assert.DoesNotContain(judgement.Details, line => line.Contains('\u001b', StringComparison.Ordinal));
        Assert.DoesNotContain("\u001b", judgement.Line, StringComparison.Ordinal);
    }

    [Fact]
    public void A_statement_about_a_domains_key_is_asked_about_and_one_that_is_signed_already_refused()
    {
        var statement = $$"""{"class":"gateway","key":"{{new string('1', 64)}}","name":"gw1","system":"{{new string('a', 32)}}","timestamp":5}""";
        var judgement = Judge(SigningPurposes.SignedBytes(SigningPurpose.Domain, Encoding.UTF8.GetBytes(statement)));
        Assert.Equal(Verdict.Ask, judgement.Verdict);
        Assert.Contains(judgement.Details, line => line.Contains("gw1", StringComparison.Ordinal));
        Assert.Contains(judgement.Details, line => line.Contains(DomainKeyStatement.FingerprintOf(new string('1', 64)), StringComparison.Ordinal));
        Assert.Equal(Verdict.Refuse, Judge(SigningPurposes.SignedBytes(SigningPurpose.Domain, Encoding.UTF8.GetBytes(statement.Replace("\"name\"", "\"key_id\":\"x\",\"name\"", StringComparison.Ordinal)))).Verdict);
    }

    [Fact]
    public void No_purpose_is_signed_for_without_asking()
    {
        foreach (var purpose in Enum.GetValues<SigningPurpose>().Where(purpose => purpose != SigningPurpose.None))
        {
            foreach (var statement in (string[])["{}", """{"root":{}}""", """{"key":1,"system":2,"timestamp":3}""", """{"key":"k","system":"s","timestamp":3,"x":1}"""])
                Assert.Equal(Verdict.Refuse, Judge(SigningPurposes.SignedBytes(purpose, Encoding.UTF8.GetBytes(statement))).Verdict);
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("hello")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("{\"command\":\"set_policy\"}")]
    [InlineData("qwamos-other-v1\n{}")]
    [InlineData("qwamos-trust-root-v1\n{ }")]
    [InlineData("qwamos-trust-root-v1\n[]")]
    [InlineData("qwamos-trust-root-v1\n")]
    [InlineData("qwamos-trust-root-v1{}")]
    [InlineData("qwamos/0123456789abcdef0123456789abcdef\n1\nAAAA\n")]
    public void Attack08_what_is_neither_message_nor_statement_is_refused(string text) =>
        Assert.Equal(Verdict.Refuse, Judge(Encoding.UTF8.GetBytes(text)).Verdict);

    [Fact]
    public void A_message_that_is_not_canonical_or_too_long_is_refused()
    {
        var sound = Encoding.UTF8.GetString(Change("""{"RADIO_ISOLATION":"off"}"""));
        Assert.Equal(Verdict.Sign, Judge(Encoding.UTF8.GetBytes(sound)).Verdict);
        Assert.Equal(Verdict.Refuse, Judge(Encoding.UTF8.GetBytes(sound + " ")).Verdict);
        Assert.Equal(Verdict.Refuse, Judge(Encoding.UTF8.GetBytes(sound.Replace(":\"off\"", ": \"off\"", StringComparison.Ordinal))).Verdict);
        Assert.Equal(Verdict.Refuse, Judge(Encoding.UTF8.GetBytes(sound.Replace("\"off\"", "\"\\u006fff\"", StringComparison.Ordinal))).Verdict);
        Assert.Equal(Verdict.Refuse, Judge(new byte[Limits.MaxRequestBytes + 1]).Verdict);
    }

    [Fact]
    public void Attack40_the_log_hides_confidential_values_and_the_person_sees_them()
    {
        var judgement = Judge(Change("""{"DURESS.gesture":"triple-power","GHOST.trigger":"armed","NO_SUCH":"secret"}"""));
        Assert.Equal("set_policy DURESS.gesture=(hidden) GHOST.trigger=(hidden) NO_SUCH=(hidden)", judgement.Line);
        Assert.Contains("set      DURESS.gesture = triple-power", judgement.Details);
    }

    private Judgement Judge(byte[] bytes) => _judge.Judge(bytes);

    private byte[] Change(string args, int seconds = 0, int? expires = null)
    {
        var signed = _clock.UnixSeconds + seconds;
        return CanonicalJson.Write(Client.ClientTrial.Parse(
            $$"""{"command":"set_policy","args":{{args}},"nonce":"AAAAAAAAAAAAAAAAAAAAAA==","timestamp":{{signed}}{{(expires is { } after ? $",\"expires\":{signed + after}" : "")}}}"""));
    }
}
