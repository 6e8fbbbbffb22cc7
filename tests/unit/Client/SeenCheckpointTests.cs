using System.Text;
using Qwamos.ControlBus.Audit;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Tests.Audit;
using Xunit;

namespace Qwamos.ControlBus.Tests.Client;

/// <summary>The client keeps the last checkpoint that it saw, and demands that the next one extends it.</summary>
public sealed class SeenCheckpointTests : IDisposable
{
    private readonly ClientTrial _client = new();
    private readonly AuditTrial _ledger = new(10);

    public SeenCheckpointTests()
    {
        Directory.CreateDirectory(_client.Home);
        _client.Clock = _ledger.Clock;
    }

    private string Seen => Path.Combine(_client.Home, "seen", AuditTrial.SystemIdText);

    public void Dispose()
    {
        _ledger.Dispose();
        _client.Dispose();
    }

    [Fact]
    public void First_key_is_pinned_and_said_and_growth_is_followed_silently()
    {
        using var bus = _ledger.Serve(_client.Socket);
        Assert.Equal(0, _client.Run("audit", "checkpoint"));
        Assert.Equal($"Seen for the first time, and pinned, not signed: the ledger's key {_ledger.Signer.Key}\n", _client.Error);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Seen));
        for (var i = 10; i < 25; i++)
        {
            _ledger.AddOne(i);
            Assert.Equal(0, _client.Run("audit", i % 2 == 0 ? "checkpoint" : "key"));
            Assert.Equal("", _client.Error);
        }
        Assert.Equal($"{_ledger.Signer.Key}\n{_ledger.Signer.Sign(Checkpoint.Of(_ledger.Signer.Key.Name, _ledger.Store.Tree()))}", File.ReadAllText(Seen));
    }

    [Fact]
    public void Nothing_is_kept_without_a_key_home()
    {
        Directory.Delete(_client.Home);
        using var bus = _ledger.Serve(_client.Socket);
        Assert.Equal(0, _client.Run("audit", "checkpoint"));
        Assert.Equal("", _client.Error);
        Assert.False(Directory.Exists(_client.Home));
    }

    [Fact]
    public void Attack13_Ledger_that_was_put_back_is_refused_and_the_evidence_kept()
    {
        See(_ledger);
        using var older = new AuditTrial(9, _ledger.Signer);
        Refused(older, "has 9 entries, and 10 were seen before");
    }

    [Fact]
    public void Attack37_Other_history_of_the_same_key_is_refused_and_the_evidence_kept()
    {
        See(_ledger);
        using var other = new AuditTrial(10, _ledger.Signer);
        Refused(other, "does not begin with the 10 entries seen before");
        using var longer = new AuditTrial(20, _ledger.Signer);
        Refused(longer, "does not begin with the 10 entries seen before");
    }

    [Fact]
    public void Attack37_Other_key_for_the_same_system_is_refused_and_the_evidence_kept()
    {
        See(_ledger);
        using var other = new AuditTrial(10);
        Refused(other, "was seen before: another ledger is in its place");
    }

    [Fact]
    public void Damaged_memory_is_said_and_not_written_over()
    {
        See(_ledger);
        File.WriteAllText(Seen, "nonsense");
        using var bus = _ledger.Serve(_client.Socket);
        Assert.Equal(1, _client.Run("audit", "checkpoint"));
        Assert.Contains("does not hold a checkpoint", _client.Error, StringComparison.Ordinal);
        Assert.Equal("nonsense", File.ReadAllText(Seen));
    }

    [Fact]
    public void Attack37_Memory_that_cannot_be_read_is_not_taken_for_none()
    {
        See(_ledger);
        using var other = new AuditTrial(10);
        using var bus = other.Serve(_client.Socket);
        var elsewhere = Path.Combine(_client.Root, "elsewhere");
        File.Move(Seen, elsewhere);
        File.CreateSymbolicLink(Seen, elsewhere);
        Assert.Equal(1, _client.Run("audit", "checkpoint"));
        Assert.Contains("cannot be compared with the one seen before", _client.Error, StringComparison.Ordinal);
        File.Delete(Seen);
        Directory.CreateDirectory(Seen);
        Assert.Equal(1, _client.Run("audit", "checkpoint"));
        Assert.Contains("not a regular file", _client.Error, StringComparison.Ordinal);
        Assert.Equal("", _client.Output);
    }

    [Fact]
    public void Attack11_Ledger_of_another_system_is_not_pinned_in_this_ones_place()
    {
        _client.IsOf(new string('e', 32));
        using var bus = _ledger.Serve(_client.Socket);
        Assert.Equal(1, _client.Run("audit", "key"));
        Assert.Contains($"the ledger is qwamos/{AuditTrial.SystemIdText}, and this system is eeee", _client.Error, StringComparison.Ordinal);
        Assert.Equal("", _client.Output);
        Assert.False(File.Exists(Seen));
        Assert.True(_client.Run("audit", "show", "--key", _ledger.Signer.Key.ToString()) == 0, _client.Error);
    }

    [Fact]
    public void Attack11_System_id_that_cannot_be_read_is_not_taken_for_none()
    {
        _client.Write("etc", "");
        using var bus = _ledger.Serve(_client.Socket);
        Assert.Equal(1, _client.Run("audit", "key"));
        Assert.Contains("/etc", _client.Error, StringComparison.Ordinal);
        Assert.Equal("", _client.Output);
        Assert.False(File.Exists(Seen));
    }

    [Fact]
    public void Key_that_a_trusted_operator_signed_is_shown_as_such()
    {
        See(_ledger);
        _client.Enrol(_ledger.Operators[0]);
        _ledger.SignKey();
        using var bus = _ledger.Serve(_client.Socket);
        Assert.Equal(0, _client.Run("audit", "key", "-o", "json"));
        Assert.Equal($"The ledger's key is signed by {Ledger.History.Signer}: {_ledger.Signer.Key}\n", _client.Error);
        Assert.True(_client.Json.TryGet("trust", out var trust) && trust.Equals(JsonValue.Of($"signed by {Ledger.History.Signer}")));
        Assert.Equal(0, _client.Run("audit", "verify"));
        Assert.Equal("", _client.Error);
        Assert.Contains($"its key     signed by {Ledger.History.Signer}\n", _client.Output, StringComparison.Ordinal);
        // Once the operator is not believed any more, neither is the statement.
        using var next = SigningKey.Generate();
        _client.Enrol(next.Public);
        Assert.Equal(0, _client.Run("audit", "key", "-o", "json"));
        Assert.True(_client.Json.TryGet("trust", out trust) && trust.Equals(JsonValue.Of("pinned, not signed")));
    }

    [Fact]
    public void Own_key_of_the_key_home_is_an_operators()
    {
        File.WriteAllBytes(Path.Combine(_client.Home, "ed25519_pk"), _ledger.Operators[0].Raw.ToArray());
        _ledger.SignKey();
        using var bus = _ledger.Serve(_client.Socket);
        Assert.Equal(0, _client.Run("audit", "checkpoint"));
        Assert.Equal($"Seen for the first time, and signed by {Ledger.History.Signer}: the ledger's key {_ledger.Signer.Key}\n", _client.Error);
    }

    [Fact]
    public void Other_key_takes_the_place_of_the_one_seen_only_by_a_later_word_of_a_trusted_operator()
    {
        _client.Enrol(_ledger.Operators[0]);
        _ledger.SignKey();
        See(_ledger);
        var before = File.ReadAllText(Seen);
        using var other = new AuditTrial(5);
        Refused(other, "was seen before: another ledger is in its place");
        other.History.SignKey(other.Signer.Key.ToString(), AuditTrial.SystemIdText, _ledger.History.Now);
        Refused(other, "was seen before: another ledger is in its place");
        other.History.SignKey(other.Signer.Key.ToString(), AuditTrial.SystemIdText, _ledger.History.Now + 1);
        using (var stranger = SigningKey.Generate())
            _client.Enrol(stranger.Public);
        Refused(other, "was seen before: another ledger is in its place");

        _client.Enrol(_ledger.Operators[0]);
        using var bus = other.Serve(_client.Socket);
        Assert.Equal(0, _client.Run("audit", "checkpoint"));
        Assert.StartsWith($"The ledger's key was replaced, signed by {Ledger.History.Signer}: it is {other.Signer.Key}\nWhat was seen under the key before is kept in {Seen}.replaced\n", _client.Error, StringComparison.Ordinal);
        Assert.Equal(before, File.ReadAllText(Seen + ".replaced"));
        Assert.StartsWith(other.Signer.Key + "\n{", File.ReadAllText(Seen), StringComparison.Ordinal);
        Assert.Equal(0, _client.Run("audit", "checkpoint"));
        Assert.Equal("", _client.Error);
    }

    [Fact]
    public void Statement_from_the_future_is_nobodys_word()
    {
        See(_ledger);
        _client.Enrol(_ledger.Operators[0]);
        using var other = new AuditTrial(5);
        other.History.SignKey(other.Signer.Key.ToString(), AuditTrial.SystemIdText, TestCheckpoints.Seconds + 301);
        Refused(other, "was seen before: another ledger is in its place");
    }

    [Fact]
    public void First_keys_that_were_replaced_are_kept_and_so_many()
    {
        _client.Enrol(_ledger.Operators[0]);
        See(_ledger);
        List<string> seen = [];
        for (var i = 1; i <= Limits.MaxReplacedCheckpoints + 1; i++)
        {
            seen.Add(File.ReadAllText(Seen));
            using var next = new AuditTrial(3);
            next.History.SignKey(next.Signer.Key.ToString(), AuditTrial.SystemIdText, _ledger.History.Now + i);
            See(next);
        }
        Assert.Contains($"is not kept: {Limits.MaxReplacedCheckpoints} files", _client.Error, StringComparison.Ordinal);
        var kept = Enumerable.Range(1, Limits.MaxReplacedCheckpoints).Select(number => File.ReadAllText(Seen + ".replaced" + (number == 1 ? "" : $".{number}")));
        Assert.Equal(seen[..Limits.MaxReplacedCheckpoints], kept);
        Assert.Equal(Limits.MaxReplacedCheckpoints + 1, Directory.GetFiles(Path.GetDirectoryName(Seen)!).Length);
    }

    [Fact]
    public void Attack37_Other_key_is_signed_only_when_the_operator_was_shown_both_and_said_so()
    {
        Assert.Equal(0, _client.Run("key", "show"));
        See(_ledger);
        var before = File.ReadAllText(Seen);
        using var other = new AuditTrial(5);
        using var bus = Recording(other);
        var both = (string[])[$"seen before  {_ledger.Signer.Key}, pinned, not signed, 10 entries\n", $"offered now  {other.Signer.Key}, pinned, not signed, 5 entries\n"];
        foreach (var (hasPerson, input) in ((bool, string)[])[(false, "yes\n"), (true, "no\n"), (true, "")])
        {
            (_client.HasPerson, _client.Input) = (hasPerson, input);
            Assert.Equal(1, _client.Run("audit", "key", "--sign"));
            Assert.All(both, line => Assert.Contains(line, _client.Error, StringComparison.Ordinal));
            Assert.Contains("nothing was signed", _client.Error, StringComparison.Ordinal);
            Assert.Contains($"qwamosctl --root {_client.Root} --home {_client.Home} --socket {_client.Socket} audit key --sign --key KEY\n", _client.Error, StringComparison.Ordinal);
            Assert.Equal(hasPerson, _client.Error.Contains("Type yes", StringComparison.Ordinal));
        }
        Assert.DoesNotContain(bus.Received, request => request.Contains("ledger_key", StringComparison.Ordinal));
        Assert.Equal(before, File.ReadAllText(Seen));

        _client.Input = "yes\n";
        Assert.Equal(0, _client.Run("audit", "key", "--sign"));
        Assert.All(both, line => Assert.Contains(line, _client.Error, StringComparison.Ordinal));
        Assert.EndsWith("recorded as entry 5\n", _client.Output, StringComparison.Ordinal);
        Assert.Equal(before, File.ReadAllText(Seen + ".replaced"));
        Assert.StartsWith(other.Signer.Key + "\n{", File.ReadAllText(Seen), StringComparison.Ordinal);
        Assert.Equal(0, _client.Run("audit", "checkpoint"));
        Assert.Equal("", _client.Error);
    }

    [Fact]
    public void Other_key_is_signed_by_a_script_that_names_it_and_again_says_when_it_was()
    {
        Assert.Equal(0, _client.Run("key", "show"));
        using (Recording(_ledger))
        {
            Assert.Equal(0, _client.Run("audit", "key", "--sign"));
            Assert.EndsWith("recorded as entry 10\n", _client.Output, StringComparison.Ordinal);
        }
        File.Delete(_client.Socket);
        using var other = new AuditTrial(5);
        using var bus = Recording(other);
        Assert.Equal(1, _client.Run("audit", "key", "--sign", "--key", _ledger.Signer.Key.ToString()));
        Assert.Contains("not the one given", _client.Error, StringComparison.Ordinal);
        // In the same second as the first one: it counts only when it is later.
        Assert.True(_client.Run("audit", "key", "--sign", "--key", other.Signer.Key.ToString()) == 0, _client.Error);
        Assert.EndsWith("recorded as entry 5\n", _client.Output, StringComparison.Ordinal);

        for (var i = 0; i < 2; i++)
        {
            Assert.Equal(0, _client.Run("audit", "key", "--sign"));
            Assert.EndsWith("signed before, as entry 5\n", _client.Output, StringComparison.Ordinal);
            Assert.Equal("", _client.Error);
        }
        Assert.Equal(6, other.Store.Size);
    }

    /// <summary>Records statements as qwamosd does; the same one again is answered with its entry.</summary>
    private FakeBus Recording(AuditTrial ledger)
    {
        Dictionary<LedgerKeyStatement, long> recorded = [];
        return new FakeBus(_client.Socket, request =>
        {
            if (!EnvelopeReader.TryRead(Encoding.UTF8.GetBytes(request), out var envelope, out _) || envelope.Message.Command != Commands.LedgerKey)
                return ledger.Answer(request);
            Assert.True(LedgerKeyStatement.TryRead(envelope.Message.Args, out var statement, out var fault), fault);
            if (!recorded.ContainsKey(statement))
                recorded[statement] = ledger.History.Record(statement);
            return Answer.Ok([("index", JsonValue.Of(recorded[statement]))]);
        });
    }

    private void See(AuditTrial ledger)
    {
        using var bus = ledger.Serve(_client.Socket);
        Assert.Equal(0, _client.Run("audit", "checkpoint"));
        File.Delete(_client.Socket);
    }

    private void Refused(AuditTrial ledger, string why)
    {
        var before = File.ReadAllText(Seen);
        using (ledger.Serve(_client.Socket))
        {
            foreach (var command in (string[][])[["checkpoint"], ["key"], ["prove", "0"], ["export", Path.Combine(_client.Root, "export")]])
            {
                Assert.Equal(1, _client.Run(["audit", .. command]));
                Assert.Contains(why, _client.Error, StringComparison.Ordinal);
                Assert.Equal("", _client.Output);
            }
        }
        File.Delete(_client.Socket);
        Assert.Equal(before, File.ReadAllText(Seen));
        Assert.StartsWith(ledger.Signer.Key + "\n", File.ReadAllText(Seen + ".refused"), StringComparison.Ordinal);
    }
}
