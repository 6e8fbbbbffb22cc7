using System.Text;
using Qwamos.ControlBus.Audit;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Verification;
using Xunit;

namespace Qwamos.ControlBus.Tests.Audit;

public sealed class CheckpointTests : IDisposable
{
    private static readonly string Origin = Checkpoint.OriginOf(new string('a', SystemId.Digits));
    private readonly CheckpointSigner _signer = new(SigningKey.Generate(), Origin);

    public void Dispose() => _signer.Dispose();

    [Fact]
    public void Signed_checkpoint_is_three_lines_and_two_signatures_and_opens_under_its_key()
    {
        var tree = MerkleTree.Of([MerkleTree.LeafHash("leaf"u8)]);
        var note = _signer.Sign(Checkpoint.Of(Origin, tree));
        Assert.Equal($"{Origin}\n1\n{Convert.ToBase64String(tree.Root())}\n", note.Text);
        Assert.Equal(2, note.Signatures.Count);
        Assert.All(note.Signatures, line => Assert.Equal(Origin, line.Name));
        Assert.True(Checkpoint.TryOpen(note.ToBytes(), _signer.Key, out var opened, out var fault), fault);
        Assert.Equal(TestCheckpoints.Seconds, opened.TimeSeconds);
        Assert.Equal((Origin, 1, Convert.ToHexStringLower(tree.Root())), (opened.Origin, opened.Size, opened.RootHex));
        Assert.Equal(new string('a', SystemId.Digits), opened.SystemId);
    }

    [Fact]
    public void One_tree_gives_one_line_and_one_more_that_adds_the_time()
    {
        var (one, other) = (_signer.Sign(Checkpoint.Of(Origin, new MerkleTree()), 7), _signer.Sign(Checkpoint.Of(Origin, new MerkleTree()), 8));
        Assert.Equal(one.Text, other.Text);
        Assert.Equal(one.Signatures[0].ToString(), other.Signatures[0].ToString());
        Assert.NotEqual(one.Signatures[1].ToString(), other.Signatures[1].ToString());
        Assert.Equal(one.ToBytes(), _signer.Sign(Checkpoint.Of(Origin, new MerkleTree()), 7).ToBytes());
    }

    [Theory]
    [InlineData(0, false)]
    [InlineData(300, false)]
    [InlineData(301, true)]
    [InlineData(-300, false)]
    [InlineData(-301, true)]
    public void Attack14_Checkpoint_of_another_time_than_now_is_stale(int ageSeconds, bool isStale)
    {
        var note = _signer.Sign(Checkpoint.Of(Origin, new MerkleTree()), TestCheckpoints.Seconds);
        Assert.True(Checkpoint.TryOpen(note.ToBytes(), _signer.Key, out var opened, out _));
        Assert.Equal(isStale, opened.IsStale(TestCheckpoints.Seconds + ageSeconds));
    }

    [Fact]
    public void Attack14_Checkpoint_whose_time_was_taken_off_or_changed_is_refused()
    {
        var note = _signer.Sign(Checkpoint.Of(Origin, new MerkleTree()), TestCheckpoints.Seconds);
        Assert.False(Checkpoint.TryOpen(new SignedNote(note.Text, [note.Signatures[0]]).ToBytes(), _signer.Key, out _, out var fault));
        Assert.Contains("when it was made", fault, StringComparison.Ordinal);
        var later = note.Signatures[1].Bytes.ToArray();
        later[7] ^= 1;
        Assert.False(Checkpoint.TryOpen(
            new SignedNote(note.Text, [note.Signatures[0], note.Signatures[1] with { Bytes = later }]).ToBytes(), _signer.Key, out _, out fault));
        Assert.Contains("does not hold", fault, StringComparison.Ordinal);
        Assert.False(Checkpoint.TryOpen(new SignedNote(note.Text, [note.Signatures[1]]).ToBytes(), _signer.Key, out _, out _));
    }

    [Theory]
    [InlineData("o\n01\nROOT\n")]
    [InlineData("o\n-1\nROOT\n")]
    [InlineData("o\n+1\nROOT\n")]
    [InlineData("o\n 1\nROOT\n")]
    [InlineData("o\n1e3\nROOT\n")]
    [InlineData("o\n9007199254740992\nROOT\n")]
    [InlineData("o\n99999999999999999999999\nROOT\n")]
    [InlineData("o\n\nROOT\n")]
    [InlineData("\n1\nROOT\n")]
    [InlineData("o\n1\nAAAA\n")]
    [InlineData("o\n1\nROOT\nextension\n")]
    [InlineData("o\n1\nROOT\n\n")]
    [InlineData("o\n1\n")]
    public void Other_texts_are_no_checkpoints(string text) =>
        Assert.False(Checkpoint.TryParse(text.Replace("ROOT", Convert.ToBase64String(new byte[32]), StringComparison.Ordinal), out _, out _));

