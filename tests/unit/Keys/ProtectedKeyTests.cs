using System.Text;
using Qwamos.Client.Signing;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Keys;
using Xunit;

namespace Qwamos.ControlBus.Tests.Keys;

/// <summary>The text of a protected private key: the example of docs/formats/keys.md, what it must not take, and that the other implementation gives the same bytes.</summary>
public sealed class ProtectedKeyTests
{
    private const string Passphrase = "correct horse battery staple";
    private const string SeedHex = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";

    private static readonly Argon2Cost Cheap = new(Limits.MinArgon2MemoryKibibytes, 1, 1);

    /// <summary>The example stands indented after the line that announces it.</summary>
    private static byte[] Example
    {
        get
        {
            var lines = File.ReadAllLines(Path.Combine(Repository.Root, "docs/formats/keys.md")).SkipWhile(line => line != "    qwamos-private-key v1").TakeWhile(line => line.Length > 0);
            return Encoding.ASCII.GetBytes(string.Concat(lines.Select(line => line[4..] + "\n")));
        }
    }

    public static TheoryData<string, string, string> Changes => new()
    {
        { "qwamos-private-key v1", "qwamos-private-key v2", "version" },
        { "qwamos-private-key v1", "qwamos-private-key v01", "version" },
        { "qwamos-private-key v1\n", "qwamos-private-key v1\r\n", "no character" },
        { "m=65536", "m=1048577", "KiB of memory" },
        { "m=65536", "m=7", "KiB of memory" },
        { "m=65536", "m=065536", "line 3" },
        { "m=65536", "m=+65536", "line 3" },
        { "m=65536", "m=-1", "line 3" },
        { "m=65536", "m=99999999999", "line 3" },
        { "t=3", "t=17", "passes" },
        { "t=3", "t=0", "passes" },
        { "p=1", "p=2", "lanes" },
        { "p=1", "p=0", "lanes" },
        { "argon2id", "argon2i", "line 3" },
        { "public ed25519", "public ed448", "line 2" },
        { "public ed25519 ", "public ed25519  ", "line 2" },
        { "comment an", "komment an", "line 4" },
        { "comment an", "comment  an", "line 4" },
        { "comment an", "comment \u00e4n", "no character" },
        { "comment an", "comment\tan", "no character" },
        { "chacha20-poly1305", "aes256-gcm", "line 5" },
        { "comment an example\n", "", "exactly 5 lines" },
        { "comment an example\n", "comment an example\nmore x\n", "exactly 5 lines" },
    };

    [Fact]
    public void Attack31_example_of_the_document_is_the_key_of_RFC_8032()
    {
        Assert.True(ProtectedKey.TryRead(Example, out var key, out var fault), fault);
        Assert.Equal("an example", key.Comment);
        Assert.Equal(Argon2Cost.Default, key.Terms.Cost);
        Assert.Equal("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", Convert.ToHexStringLower(key.PublicRaw));
        using var passphrase = Secret(Passphrase);
        Assert.Equal(KeyOpening.Opened, key.Open(passphrase, out var seed));
        using (seed)
            Assert.Equal(SeedHex, Convert.ToHexStringLower(seed!.Bytes));
    }

    [Fact]
    public void Example_is_what_sealing_gives_with_its_salt_and_nonce()
    {
        Assert.True(ProtectedKey.TryRead(Example, out var key, out _));
        using var passphrase = Secret(Passphrase);
        Assert.Equal(Encoding.ASCII.GetString(Example), Encoding.ASCII.GetString(ProtectedKey.Seal(Convert.FromHexString(SeedHex), passphrase, key.Comment, key.Terms)));
    }

    [Theory]
    [MemberData(nameof(Changes))]
    public void Attack31_other_spellings_versions_and_costs_are_refused(string from, string to, string words)
    {
        var text = Encoding.ASCII.GetString(Example);
        Assert.Contains(from, text, StringComparison.Ordinal);
        Assert.False(ProtectedKey.TryRead(Encoding.Latin1.GetBytes(text.Replace(from, to, StringComparison.Ordinal)), out _, out var fault));
        Assert.Contains(words, fault, StringComparison.Ordinal);
        Assert.Contains("; ", fault, StringComparison.Ordinal);
    }

    [Fact]
    public void Attack31_no_byte_can_be_cut_added_or_changed()
    {
        using var passphrase = Secret(Passphrase);
        var sound = ProtectedKey.Seal(Convert.FromHexString(SeedHex), passphrase, "c", SealingTerms.Fresh(Cheap));
        for (var at = 0; at < sound.Length; at++)
        {
            Assert.False(Opens(sound[..at], passphrase), $"cut at {at}");
            foreach (var bit in (int[])[1, 2, 4, 32, 128])
            {
                var changed = sound.ToArray();
                changed[at] ^= (byte)bit;
                Assert.False(Opens(changed, passphrase), $"bit {bit} at {at}");
            }
        }
        Assert.False(Opens([.. sound, (byte)'\n'], passphrase));
        Assert.False(Opens([.. sound, .. sound], passphrase));
        Assert.True(Opens(sound, passphrase));
    }

