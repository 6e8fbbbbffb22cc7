using System.Text;
using Qwamos.ControlBus.Audit;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Hosting.Pipeline;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Policy;
using Qwamos.ControlBus.Tests.Audit;
using Qwamos.Daemon.Auditing;
using Xunit;

namespace Qwamos.ControlBus.Tests.Client;

/// <summary>The audit commands against qwamosd's own answers, and against a daemon that lies.</summary>
public sealed class AuditTests : IDisposable
{
    private readonly ClientTrial _client = new();
    private readonly AuditTrial _ledger = new(30);

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

    [Theory]
    [InlineData("""{"status":"ok","from":0,"skip":0,"leaves":""}""", "entry 0 is not in it")]
    [InlineData("""{"status":"ok","from":0,"skip":0,"leaves":"%%%%"}""", "not base64")]
    [InlineData("""{"status":"ok","from":0,"skip":0}""", "it has no leaves")]
    [InlineData("""{"status":"ok","from":0,"skip":0,"leaves":"AAFBAAFBAAFBAAFBAAFBAAFBAAFBAAFBAAFBAAFBAAFBAAFBAAFBAAFBAAFBAAFBAAFBAAFBAAFBAAFBAAFBAAFBAAFBAAFBAAFBAAFBAAFBAAFBAAFBAAFB"}""", "not those that the checkpoint was signed over")]
    [InlineData("""{"status":"error","reason":"no","code":"storage_error"}""", "storage_error")]
    public void Export_of_a_daemon_that_lies_fails_and_leaves_no_checkpoint(string leaves, string why)
    {
        using var bus = new FakeBus(_client.Socket, request => request.Contains("get_entries", StringComparison.Ordinal) ? Encoding.UTF8.GetBytes(leaves + "\n") : Answer(request));
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
        Assert.Contains("not signed by the key given", _client.Error, StringComparison.Ordinal);
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
        var answer = Encoding.UTF8.GetString(Answer("""{"msg":{"command":"get_entries","args":ARGS}}""".Replace("ARGS", args, StringComparison.Ordinal)));
        Assert.Contains($"\"{expected}\"", answer, StringComparison.Ordinal);
    }

    private string Signer()
    {
        var file = Path.Combine(_client.Root, "operator_pk");
        File.WriteAllBytes(file, _ledger.Operators[0].Raw.ToArray());
        return file;
    }

    private int Verify(params string[] more) =>
        _client.Run(["audit", "verify", Export, "--key", _ledger.Signer.Key.ToString(), "--signer", Signer(), .. more]);

    private FakeBus Serve() => new(_client.Socket, Answer);

    private byte[] Answer(string request)
    {
        if (!EnvelopeReader.TryRead(Encoding.UTF8.GetBytes(request), out var envelope, out var refusal))
            return ControlBus.Envelopes.Answer.Error(refusal);
        AuditAnswers answers = new(_ledger.Store, new Checkpoints(_ledger.Signer, () => new PublishedState(PolicyState.Empty, _ledger.Store.Tree(), 0)));
        return answers.TryRead(envelope.Message, out var members, out refusal)
            ? ControlBus.Envelopes.Answer.Ok(members)
            : ControlBus.Envelopes.Answer.Error(refusal);
    }
}
