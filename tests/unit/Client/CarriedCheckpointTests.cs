using System.Text;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Tests.Audit;
using Xunit;

namespace Qwamos.ControlBus.Tests.Client;

/// <summary>The checkpoint that answers to changes and to get_status carry is compared with the one seen before.</summary>
public sealed class CarriedCheckpointTests : IDisposable
{
    private static readonly string[] Set = ["set", "RADIO_ISOLATION", "on"];

    private readonly ClientTrial _client = new();
    private readonly AuditTrial _ledger = new(10);

    public CarriedCheckpointTests()
    {
        _client.Clock = _ledger.Clock;
        Assert.Equal(0, _client.Run("key", "show"));
    }

    private string Seen => Path.Combine(_client.Home, "seen", AuditTrial.SystemIdText);

    public void Dispose()
    {
        _ledger.Dispose();
        _client.Dispose();
    }

    [Fact]
    public void Change_pins_the_first_and_asks_for_a_proof_only_when_the_tree_grew()
    {
        using var bus = _ledger.Serve(_client.Socket);
        Assert.True(_client.Run(Set) == 0, _client.Error);
        Assert.Equal($"Seen for the first time, and pinned, not signed: the ledger's key {_ledger.Signer.Key}\n", _client.Error);
        Assert.StartsWith("applied now", _client.Output, StringComparison.Ordinal);
        Assert.Single(bus.Received);

        Assert.Equal(0, _client.Run(Set));
        Assert.Equal("", _client.Error);
        Assert.Single(bus.Received);

        _ledger.AddOne(10);
        Assert.Equal(0, _client.Run("status"));
        Assert.Equal("", _client.Error);
        var asked = bus.Received;
        Assert.Equal(2, asked.Count);
        Assert.Contains("""{"new":11,"old":10},"command":"get_consistency" """.TrimEnd(), asked[1], StringComparison.Ordinal);
    }

