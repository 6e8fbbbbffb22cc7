using System.Text;
using Qwamos.ControlBus.Audit;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Tests.Audit;
using Qwamos.ControlBus.Tests.Ledger;
using Xunit;

namespace Qwamos.ControlBus.Tests.Client;

/// <summary>The audit commands against qwamosd's own answers, and against a daemon that lies.</summary>
public sealed class AuditTests : IDisposable
{
    private readonly ClientTrial _client = new();
    private readonly AuditTrial _ledger = new(30);

    public AuditTests() => _client.Clock = _ledger.Clock;

    private string Export => Path.Combine(_client.Root, "export");

    public void Dispose()
    {
        _ledger.Dispose();
        _client.Dispose();
    }

    [Fact]
    public void Key_is_alone_on_one_line_and_checkpoint_is_the_note_itself()
    {
        using var bus = Serve();
        Assert.Equal(0, _client.Run("audit", "key"));
        Assert.Equal(_ledger.Signer.Key + "\n", _client.Output);
        Assert.Equal(0, _client.Run("audit", "checkpoint"));
        Assert.True(Checkpoint.TryOpen(Encoding.UTF8.GetBytes(_client.Output), _ledger.Signer.Key, out var checkpoint, out _));
        Assert.Equal(30, checkpoint.Size);
        Assert.Equal(0, _client.Run("audit", "checkpoint", "-o", "json"));
        Assert.True(_client.Json.TryGet("root_hash", out var root) && root.AsString == checkpoint.RootHex);
    }

    [Fact]
    public void Export_and_verify_agree_with_the_ledger()
    {
        using (Serve())
            Assert.Equal(0, _client.Run("audit", "export", Export));
        Assert.Contains("exported 30 entries", _client.Output, StringComparison.Ordinal);
        Assert.Contains("3 confidential envelopes", _client.Output, StringComparison.Ordinal);
        Assert.Equal(AuditTrial.Files(_ledger.Export()), AuditTrial.Files(Export));
        Assert.Equal(0, Verify());
        Assert.Contains("30 entries", _client.Output, StringComparison.Ordinal);
        Assert.Equal(0, Verify("-o", "json"));
        Assert.True(_client.Json.TryGet("left_out", out var left) && left.Equals(JsonValue.Of(3)));
    }

    [Fact]
    public void Leaves_longer_than_a_page_come_whole()
    {
        var random = new Random(1);
        foreach (var length in (int[])[Limits.MaxLeafBytes, 1, Limits.MaxLeafPageBytes - 2, Limits.MaxLeafPageBytes, 2 * Limits.MaxLeafPageBytes / 3])
        {
            var leaf = new byte[length];
            random.NextBytes(leaf);
            _ledger.Store.AppendBatch([new NewEntry(leaf)]);
        }
        using var bus = Serve();
        Assert.True(_client.Run("audit", "export", Export) == 0, _client.Error);
        Assert.Equal(AuditTrial.Files(_ledger.Export()), AuditTrial.Files(Export));
    }

    [Fact]
    public void Verify_says_the_first_entry_that_fails_and_why()
    {
        using (Serve())
            _client.Run("audit", "export", Export);
        var bundle = Path.Combine(Export, "tile/entries/000.p/30");
        var bytes = File.ReadAllBytes(bundle);
        bytes[^1] ^= 1;
        File.WriteAllBytes(bundle, bytes);
        Assert.Equal(1, Verify());
        Assert.Contains("not sound: tile/entries/000.p/30: entry 29: its bytes do not have the hash", _client.Error, StringComparison.Ordinal);
        Assert.Equal("", _client.Output);
        Assert.Equal(1, Verify("-o", "json"));
        Assert.True(_client.Json.TryGet("index", out var index) && index.Equals(JsonValue.Of(29)));
    }

