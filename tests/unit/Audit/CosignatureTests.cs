using System.Text;
using Qwamos.ControlBus.Audit;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Ledger;
using Xunit;

namespace Qwamos.ControlBus.Tests.Audit;

public sealed class CosignatureTests : IDisposable
{
    private const long Time = 1679315147;

    // Made by a program of its own from C2SP tlog-cosignature's text (Python, PyNaCl), with the seed 00 01 .. 1f.
    private const string Name = "qwamos/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/sys-net";
    private const string KnownKey = Name + "+ca38b10b+BAOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4";
    private const string KnownText = "qwamos/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n7\nSBNJTRN+FjG7owHVrKtue7eqdM4RhdRWVl71HXN2d7I=\n";
    private const string KnownLine = "\u2014 " + Name + " yjixCwAAAABkGFDL8sTh0D6Yanz2S+p7LWbMM62klIqWDatbgKc9/fxZ06lOU0vY4NQaMVKnKjFYZn3iSK0jCi9mI72FPP7lVnAOCg==";

    // The example of the specification: a log's signature and a witness's under one checkpoint; their public keys are not given there.
    private const string SpecifiedNote = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
        + "\u2014 example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
        + "\u2014 witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n";

    private static readonly string Origin = Checkpoint.OriginOf(new string('a', SystemId.Digits));
    private static readonly Checkpoint Tree = Checkpoint.Of(Origin, MerkleTree.Of([MerkleTree.LeafHash("leaf"u8)]));

    private readonly CheckpointSigner _ledger = new(SigningKey.Generate(), Origin);
    private readonly CosignatureSigner _witness = new(SigningKey.Generate(), Name);

    public void Dispose()
    {
        _ledger.Dispose();
        _witness.Dispose();
    }

    [Fact]
    public void Known_cosignature_is_made_and_read_byte_for_byte()
    {
        Assert.True(SigningKey.TryLoad([.. Enumerable.Range(0, 32).Select(value => (byte)value)], out var seed, out _));
        using var signer = new CosignatureSigner(seed, Name);
        Assert.Equal(KnownKey, signer.Key.ToString());
        Assert.True(Checkpoint.TryParse(KnownText, out var checkpoint, out _));
        Assert.Equal(KnownLine, signer.Cosign(checkpoint, Time).ToString());

        Assert.True(CosignatureKey.TryParse(KnownKey, out var key, out var fault), fault);
        Assert.True(key.TryReadTime(Parse($"{KnownText}\n{KnownLine}\n"), out var time, out fault), fault);
        Assert.Equal(Time, time);
    }

    [Fact]
    public void Note_of_the_specification_keeps_its_lines()
    {
        var note = Parse(SpecifiedNote);
        Assert.Equal(SpecifiedNote, note.ToString());
        Assert.Equal((64, 72), (note.Signatures[0].Bytes.Length, note.Signatures[1].Bytes.Length));
    }

    [Fact]
    public void Cosigned_checkpoint_opens_as_before_and_gives_its_newest_time()
    {
        var note = _ledger.Sign(Tree).With([_witness.Cosign(Tree, 7), _witness.Cosign(Tree, 9), _witness.Cosign(Tree, 8)]);
        Assert.True(Checkpoint.TryOpen(note.ToBytes(), _ledger.Key, out var opened, out var fault), fault);
        Assert.Equal(Tree.RootHex, opened.RootHex);
        Assert.True(_witness.Key.TryReadTime(note, out var time, out fault), fault);
        Assert.Equal(9, time);
    }

    [Fact]
    public void Wrong_line_of_the_key_refuses_the_note_and_lines_of_others_say_nothing()
    {
        var note = _ledger.Sign(Tree);
        var good = _witness.Cosign(Tree, Time);
        Assert.False(_witness.Key.TryReadTime(note, out var time, out var fault));
        Assert.Equal(-1, time);
        Assert.Contains("not cosigned", fault, StringComparison.Ordinal);
        Assert.False(_witness.Key.TryReadTime(note.With([good with { Name = "another" }]), out _, out _));
        Assert.False(_witness.Key.TryReadTime(note.With([good with { KeyHash = good.KeyHash + 1 }]), out _, out _));
        foreach (var bad in Damaged(good))
        {
            Assert.False(_witness.Key.TryReadTime(note.With([good, bad]), out _, out fault));
            Assert.Contains("does not hold", fault, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Attack08_Cosignature_and_checkpoint_signature_do_not_stand_for_each_other()
    {
        var text = Tree.ToText();
        // One key in both roles, as the ledger's is: only the signed bytes and the key ID keep them apart.
        using var ledger = new CheckpointSigner(OneKeyTwice(out var second), Origin);
        using var own = new CosignatureSigner(second, Origin);
        Assert.NotEqual(ledger.Key.KeyHash, own.Key.KeyHash);
        Assert.Equal(CosignatureKey.Of(ledger.Key).ToString(), own.Key.ToString());
        var cosignature = own.Cosign(Tree, Time);
        var signature = ledger.Sign(Tree).Signatures[0];

        Assert.False(ledger.Key.Accepts(new SignedNote(text, [cosignature]), out _));
        Assert.False(ledger.Key.Accepts(new SignedNote(text, [cosignature with { KeyHash = ledger.Key.KeyHash, Bytes = cosignature.Bytes[8..] }]), out _));
        byte[] dated = [.. new byte[8], .. signature.Bytes.Span];
        Assert.False(own.Key.TryReadTime(new SignedNote(text, [signature with { KeyHash = own.Key.KeyHash, Bytes = dated }]), out _, out _));
        // What a cosignature is over is no checkpoint's text.
        Assert.False(Checkpoint.TryParse($"cosignature/v1\ntime {Time}\n{text}", out _, out _));
    }

    [Fact]
    public void Verifier_keys_of_one_type_are_refused_as_the_other()
    {
        Assert.False(CosignatureKey.TryParse(_ledger.Key.ToString(), out _, out var fault));
        Assert.Contains("type 0x01, not 0x04, a witness's", fault, StringComparison.Ordinal);
        Assert.False(NoteVerifierKey.TryParse(_witness.Key.ToString(), out _, out fault));
        Assert.Contains("type 0x04, not 0x01, a ledger's", fault, StringComparison.Ordinal);
    }

    private static IEnumerable<NoteSignature> Damaged(NoteSignature good)
    {
        yield return good with { Bytes = good.Bytes[..^1] };
        yield return good with { Bytes = new byte[] { 0 }.Concat(good.Bytes.ToArray()).ToArray() };
        // Each byte of the time and of the signature, and the time's sign.
        for (var place = 0; place < good.Bytes.Length; place++)
        {
            foreach (var bit in (int[])[1, 0x80])
            {
                var bytes = good.Bytes.ToArray();
                bytes[place] ^= (byte)bit;
                yield return good with { Bytes = bytes };
            }
        }
    }

    private static SigningKey OneKeyTwice(out SigningKey second)
    {
        var seed = System.Security.Cryptography.RandomNumberGenerator.GetBytes(SigningKey.SeedSizeBytes);
        Assert.True(SigningKey.TryLoad(seed, out var first, out _));
        Assert.True(SigningKey.TryLoad(seed, out second!, out _));
        return first;
    }

    private static SignedNote Parse(string note) =>
        SignedNote.TryParse(Encoding.UTF8.GetBytes(note), out var parsed, out var fault) ? parsed : throw new InvalidOperationException(fault);
}
