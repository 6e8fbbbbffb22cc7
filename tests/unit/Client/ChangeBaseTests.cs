using Qwamos.ControlBus.Json;
using Xunit;

namespace Qwamos.ControlBus.Tests.Client;

/// <summary>What a change names as its base when its sender names none.</summary>
public sealed class ChangeBaseTests : IDisposable
{
    private const string Taken = """{"status":"ok","result":{"runtime_applied":["RADIO_ISOLATION"],"reboot_staged":[]},"index":7}""";
    private const string Mismatch = """{"status":"error","reason":"another policy","code":"base_mismatch","index":6}""";
    private static readonly string First = new('1', 64), Second = new('2', 64);
    private readonly ClientTrial trial = new();

    public void Dispose() => trial.Dispose();

    [Fact]
    public void It_is_the_hash_of_each_class_that_is_set_and_of_no_other()
    {
        using FakeBus bus = Bus(_ => Taken);
        bus.Base = () => $$$"""{"status":"ok","base":{"dom0":"{{{First}}}","gateway":"{{{Second}}}","ui":"{{{First}}}"}}""";
        Assert.Equal(0, trial.Run("set", "RADIO_ISOLATION", "off", "KERNEL_HARDENING", "strict"));
        Assert.Equal($$$"""{"dom0":"{{{First}}}","gateway":"{{{Second}}}"}""", Base(Assert.Single(bus.Received)));
        Assert.Equal("""{"msg":{"args":{"base":true},"command":"get_status"}}""", Assert.Single(bus.Questions).TrimEnd('\n'));
        Assert.Equal(0, trial.Run("set", "RADIO_ISOLATION", "off", "--base", $"gateway={First}"));
        Assert.Equal($$$"""{"gateway":"{{{First}}}"}""", Base(Assert.Single(bus.Received)));
        Assert.Empty(bus.Questions);
    }

    [Fact]
    public void Attack40_that_of_confidential_keys_is_asked_with_a_signature_and_stands_in_their_message_alone()
    {
        using FakeBus bus = Bus(_ => Taken);
        bus.Base = () => $$$"""{"status":"ok","base":{"dom0":"{{{Second}}}","gateway":"{{{First}}}"}}""";
        Assert.Equal(0, trial.Run("apply", trial.Write("policy.json", """{"RADIO_ISOLATION":"off","DURESS.enabled":true}""")));
        var questions = bus.Questions;
        Assert.Equal(2, questions.Count);
        var signed = Assert.Single(questions, trial.IsSignedByOperator);
        Assert.Contains("\"nonce\":", signed, StringComparison.Ordinal);
        var sent = bus.Received;
        Assert.Equal($$$"""{"gateway":"{{{First}}}"}""", Base(Assert.Single(sent, request => request.Contains("RADIO", StringComparison.Ordinal))));
        Assert.Equal($$$"""{"dom0":"{{{Second}}}"}""", Base(Assert.Single(sent, request => request.Contains("DURESS", StringComparison.Ordinal))));
    }