    [Fact]
    public void Each_sealing_has_a_salt_and_nonce_of_its_own()
    {
        using var passphrase = Secret(Passphrase);
        using SecretBytes seed = new(32) { Length = 32 };
        Assert.NotEqual(ProtectedKey.Seal(seed, passphrase, "", Cheap), ProtectedKey.Seal(seed, passphrase, "", Cheap));
    }

    [Theory]
    [InlineData("correct horse battery stapl")]
    [InlineData("correct horse battery staple ")]
    [InlineData("Correct horse battery staple")]
    public void Another_passphrase_opens_nothing(string other)
    {
        using var passphrase = Secret(Passphrase);
        Assert.True(ProtectedKey.TryRead(ProtectedKey.Seal(Convert.FromHexString(SeedHex), passphrase, "", SealingTerms.Fresh(Cheap)), out var key, out _));
        using var wrong = Secret(other);
        Assert.Equal(KeyOpening.WrongPassphrase, key.Open(wrong, out var seed));
        Assert.Null(seed);
    }

    [Fact]
    public void A_box_with_another_seed_than_its_public_keys_is_not_opened()
    {
        using var passphrase = Secret(Passphrase);
        var (mine, other) = (Convert.FromHexString(SeedHex), new byte[32]);
        var terms = SealingTerms.Fresh(Cheap);
        Assert.True(SigningKey.TryLoad(mine, out var key, out _));
        var head = Encoding.ASCII.GetString(ProtectedKey.Seal(mine, passphrase, "", terms)).Split("chacha20")[0];
        key.Dispose();
        var box = new byte[48];
        new SodiumSealing().Seal(passphrase, terms, Encoding.ASCII.GetBytes(head), other, box);
        var forged = $"{head}chacha20-poly1305 {Convert.ToBase64String(terms.Nonce)} {Convert.ToBase64String(box)}\n";
        Assert.True(ProtectedKey.TryRead(Encoding.ASCII.GetBytes(forged), out var read, out _));
        Assert.Equal(KeyOpening.WrongPassphrase, read.Open(passphrase, out _));
    }

    [Fact]
    public void BouncyCastle_and_libsodium_seal_alike_and_open_each_others()
    {
        using var passphrase = Secret(Passphrase);
        foreach (var cost in (Argon2Cost[])[Cheap, new(256, 2, 1), new(1_000, 3, 1)])
        {
            var terms = SealingTerms.Fresh(cost);
            byte[] seed = Convert.FromHexString(SeedHex), associated = Encoding.ASCII.GetBytes("associated");
            byte[] ours = new byte[48], theirs = new byte[48], opened = new byte[32];
            new SodiumSealing().Seal(passphrase, terms, associated, seed, ours);
            new BouncyCastleSealing().Seal(passphrase, terms, associated, seed, theirs);
            Assert.Equal(ours, theirs);
            Assert.True(new BouncyCastleSealing().TryOpen(passphrase, terms, associated, ours, opened));
            Assert.Equal(seed, opened);
            ours[0] ^= 1;
            Assert.False(new BouncyCastleSealing().TryOpen(passphrase, terms, associated, ours, opened));
            Assert.False(new SodiumSealing().TryOpen(passphrase, terms, associated, ours, opened));
        }
    }

    [Fact]
    public void BouncyCastle_opens_the_example()
    {
        Assert.True(ProtectedKey.TryRead(Example, out var key, out _));
        using var passphrase = Secret(Passphrase);
        var text = Encoding.ASCII.GetString(Example);
        var head = text[..text.IndexOf("chacha20", StringComparison.Ordinal)];
        var seed = new byte[32];
        Assert.True(new BouncyCastleSealing().TryOpen(passphrase, key.Terms, Encoding.ASCII.GetBytes(head), Convert.FromBase64String(text.TrimEnd().Split(' ')[^1]), seed));
        Assert.Equal(SeedHex, Convert.ToHexStringLower(seed));
    }

    private static bool Opens(byte[] content, SecretBytes passphrase)
    {
        if (!ProtectedKey.TryRead(content, out var key, out _))
            return false;
        var isOpen = key.Open(passphrase, out var seed) == KeyOpening.Opened;
        seed?.Dispose();
        return isOpen;
    }

    internal static SecretBytes Secret(string text)
    {
        SecretBytes secret = new(Limits.MaxPassphraseBytes + 2);
        secret.Length = Encoding.UTF8.GetBytes(text, secret.Room);
        return secret;
    }
}