    [Fact]
    public void Verify_takes_the_key_from_a_file_and_refuses_what_is_none()
    {
        using (Serve())
            _client.Run("audit", "export", Export);
        var signer = Signer();
        Assert.Equal(0, _client.Run("audit", "verify", Export, "--key", _client.Write("ledger.key", _ledger.Signer.Key + "\n"), "--signer", signer));
        Assert.Equal(2, _client.Run("audit", "verify", Export, "--key", _client.Write("no.key", "nonsense"), "--signer", signer));
        Assert.Equal(1, _client.Run("audit", "verify", Export, "--key", "absent.key", "--signer", signer));
        Assert.Equal(2, _client.Run("audit", "verify", Export, "--signer", signer));
        Assert.Equal(2, _client.Run("audit", "verify", Export, "--key", _ledger.Signer.Key.ToString(), "--signer", _client.Write("ledger.key", _ledger.Signer.Key + "\n")));
        Assert.StartsWith("qwamosctl: --signer takes an operator's public key, and ", _client.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Verify_never_says_yes_without_knowing_whose_signatures_are_to_hold()
    {
        using (Serve())
            _client.Run("audit", "export", Export);
        Assert.Equal(2, _client.Run("audit", "verify", Export, "--key", _ledger.Signer.Key.ToString()));
        Assert.Contains("--signer FILE", _client.Error, StringComparison.Ordinal);
        var stranger = Path.Combine(_client.Root, "stranger_pk");
        using (var key = SigningKey.Generate())
            File.WriteAllBytes(stranger, key.Public.Raw.ToArray());
        Assert.Equal(1, _client.Run("audit", "verify", Export, "--key", _ledger.Signer.Key.ToString(), "--signer", stranger));
        Assert.Contains("entry 0: it was signed by the key", _client.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Key_is_signed_for_its_system_and_the_statement_sent()
    {
        Assert.Equal(4, SignKey(out _));
        Assert.Equal(0, _client.Run("key", "show"));
        Assert.True(SignKey(out var request) == 0, _client.Error);
        Assert.StartsWith($"signed      {_ledger.Signer.Key}\nsystem      {AuditTrial.SystemIdText}\n", _client.Output, StringComparison.Ordinal);
        Assert.EndsWith("recorded as entry 7\n", _client.Output, StringComparison.Ordinal);
        Assert.True(ClientTrial.Parse(request).TryGet("msg", out var message));
        Assert.True(message.TryGet("args", out var args));
        Assert.True(LedgerKeyStatement.TryRead(args, out var statement, out _));
        Assert.True(new KeyHome(_client.Home).TryLoadPublic(out var mine, out _));
        Assert.True(statement.IsSignedBy(mine));
        Assert.Equal((_ledger.Signer.Key.ToString(), AuditTrial.SystemIdText), (statement.Key, statement.SystemId));

        Assert.Equal(1, SignKey(out _, """{"status":"error","reason":"a newer one","code":"superseded"}"""));
        Assert.Contains("refused (superseded): a newer one", _client.Error, StringComparison.Ordinal);
        Assert.Equal(1, SignKey(out _, """{"status":"ok"}"""));
    }

    [Fact]
    public void Key_of_another_system_is_not_signed()
    {
        _client.Run("key", "show");
        Directory.CreateDirectory(Path.Combine(_client.Root, "etc", "qwamos"));
        File.WriteAllText(Path.Combine(_client.Root, "etc", "qwamos", "system.id"), new string('e', 32) + "\n");
        Assert.Equal(1, SignKey(out var request));
        Assert.Contains("this system is eeee", _client.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("ledger_key", request, StringComparison.Ordinal);
    }

    private int SignKey(out string request, string answer = """{"status":"ok","index":7}""")
    {
        File.Delete(_client.Socket);
        using FakeBus bus = new(_client.Socket, text => text.Contains("ledger_key", StringComparison.Ordinal) ? Encoding.UTF8.GetBytes(answer + "\n") : _ledger.Answer(text));
        var exit = _client.Run("audit", "key", "--sign");
        request = bus.Received[^1];
        return exit;
    }

    [Theory]
    [InlineData(0, "outcome   accepted\napplied   RADIO_ISOLATION\nmessage   {\"args\"")]
    [InlineData(6, "outcome   invalid_policy: ")]
    [InlineData(9, "signature was not checked")]
    [InlineData(10, "note      root lowered the time floor to ")]
    public void Proof_of_an_entry_is_checked_offline_and_shows_it(int index, string expected)
    {
        string file;
        using (Serve())
        {
            Assert.True(_client.Run("audit", "prove", $"{index}") == 0, _client.Error);
            file = _client.Write("entry.tlog-proof", _client.Output);
        }
        Assert.True(CheckProof(file) == 0, _client.Error);
        Assert.StartsWith($"proven    entry {index} of 30\n", _client.Output, StringComparison.Ordinal);
        Assert.Contains(expected, _client.Output, StringComparison.Ordinal);
        Assert.Equal(0, CheckProof(file, "-o", "json"));
        Assert.True(_client.Json.TryGet("index", out var shown) && shown.Equals(JsonValue.Of(index)));
        _client.Write("entry.tlog-proof", File.ReadAllText(file).Replace($"\nindex {index}\n", $"\nindex {index + 1}\n", StringComparison.Ordinal));
        Assert.Equal(1, CheckProof(file));
        Assert.Contains("proves nothing", _client.Error, StringComparison.Ordinal);
        Assert.Equal("", _client.Output);
    }

    [Fact]
    public void Show_gives_a_line_an_entry_and_hides_what_is_confidential()
    {
        using var bus = Serve();
        Assert.True(_client.Run("audit", "show") == 0, _client.Error);
        var lines = _client.Output.TrimEnd().Split('\n');
        Assert.Equal(30, lines.Length);
        Assert.Equal($"     0  2027-01-15 08:00:01Z  {History.Signer.Short}  accepted        RADIO_ISOLATION=on", lines[0]);
        Assert.EndsWith("invalid_policy  RADIO_ISOLATION=nonsense", lines[6], StringComparison.Ordinal);
        Assert.EndsWith("DURESS.gesture=(hidden)", lines[9], StringComparison.Ordinal);
        Assert.Contains("  -                 note  ", lines[10], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(3, "--policy-key", "DURESS.gesture")]
    [InlineData(0, "--policy-key", "KERNEL_HARDENING")]
    [InlineData(0, "--by", "ffffffffffffffffffff")]
    [InlineData(5, "--since", "1800000026")]
    [InlineData(30, "--since", "2027-01-15", "--until", "2027-01-15T08:00:31Z")]
    [InlineData(0, "--until", "2027-01-15")]
    public void Show_is_filtered(int expected, params string[] filter)
    {
        using var bus = Serve();
        Assert.True(_client.Run(["audit", "show", "-o", "json", .. filter]) == 0, _client.Error);
        Assert.Equal(expected, _client.Output.Count(character => character == '\n'));
        Assert.Equal(2, _client.Run("audit", "show", "--since", "yesterday"));
    }

    [Fact]
    public void Show_of_entries_that_were_not_signed_ends_in_failure()
    {
        using var other = new AuditTrial(30);
        using var bus = new FakeBus(_client.Socket, request => (request.Contains("get_entries", StringComparison.Ordinal) ? other : _ledger).Answer(request));
        Assert.Equal(1, _client.Run("audit", "show"));
        Assert.Contains("not what the ledger's key signed", _client.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Proof_of_an_entry_that_is_not_there_is_refused()
    {
        using var bus = Serve();
        Assert.Equal(1, _client.Run("audit", "prove", "30"));
        Assert.Equal("qwamosctl: refused (bad_request): there is no entry 30: the ledger has 30.\n", _client.Error);
        Assert.Equal(1, _client.Run("audit", "prove", "30", "-o", "json"));
        Assert.True(_client.Json.TryGet("code", out var code) && code.AsString == "bad_request", _client.Output);
        Assert.Equal(2, _client.Run("audit", "prove", "first"));
    }

    [Fact]
    public void Ledger_that_only_grew_is_consistent_with_its_older_checkpoints()
    {
        using var bus = Serve();
        _client.Run("audit", "checkpoint");
        var old = _client.Write("old", _client.Output);
        Assert.True(_client.Run("audit", "consistency", old) == 0, _client.Error);
        for (var i = 30; i < 45; i++)
            _ledger.AddOne(i);
        Assert.True(_client.Run("audit", "consistency", old, "--key", _ledger.Signer.Key.ToString()) == 0, _client.Error);
        Assert.Contains("the first 30 of 45 entries are the same", _client.Output, StringComparison.Ordinal);
        _client.Run("audit", "checkpoint");
        var later = _client.Write("new", _client.Output);
        Assert.Equal(0, _client.Run("audit", "consistency", old, later));
        Assert.Equal(1, _client.Run("audit", "consistency", later, old));
        Assert.Contains("cut or put back", _client.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Attack37_Checkpoint_of_another_history_by_the_same_key_is_not_consistent()
    {
        using var other = new AuditTrial(20);
        var forged = _ledger.Signer.Sign(Checkpoint.Of(_ledger.Signer.Key.Name, other.Store.Tree())).ToString();
        using var bus = Serve();
        Assert.Equal(1, _client.Run("audit", "consistency", _client.Write("other", forged)));
        Assert.Contains("is not shown to begin with the 20 of OLD", _client.Error, StringComparison.Ordinal);
        Assert.Contains("evidence", _client.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"status":"ok","from":0,"skip":0,"leaves":""}""", "entry 0 is not in it")]
    [InlineData("""{"status":"ok","from":0,"skip":0,"leaves":"%%%%"}""", "not base64")]
    [InlineData("""{"status":"ok","from":0,"skip":0}""", "it has no leaves")]
    [InlineData("""{"status":"ok","from":0,"skip":0,"leaves":"AAFBAAFBAAFBAAFBAAFBAAFBAAFBAAFBAAFBAAFBAAFBAAFBAAFBAAFBAAFBAAFBAAFBAAFBAAFBAAFBAAFBAAFBAAFBAAFBAAFBAAFBAAFBAAFBAAFBAAFB"}""", "not those that the checkpoint was signed over")]
    [InlineData("""{"status":"error","reason":"no","code":"storage_error"}""", "storage_error")]
    public void Export_of_a_daemon_that_lies_fails_and_leaves_no_checkpoint(string leaves, string why)
    {
        using var bus = new FakeBus(_client.Socket, request => request.Contains("get_entries", StringComparison.Ordinal) ? Encoding.UTF8.GetBytes(leaves + "\n") : _ledger.Answer(request));
        Assert.Equal(1, _client.Run("audit", "export", Export));
        Assert.Contains(why, _client.Error, StringComparison.Ordinal);
        Assert.False(File.Exists(Path.Combine(Export, "checkpoint")));
    }

    [Fact]
    public void Attack08_Checkpoint_that_the_key_beside_it_did_not_sign_is_refused()
    {
        using var other = new CheckpointSigner(SigningKey.Generate(), _ledger.Signer.Key.Name);
        var note = _ledger.Signer.Sign(Checkpoint.Of(_ledger.Signer.Key.Name, _ledger.Store.Tree()));
        using var bus = new FakeBus(_client.Socket, Encoding.UTF8.GetString(ControlBus.Envelopes.Answer.Ok(
            [("checkpoint", JsonValue.Of(note.ToString())), ("key", JsonValue.Of(other.Key.ToString()))])).TrimEnd());
        Assert.Equal(1, _client.Run("audit", "checkpoint"));
        Assert.Contains("not signed by the ledger's key", _client.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Gateway_or_older_daemon_is_told_from_a_ledger()
    {
        using var bus = new FakeBus(_client.Socket, """{"status":"error","reason":"the command is not known here","code":"unknown_command"}""");
        Assert.Equal(1, _client.Run("audit", "key"));
        Assert.Contains("an older one, or a gateway's", _client.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"from":0,"skip":1000000}""", "bad_request")]
    [InlineData("""{"from":-1,"skip":0}""", "bad_request")]
    [InlineData("""{"from":0}""", "bad_request")]
    [InlineData("""{"from":0,"skip":0,"more":0}""", "bad_request")]
    [InlineData("""{"from":"0","skip":0}""", "bad_request")]
    [InlineData("""{"from":9007199254740991,"skip":9007199254740991}""", "ok")]
    public void Daemon_answers_strange_pages_as_documented(string args, string expected)
    {
        var answer = Encoding.UTF8.GetString(_ledger.Answer("""{"msg":{"command":"get_entries","args":ARGS}}""".Replace("ARGS", args, StringComparison.Ordinal)));
        Assert.Contains($"\"{expected}\"", answer, StringComparison.Ordinal);
    }

    [Fact]
    public void Verify_without_an_export_checks_the_daemons_ledger_under_the_pinned_or_the_given_key()
    {
        using var bus = Serve();
        Assert.Equal(2, _client.Run("audit", "verify", "--signer", Signer()));
        Assert.Contains("no key home to pin it in", _client.Error, StringComparison.Ordinal);
        Assert.True(_client.Run("audit", "verify", "--key", _ledger.Signer.Key.ToString(), "--signer", Signer()) == 0, _client.Error);
        Assert.Contains("sound       30 entries", _client.Output, StringComparison.Ordinal);
        Assert.Contains("left out    3 confidential", _client.Output, StringComparison.Ordinal);

        Directory.CreateDirectory(_client.Home);
        Assert.True(_client.Run("audit", "verify", "--signer", Signer()) == 0, _client.Error);
        Assert.Contains("pinned, not signed", _client.Error, StringComparison.Ordinal);
        using var other = new CheckpointSigner(SigningKey.Generate(), _ledger.Signer.Key.Name);
        Assert.Equal(1, _client.Run("audit", "verify", "--key", other.Key.ToString(), "--signer", Signer()));
        Assert.Contains("not the one given", _client.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Verify_of_a_daemon_whose_leaves_are_others_or_too_few_fails_with_the_first_entry_that_does()
    {
        var key = _ledger.Signer.Key.ToString();
        using (var other = new AuditTrial(30))
        using (Serve("get_entries", other.Answer))
        {
            Assert.Equal(1, _client.Run("audit", "verify", "--key", key, "--signer", Signer()));
            Assert.Contains("not sound: the daemon's ledger: the entries' root hash is", _client.Error, StringComparison.Ordinal);
        }
        using var few = new AuditTrial(20);
        using (Serve("get_entries", few.Answer))
            Assert.Equal(1, _client.Run("audit", "verify", "--key", key, "--signer", Signer()));
        Assert.Contains("entry 20 is not in it", _client.Error, StringComparison.Ordinal);
        for (var i = 20; i < 30; i++)
            few.Store.AppendBatch([new NewEntry("{}"u8.ToArray())]);
        using (Serve("get_entries", few.Answer))
            Assert.Equal(1, _client.Run("audit", "verify", "--key", key, "--signer", Signer(), "-o", "json"));
        Assert.True(_client.Json.TryGet("index", out var index) && index.Equals(JsonValue.Of(20)));
        Assert.True(_client.Json.TryGet("place", out var place) && place.Equals(JsonValue.Of("the daemon's ledger")));
    }

    [Fact]
    public void Export_answers_in_the_daemons_place_with_the_key_given_or_pinned()
    {
        string live;
        using (Serve())
        {
            Assert.Equal(0, _client.Run("audit", "export", Export));
            _client.Run("audit", "show");
            live = _client.Output;
            _client.Run("audit", "checkpoint");
        }
        var old = _client.Write("old", _client.Output);
        var key = _ledger.Signer.Key.ToString();
        Assert.True(_client.Run("audit", "show", "--from", Export, "--key", key) == 0, _client.Error);
        Assert.Equal(live, _client.Output);
        for (var index = 0; index < 30; index++)
        {
            Assert.True(_client.Run("audit", "prove", $"{index}", "--from", Export, "--key", key) == 0, _client.Error);
            Assert.Equal(0, CheckProof(_client.Write("entry", _client.Output)));
        }
        Assert.Equal(1, _client.Run("audit", "prove", "30", "--from", Export, "--key", key, "-o", "json"));
        Assert.True(_client.Json.TryGet("code", out var code) && code.AsString == "bad_request", _client.Output);
        Assert.Equal(0, _client.Run("audit", "consistency", old, "--from", Export, "--key", key));
        Assert.Equal(0, _client.Run("audit", "verify", "--from", Export, "--key", key, "--signer", Signer()));
        Assert.Equal(2, _client.Run("audit", "verify", Export, "--from", Export, "--key", key, "--signer", Signer()));

        foreach (var command in (string[][])[["show"], ["prove", "3"], ["consistency", old], ["verify", "--signer", Signer()]])
        {
            Assert.Equal(2, _client.Run(["audit", .. command, "--from", Export]));
            Assert.Contains("--key KEY", _client.Error, StringComparison.Ordinal);
        }
        Directory.CreateDirectory(_client.Home);
        using (Serve())
            _client.Run("audit", "key");
        foreach (var command in (string[][])[["show"], ["prove", "3"], ["consistency", old], ["verify", "--signer", Signer()]])
            Assert.True(_client.Run(["audit", .. command, "--from", Export]) == 0, _client.Error);
    }

    [Fact]
    public void Export_that_is_damaged_is_named_with_its_file_whatever_is_asked_of_it()
    {
        using (Serve())
            _client.Run("audit", "export", Export);
        var key = _ledger.Signer.Key.ToString();
        File.Delete(Path.Combine(Export, "tile/0/000.p/30"));
        Assert.Equal(1, _client.Run("audit", "prove", "3", "--from", Export, "--key", key));
        Assert.Contains("tile/0/000.p/30: it is missing", _client.Error, StringComparison.Ordinal);
        File.WriteAllBytes(Path.Combine(Export, "tile/entries/000.p/30"), [0]);
        Assert.Equal(1, _client.Run("audit", "show", "--from", Export, "--key", key));
        Assert.Contains("entry 0: its entry bundle ends too early", _client.Error, StringComparison.Ordinal);
        Assert.Equal(1, _client.Run("audit", "show", "--from", _client.Root, "--key", key));
        Assert.Contains("checkpoint: it is missing", _client.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Verify_takes_an_operators_word_for_the_key_when_none_is_given()
    {
        _ledger.SignKey();
        using (Serve())
        {
            Assert.Equal(2, _client.Run("audit", "verify", "--signer", Signer()));
            _client.Enrol(_ledger.Operators[0]);
            Assert.True(_client.Run("audit", "verify") == 0, _client.Error);
            Assert.Contains($"its key     signed by {History.Signer}", _client.Output, StringComparison.Ordinal);
            Assert.Equal(0, _client.Run("audit", "export", Export));
        }
        Assert.True(_client.Run("audit", "verify", Export, "--signer", Signer(), "-o", "json") == 0, _client.Error);
        Assert.True(_client.Json.TryGet("trust", out var trust) && trust.Equals(JsonValue.Of($"signed by {History.Signer}")));
        var stranger = Path.Combine(_client.Root, "stranger_pk");
        using (var key = SigningKey.Generate())
            File.WriteAllBytes(stranger, key.Public.Raw.ToArray());
        Assert.Equal(2, _client.Run("audit", "verify", Export, "--signer", stranger));
        // A statement about one key does not vouch for the key that signed the export.
        using var forger = new CheckpointSigner(SigningKey.Generate(), _ledger.Signer.Key.Name);
        Assert.Equal(1, _client.Run("audit", "verify", _ledger.Export(signer: forger), "--signer", Signer()));
        Assert.Contains("not signed by the ledger's key", _client.Error, StringComparison.Ordinal);
        Assert.Contains("--key OLD-KEY", _client.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Verify_after_a_key_was_replaced_says_to_give_the_earlier_one()
    {
        using (Serve())
            _client.Run("audit", "export", Export);
        using var next = SigningKey.Generate();
        _client.Enrol(next.Public);
        Assert.Equal(1, _client.Run("audit", "verify", Export, "--key", _ledger.Signer.Key.ToString()));
        Assert.Contains("Give each earlier operator's public key: --signer FILE", _client.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Show_says_when_nothing_matches_and_what_was_meant()
    {
        using var bus = Serve();
        Assert.Equal(2, _client.Run("audit", "show", "--policy-key", "RADIO_ISOLATON"));
        Assert.Contains("no entry matches, and there is no policy key RADIO_ISOLATON here; did you mean RADIO_ISOLATION?", _client.Error, StringComparison.Ordinal);
        Assert.Equal(2, _client.Run("audit", "show", "--by", "grace"));
        Assert.Contains("--by takes a key ID or its first digits, hexadecimal, not grace", _client.Error, StringComparison.Ordinal);
        Assert.Equal(0, _client.Run("audit", "show", "--by", History.Signer.Short));
        Assert.Equal("", _client.Error);
    }

    [Fact]
    public void Wrong_file_or_folder_is_named_for_what_it_is()
    {
        string proof, checkpoint;
        using (Serve())
        {
            _client.Run("audit", "export", Export);
            _client.Run("audit", "prove", "3");
            proof = _client.Write("proof", _client.Output);
            _client.Run("audit", "checkpoint");
            checkpoint = _client.Write("note", _client.Output);
            foreach (var (why, words) in new (string, string[])[]
            {
                ($"there is no folder {Export}2", ["verify", Export + "2"]),
                ($"It is a proof: qwamosctl audit check-proof {proof}", ["verify", proof]),
                ($"It is a proof: qwamosctl audit check-proof {proof}", ["consistency", proof]),
                ($"It is a checkpoint: qwamosctl audit consistency {checkpoint}", ["check-proof", checkpoint]),
                ($"its checkpoint is {Export}/checkpoint", ["consistency", Export]),
                ($"It is a ledger or a backup of one: qwamosd fsck", ["verify", _client.Write("backup", "SQLite format 3\0")]),
            })
            {
                Assert.Equal(1, _client.Run(["audit", .. words, "--key", _ledger.Signer.Key.ToString(), .. words[0] == "consistency" ? Array.Empty<string>() : ["--signer", Signer()]]));
                Assert.Contains(why, _client.PlainError, StringComparison.Ordinal);
            }
        }
        File.WriteAllText(Path.Combine(Export, "checkpoint"), "nonsense");
        Assert.Equal(1, _client.Run("audit", "verify", Export, "--signer", Signer()));
        Assert.Contains("checkpoint is not a signed checkpoint: the note does not end in a newline", _client.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Number_that_is_none_is_said_in_plain_words()
    {
        Assert.Equal(2, _client.Run("audit", "prove", "first"));
        Assert.Contains("INDEX takes a number, not first", _client.Error, StringComparison.Ordinal);
        Assert.Equal(2, _client.Run("set", "RADIO_ISOLATION", "on", "--expires", "soon"));
        Assert.Contains("--expires takes 1 to 300 seconds, not soon", _client.Error, StringComparison.Ordinal);
    }

    private FakeBus Serve(string command, Func<string, byte[]> instead) =>
        new(_client.Socket, request => request.Contains(command, StringComparison.Ordinal) ? instead(request) : _ledger.Answer(request));

    private string Signer()
    {
        var file = Path.Combine(_client.Root, "operator_pk");
        File.WriteAllBytes(file, _ledger.Operators[0].Raw.ToArray());
        return file;
    }

    private int Verify(params string[] more) =>
        _client.Run(["audit", "verify", Export, "--key", _ledger.Signer.Key.ToString(), "--signer", Signer(), .. more]);

    private int CheckProof(string file, params string[] more) =>
        _client.Run(["audit", "check-proof", file, "--key", _ledger.Signer.Key.ToString(), "--signer", Signer(), .. more]);

    private FakeBus Serve() => _ledger.Serve(_client.Socket);
}