    [Fact]
    public void Attack16_where_somebody_was_quicker_it_is_asked_and_signed_anew_and_the_sender_is_told()
    {
        string[] hashes = [First, Second];
        var asked = 0;
        using FakeBus bus = Bus(request => request.Contains(First, StringComparison.Ordinal) ? Mismatch : Taken);
        bus.Base = () => $$$"""{"status":"ok","base":{"gateway":"{{{hashes[asked++]}}}"}}""";
        Assert.Equal(0, trial.Run("set", "RADIO_ISOLATION", "off"));
        var sent = bus.Received;
        Assert.Equal([First, Second], sent.Select(request => Base(request)!.Split('"')[3]));
        Assert.All(sent, request => Assert.True(trial.IsSignedByOperator(request)));
        Assert.NotEqual(Member(sent[0], "nonce"), Member(sent[1], "nonce"));
        Assert.Contains("Somebody else changed what is set just then", trial.Error, StringComparison.Ordinal);
        Assert.Contains("recorded as entry 7", trial.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Attack16_it_ends_with_the_refusal_where_somebody_is_always_quicker_or_the_sender_named_the_base()
    {
        using FakeBus bus = Bus(_ => Mismatch);
        bus.Base = () => $$$"""{"status":"ok","base":{"gateway":"{{{First}}}"}}""";
        Assert.Equal(1, trial.Run("set", "RADIO_ISOLATION", "off"));
        Assert.Equal(10, bus.Received.Count);
        Assert.Contains("refused (base_mismatch): another policy.", trial.Error, StringComparison.Ordinal);
        Assert.Equal(1, trial.Run("set", "RADIO_ISOLATION", "off", "--base", $"gateway={First}"));
        Assert.Single(bus.Received);
    }

    [Fact]
    public void A_daemon_that_gives_none_takes_the_change_without()
    {
        using FakeBus bus = Bus(_ => Taken);
        foreach (var answer in (string[])["""{"status":"error","reason":"bad sig"}""", """{"status":"error","reason":"not known","code":"bad_request"}""", """{"status":"ok","policy":{}}""", """{"status":"ok","base":{"ui":1}}"""])
        {
            bus.Base = () => answer;
            Assert.Equal(0, trial.Run("set", "RADIO_ISOLATION", "off"));
            Assert.Null(Base(Assert.Single(bus.Received)));
        }
    }

    [Fact]
    public void Nothing_is_signed_for_a_daemon_that_takes_nothing_now()
    {
        using FakeBus bus = Bus(_ => Taken);
        bus.Base = () => """{"status":"error","reason":"too many at once","code":"busy"}""";
        Assert.Equal(1, trial.Run("set", "RADIO_ISOLATION", "off"));
        Assert.Contains("refused (busy): too many at once.", trial.Error, StringComparison.Ordinal);
        Assert.Empty(bus.Received);
    }

    [Fact]
    public void What_fires_waits_for_no_question()
    {
        using FakeBus bus = Bus(_ => Taken);
        bus.Base = () => $$$"""{"status":"ok","base":{"dom0":"{{{First}}}"}}""";
        Assert.Equal(0, trial.Run("set", "GHOST.trigger", "fire"));
        Assert.Null(Base(Assert.Single(bus.Received)));
        Assert.Empty(bus.Questions);
    }

    [Fact]
    public void A_dry_run_shows_it_where_it_can_be_had_without_a_key_and_says_so_where_not()
    {
        using (FakeBus bus = Bus(_ => Taken))
        {
            bus.Base = () => $$$"""{"status":"ok","base":{"dom0":"{{{Second}}}","gateway":"{{{First}}}"}}""";
            Assert.Equal(0, trial.Run("set", "RADIO_ISOLATION", "off", "--dry-run"));
            Assert.Contains($"\"base\":{{\"gateway\":\"{First}\"}}", trial.Output, StringComparison.Ordinal);
            Assert.Equal("", trial.Error);
            Assert.Equal(0, trial.Run("set", "DURESS.enabled", "true", "--dry-run"));
            Assert.DoesNotContain("\"base\"", trial.Output, StringComparison.Ordinal);
            Assert.Contains("is asked with your signature", trial.Error, StringComparison.Ordinal);
            Assert.Empty(bus.Received);
            Assert.False(trial.HasKey);
        }
        Assert.Equal(0, trial.Run("set", "RADIO_ISOLATION", "off", "--dry-run"));
        Assert.DoesNotContain("\"base\"", trial.Output, StringComparison.Ordinal);
        Assert.Contains("When it is sent, it names as its base what is set then", trial.Error, StringComparison.Ordinal);
    }

    private FakeBus Bus(Func<string, string> answer) => new(trial.Socket, request => System.Text.Encoding.UTF8.GetBytes(answer(request) + "\n"));

    private static string? Base(string request) => Message(request).TryGet("base", out var bases) ? System.Text.Encoding.UTF8.GetString(CanonicalJson.Write(bases)) : null;

    private static string Member(string request, string name) => Message(request).TryGet(name, out var value) ? value.AsString : throw new InvalidOperationException($"no {name} in {request}");

    private static JsonValue Message(string request) => ClientTrial.Parse(request).TryGet("msg", out var message) ? message : throw new InvalidOperationException(request);
}
