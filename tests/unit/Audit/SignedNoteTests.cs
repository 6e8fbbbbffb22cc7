using System.Text;
using Qwamos.ControlBus.Audit;
using Qwamos.ControlBus.Keys;
using Xunit;

namespace Qwamos.ControlBus.Tests.Audit;

public sealed class SignedNoteTests
{
    // The example of Go's package note, which other programs for notes test with too.
    private const string KnownKey = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    private const string KnownText = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
    private const string KnownNote = KnownText
        + "\n\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

    // C2SP signed-note's own example: a text with an empty line in it, and a key that is not known here.
    private const string SpecifiedNote = "Ognuno sta solo sul cuor della terra\ntrafitto da un raggio di sole:\n\ned \u00e8 subito sera.\n\n"
        + "\u2014 quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=\n";

    [Fact]
    public void Known_note_is_accepted_by_its_key_and_written_as_it_was_read()
    {
        Assert.True(NoteVerifierKey.TryParse(KnownKey, out var key, out _));
        var note = Parse(KnownNote);
        Assert.Equal(KnownText, note.Text);
        Assert.True(key.Accepts(note, out var fault), fault);
        Assert.Equal(KnownNote, note.ToString());
        Assert.Equal(KnownKey, key.ToString());
    }

    [Fact]
    public void Text_ends_at_the_last_empty_line()
    {
        var note = Parse(SpecifiedNote);
        Assert.EndsWith("sera.\n", note.Text, StringComparison.Ordinal);
        Assert.Equal(("quasimodo.example/salvatore", 0x367ba04bu, 64), (note.Signatures[0].Name, note.Signatures[0].KeyHash, note.Signatures[0].Bytes.Length));
        Assert.Equal(SpecifiedNote, note.ToString());
    }

    [Theory]
    [InlineData("")]
    [InlineData("text\n")]
    [InlineData("text\n\n")]
    [InlineData("\n\n\u2014 a AAAAAAA=\n")]
    [InlineData("text\n\n- a AAAAAAA=\n")]
    [InlineData("text\n\n\u2014 a AAAAAAA=")]
    [InlineData("text\n\n\u2014 a AAAAAA==\n")]
    [InlineData("text\n\n\u2014 a AAAAAAB=\n")]
    [InlineData("text\n\n\u2014 a AAAAAAA\n")]
    [InlineData("text\n\n\u2014 a+b AAAAAAA=\n")]
    [InlineData("text\n\n\u2014 a\u00a0b AAAAAAA=\n")]
    [InlineData("text\n\n\u2014  AAAAAAA=\n")]
    [InlineData("text\n\n\u2014 a b AAAAAAA=\n")]
    [InlineData("te\rxt\n\n\u2014 a AAAAAAA=\n")]
    [InlineData("te\0xt\n\n\u2014 a AAAAAAA=\n")]
    public void Anything_but_the_one_form_is_refused(string note) =>
        Assert.False(SignedNote.TryParse(Encoding.UTF8.GetBytes(note), out _, out _));

    [Fact]
    public void Invalid_utf8_too_many_signatures_and_too_many_bytes_are_refused()
    {
        Assert.False(SignedNote.TryParse([0xff, .. "\n\n\u2014 a AAAAAAA=\n"u8], out _, out _));
        var line = "\u2014 a AAAAAAA=\n";
        Parse("text\n\n" + string.Concat(Enumerable.Repeat(line, 100)));
        Assert.False(SignedNote.TryParse(Encoding.UTF8.GetBytes("text\n\n" + string.Concat(Enumerable.Repeat(line, 101))), out _, out _));
        Assert.False(SignedNote.TryParse(Encoding.UTF8.GetBytes(new string('x', Limits.MaxNoteBytes) + "\n\n" + line), out _, out _));
    }

    [Fact]
    public void Signatures_of_other_keys_are_left_out_of_account_and_a_wrong_one_of_the_key_refuses_the_note()
    {
        Assert.True(NoteVerifierKey.TryParse(KnownKey, out var key, out _));
        var known = Parse(KnownNote).Signatures[0];
        Assert.True(key.Accepts(new SignedNote(KnownText, [new NoteSignature("other", known.KeyHash, known.Bytes), new NoteSignature(key.Name, 1, known.Bytes), known]), out _));
        Assert.False(key.Accepts(new SignedNote(KnownText, [new NoteSignature("other", known.KeyHash, known.Bytes)]), out _));
        Assert.False(key.Accepts(new SignedNote(KnownText, [known, known with { Bytes = new byte[64] }]), out _));
        Assert.False(key.Accepts(new SignedNote(KnownText, [known with { Bytes = known.Bytes[..63] }]), out _));
        Assert.False(key.Accepts(new SignedNote(KnownText + "more\n", [known]), out _));
    }

    [Theory]
    [InlineData("PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")]
    [InlineData("PeterNeumanm+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")]
    [InlineData("PeterNeumann+C74F20A3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")]
    [InlineData("PeterNeumann+c74f20a3+Ahpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")]
    [InlineData("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10Q=")]
    [InlineData("PeterNeumann+c74f20a3+")]
    [InlineData("Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")]
    [InlineData("+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")]
    [InlineData("PeterNeumann")]
    public void Verifier_key_with_a_changed_part_is_refused(string text) => Assert.False(NoteVerifierKey.TryParse(text, out _, out _));

    [Fact]
    public void Attack02_Small_order_verifier_key_is_refused()
    {
        byte[] typed = [1, 1, .. new byte[31]];
        Assert.False(NoteVerifierKey.TryParse($"a+00000000+{Convert.ToBase64String(typed)}", out _, out var fault));
        Assert.Contains("not a valid Ed25519 public key", fault, StringComparison.Ordinal);
    }

    [Fact]
    public void Key_hash_is_that_of_the_specification()
    {
        // tlog-checkpoint's example log and its signature line share this ID, of which only the name and the key are inputs.
        using var signing = SigningKey.Generate();
        var key = new NoteVerifierKey("example.com/log", signing.Public);
        var hash = System.Security.Cryptography.SHA256.HashData([.. "example.com/log\n\u0001"u8, .. signing.Public.Raw]);
        Assert.Equal(Convert.ToHexStringLower(hash.AsSpan(0, 4)), key.ToString().Split('+')[1]);
    }

    private static SignedNote Parse(string note) =>
        SignedNote.TryParse(Encoding.UTF8.GetBytes(note), out var parsed, out var fault) ? parsed : throw new InvalidOperationException(fault);
}