    [Fact]
    public void Attack08_Checkpoint_signed_by_an_operators_key_is_refused_and_so_is_one_of_another_log()
    {
        using var operatorKey = SigningKey.Generate();
        var checkpoint = Checkpoint.Of(Origin, new MerkleTree());
        using var forger = new CheckpointSigner(operatorKey, Origin);
        Assert.False(Checkpoint.TryOpen(forger.Sign(checkpoint).ToBytes(), _signer.Key, out _, out _));
        // The same name and key ID, another signature.
        var text = Encoding.UTF8.GetBytes(checkpoint.ToText());
        var posed = new SignedNote(checkpoint.ToText(), [new NoteSignature(Origin, _signer.Key.KeyHash, operatorKey.Sign(text))]);
        Assert.False(Checkpoint.TryOpen(posed.ToBytes(), _signer.Key, out _, out var fault));
        Assert.Contains("does not hold", fault, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => _signer.Sign(checkpoint with { Origin = "qwamos/other" }, 0));
        // The operator's key under the line that says the time.
        posed = new SignedNote(checkpoint.ToText(), [_signer.Sign(checkpoint).Signatures[0], CosignatureKey.Of(_signer.Key).Sign(operatorKey, checkpoint, 1)]);
        Assert.False(Checkpoint.TryOpen(posed.ToBytes(), _signer.Key, out _, out fault));
        Assert.Contains("does not hold", fault, StringComparison.Ordinal);
    }

    [Fact]
    public void Attack08_Envelope_signed_by_the_ledgers_key_is_refused()
    {
        using var operatorKey = SigningKey.Generate();
        using var ledgerKey = SigningKey.Generate();
        var draft = new MessageDraft
        {
            Command = Commands.SetPolicy,
            Args = JsonValue.Object(("RADIO_ISOLATION", JsonValue.Of("on"))),
            Nonce = Nonce.Random(),
            Timestamp = 1_800_000_000,
        };
        var verdict = new Verifier(new VerifierOptions { Keys = [operatorKey.Public] })
            .Check(EnvelopeWriter.Sign(draft, ledgerKey), new EffectiveTime(1_800_000_000, 0));
        Assert.False(verdict.TryGet(out _, out var refusal));
        Assert.Equal(ErrorCode.BadSignature, refusal.Code);
    }

    [Fact]
    public void Attack08_Signature_over_a_checkpoint_is_none_over_a_policy_message()
    {
        // A checkpoint's text starts with its origin and a message with a brace: no text is both.
        Assert.True(Checkpoint.Of(Origin, new MerkleTree()).ToText()[0] != '{');
        Assert.False(Checkpoint.TryParse("{\"command\":\"set_policy\"}\n1\n" + Convert.ToBase64String(new byte[32]), out _, out _));
    }

    [Fact]
    public void Every_single_bit_of_a_signed_checkpoint_counts()
    {
        var bytes = _signer.Sign(Checkpoint.Of(Origin, MerkleTree.Of([MerkleTree.LeafHash("leaf"u8)]))).ToBytes();
        var first = bytes.AsSpan().LastIndexOf("\n\u2014 "u8);
        for (var at = 0; at < bytes.Length * 8; at++)
        {
            var changed = (byte[])bytes.Clone();
            changed[at / 8] ^= (byte)(1 << (at % 8));
            // Where it makes the time's line another key's, the checkpoint is one without a time.
            if (Checkpoint.TryOpen(changed, _signer.Key, out var opened, out _))
                Assert.True(at / 8 > first && opened.TimeSeconds is null, $"bit {at}");
        }
    }

    [Fact]
    public void Ledgers_key_is_made_once_0600_and_refused_when_others_can_read_it()
    {
        var root = Directory.CreateTempSubdirectory("qwamos-audit-").FullName;
        Assert.True(SystemPaths.TryCreate(root, out var paths, out _));
        Directory.CreateDirectory(paths.StateDir);
        var system = new string('b', SystemId.Digits);
        Assert.True(LedgerKeyFile.TryLoadOrCreate(paths, system, out var first, out var fault), fault);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(paths.LedgerKeyFile));
        Assert.Equal(32, new FileInfo(paths.LedgerKeyFile).Length);
        Assert.True(LedgerKeyFile.TryLoadOrCreate(paths, system, out var again, out _));
        Assert.Equal(first.Key.ToString(), again.Key.ToString());
        File.SetUnixFileMode(paths.LedgerKeyFile, UnixFileMode.UserRead | UnixFileMode.GroupRead);
        Assert.False(LedgerKeyFile.TryLoadOrCreate(paths, system, out _, out fault));
        Assert.Contains("chmod 600", fault, StringComparison.Ordinal);
        Directory.Delete(root, recursive: true);
    }
}