    [Fact]
    public void Same_entries_signed_later_are_kept_and_an_older_time_is_noticed()
    {
        var before = _ledger.Answer(Request());
        var bus = _ledger.Serve(_client.Socket);
        Assert.Equal(0, _client.Run(Set));
        _ledger.Clock.Advance(60);
        Assert.Equal(0, _client.Run(Set));
        Assert.Equal("", _client.Error);
        Stop(bus);

        using var old = new FakeBus(_client.Socket, request => request.Contains("set_policy", StringComparison.Ordinal) ? before : _ledger.Answer(request));
        Assert.Equal(0, _client.Run(Set));
        Assert.Contains("signed 2027-01-15 08:00:00Z, and one of the same entries signed 2027-01-15 08:01:00Z was seen before", _client.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(301)]
    [InlineData(-301)]
    public void Attack14_Checkpoint_far_from_now_is_said_to_be_stale(int seconds)
    {
        _client.Clock = new Listening.ManualTime(TestCheckpoints.Seconds + seconds);
        using var bus = _ledger.Serve(_client.Socket);
        Assert.Equal(0, _client.Run([.. Set, "-o", "json"]));
        Assert.Contains("STALE: the newest checkpoint was signed 2027-01-15 08:00:00Z", _client.Error, StringComparison.Ordinal);
        Assert.True(_client.Json.TryGet("stale", out var stale) && stale.Equals(JsonValue.True));
        Assert.True(_client.Json.TryGet("signed", out var signed) && signed.Equals(JsonValue.Of(TestCheckpoints.Seconds)));
        Assert.Equal(0, _client.Run("audit", "checkpoint", "-o", "json"));
        Assert.True(_client.Json.TryGet("stale", out stale) && stale.Equals(JsonValue.True));
    }

    [Fact]
    public void Attack13_Change_taken_by_a_ledger_that_was_put_back_is_told_and_the_evidence_kept()
    {
        See(_ledger);
        using var older = new AuditTrial(9, _ledger.Signer);
        Refused(older, "the ledger has 9 entries, and 10 were seen before");
    }

    [Fact]
    public void Attack37_Change_taken_by_another_history_of_the_same_key_is_told_and_the_evidence_kept()
    {
        See(_ledger);
        using var other = new AuditTrial(10, _ledger.Signer);
        Refused(other, "does not begin with the 10 entries seen before");
        using var longer = new AuditTrial(12, _ledger.Signer);
        Refused(longer, "does not begin with the 10 entries seen before");
    }

    [Fact]
    public void Attack37_Change_taken_under_another_key_is_told_and_the_evidence_kept()
    {
        See(_ledger);
        using var other = new AuditTrial(10);
        Refused(other, "was seen before: another ledger is in its place");
    }

    [Fact]
    public void Answer_older_than_what_another_run_saw_meanwhile_is_compared_by_the_newest()
    {
        var before = _ledger.Answer(Request());
        _ledger.AddOne(10);
        _ledger.AddOne(11);
        See(_ledger);
        using (new FakeBus(_client.Socket, request => request.Contains("set_policy", StringComparison.Ordinal) ? before : _ledger.Answer(request)))
        {
            Assert.True(_client.Run(Set) == 0, _client.Error);
            Assert.Equal("", _client.Error);
        }
        File.Delete(_client.Socket);
        // The same with an older answer that is of another history.
        using var other = new AuditTrial(10, _ledger.Signer);
        using var bus = new FakeBus(_client.Socket, request => request.Contains("set_policy", StringComparison.Ordinal) ? other.Answer(request) : _ledger.Answer(request));
        Assert.Equal(1, _client.Run(Set));
        Assert.Contains("its history was changed", _client.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Change_at_a_domains_own_socket_has_none_and_is_shown_as_the_domains()
    {
        _client.IsOf(AuditTrial.SystemIdText);
        See(_ledger);
        using var gateway = new FakeBus(_client.Socket, """{"status":"ok","message":"policy accepted: 1 key","index":2,"result":{"runtime_applied":["RADIO_ISOLATION"],"reboot_staged":[],"unstaged":[]},"domain":{"name":"gw1","class":"gateway"}}""");
        Assert.True(_client.Run(Set) == 0, _client.Error);
        Assert.Single(gateway.Received);
        Assert.Contains("recorded as entry 2 of the domain gw1, and not in Dom0\n", _client.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Daemon_that_leaves_out_what_it_showed_before_is_asked_for_it()
    {
        _client.IsOf(AuditTrial.SystemIdText);
        See(_ledger);
        const string Bare = """{"status":"ok","result":{"runtime_applied":["RADIO_ISOLATION"],"reboot_staged":[]},"index":3}""";
        using (var bus = new FakeBus(_client.Socket, request => request.Contains("set_policy", StringComparison.Ordinal) ? Encoding.UTF8.GetBytes(Bare + "\n") : _ledger.Answer(request)))
        {
            Assert.True(_client.Run(Set) == 0, _client.Error);
            Assert.Equal(2, bus.Received.Count);
        }
        File.Delete(_client.Socket);
        using var mute = new FakeBus(_client.Socket, request => Encoding.UTF8.GetBytes(
            (request.Contains("set_policy", StringComparison.Ordinal) ? Bare : """{"status":"error","reason":"no","code":"unknown_command"}""") + "\n"));
        Assert.Equal(1, _client.Run(Set));
        Assert.Contains("the daemon took the change, as entry 3, but refused (unknown_command)", _client.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Attack08_Checkpoint_that_its_key_did_not_sign_is_not_believed()
    {
        using var other = new AuditTrial(10);
        var line = Encoding.UTF8.GetString(_ledger.Answer(Request())).Replace(_ledger.Signer.Key.ToString(), other.Signer.Key.ToString(), StringComparison.Ordinal);
        using var bus = new FakeBus(_client.Socket, line.TrimEnd());
        Assert.Equal(1, _client.Run(Set));
        Assert.Contains("the checkpoint in the daemon's answer is not to be believed", _client.Error, StringComparison.Ordinal);
        Assert.False(File.Exists(Seen));
    }

    [Fact]
    public void Other_messages_of_a_file_are_not_sent_and_the_one_taken_is_counted()
    {
        See(_ledger);
        var file = _client.Write("policy.json", """{"RADIO_ISOLATION":"on","DURESS.gesture":"none"}""");
        using var other = new AuditTrial(10);
        using var bus = other.Serve(_client.Socket);
        Assert.Equal(1, _client.Run("apply", file));
        Assert.Contains("Stopped at message 1 of 2: 1 taken, 1 not sent.", _client.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(3, 0)]
    [InlineData(1_000, 1)]
    public void Daemon_that_ends_before_it_proves_its_ledger_is_asked_again_for_a_while_and_then_refused(int answers, int exit)
    {
        See(_ledger);
        _ledger.AddOne(10);
        var asked = 0;
        _client.Clock = new HurryingClock();
        using var bus = new FakeBus(_client.Socket, request => request.Contains("get_consistency", StringComparison.Ordinal) && ++asked < answers ? [] : _ledger.Answer(request));
        Assert.Equal(exit, _client.Run("status"));
        Assert.InRange(asked, 3, 11);
        Assert.Equal(exit == 1, File.Exists(Seen + ".refused"));
    }

    private static string Request() => """{"msg":{"command":"set_policy","args":{"RADIO_ISOLATION":"on"},"nonce":"AAECAwQFBgcICQoLDA0ODw==","timestamp":1800000000},"signature":"SIG"}"""
        .Replace("SIG", Convert.ToBase64String(new byte[64]), StringComparison.Ordinal);

    private void See(AuditTrial ledger)
    {
        var bus = ledger.Serve(_client.Socket);
        Assert.Equal(0, _client.Run("status"));
        Stop(bus);
    }

    private void Stop(FakeBus bus)
    {
        bus.Dispose();
        File.Delete(_client.Socket);
    }

    private void Refused(AuditTrial ledger, string why)
    {
        var before = File.ReadAllText(Seen);
        var bus = ledger.Serve(_client.Socket);
        Assert.Equal(1, _client.Run(Set));
        Assert.StartsWith("applied now", _client.Output, StringComparison.Ordinal);
        Assert.Contains("the daemon took the change, as entry 3, but ", _client.Error, StringComparison.Ordinal);
        Assert.Contains(why, _client.Error, StringComparison.Ordinal);
        Assert.Equal(1, _client.Run([.. Set, "-o", "json"]));
        var lines = _client.Output.TrimEnd().Split('\n');
        Assert.Contains("\"index\":3", lines[0], StringComparison.Ordinal);
        Assert.Contains("\"code\":\"failed\"", lines[1], StringComparison.Ordinal);
        Assert.Equal(1, _client.Run("status"));
        Assert.StartsWith("policy\n", _client.Output, StringComparison.Ordinal);
        Assert.Contains(why, _client.Error, StringComparison.Ordinal);
        Stop(bus);
        Assert.Equal(before, File.ReadAllText(Seen));
        Assert.StartsWith(ledger.Signer.Key + "\n", File.ReadAllText(Seen + ".refused"), StringComparison.Ordinal);
    }
}
