using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Keys;
using Xunit;

namespace Qwamos.ControlBus.Tests.Keys;

public sealed class KeyProtectionTests : IDisposable
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private static readonly Argon2Cost Cheap = new(Limits.MinArgon2MemoryKibibytes, 1, 1);

    private readonly TemporaryDirectory _directory = new();
    private readonly KeyHome _home;
    private readonly byte[] _seed;

    public KeyProtectionTests()
    {
        _home = new KeyHome(_directory.At("home"));
        Assert.True(_home.TryLoadOrCreate(out var key, out _, out var fault), fault);
        key.Dispose();
        _seed = File.ReadAllBytes(_home.PrivateKeyFile);
    }

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void A_protected_key_is_the_same_key_and_its_file_holds_no_seed()
    {
        Protect(null, "one");
        Assert.Equal(OwnerOnly, File.GetUnixFileMode(_home.PrivateKeyFile));
        Assert.True(File.ReadAllBytes(_home.PrivateKeyFile).AsSpan().IndexOf(_seed) < 0);
        Assert.True(_home.TryOpen(out var stored, out var fault), fault);
        Assert.Null(stored.Plain);
        Assert.Equal("a comment", stored.Protected!.Comment);
        Assert.Equal(File.ReadAllBytes(_home.PublicKeyFile), stored.PublicRaw.ToArray());
        Assert.Equal(_seed, SeedBy("one"));
        Assert.Equal(2, Directory.GetFileSystemEntries(_home.Directory).Length);
    }

    [Fact]
    public void What_the_raw_file_held_is_overwritten()
    {
        using var old = File.Open(_home.PrivateKeyFile, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        Protect(null, "one");
        var left = new byte[64];
        Assert.Equal(32, old.Read(left));
        Assert.Equal(new byte[64], left);
    }

    [Fact]
    public void A_passphrase_can_be_changed_and_taken_away()
    {
        Protect(null, "one");
        Protect("one", "two");
        Assert.Null(SeedBy("one"));
        Assert.Equal(_seed, SeedBy("two"));
        using var passphrase = ProtectedKeyTests.Secret("two");
        Assert.True(new KeyProtection(_home).TryUnprotect(passphrase, out var fault), fault);
        Assert.Equal(_seed, File.ReadAllBytes(_home.PrivateKeyFile));
        Assert.Equal(OwnerOnly, File.GetUnixFileMode(_home.PrivateKeyFile));
    }

    [Fact]
    public void A_wrong_passphrase_changes_nothing()
    {
        Protect(null, "one");
        var before = File.ReadAllBytes(_home.PrivateKeyFile);
        using var wrong = ProtectedKeyTests.Secret("other");
        Assert.False(new KeyProtection(_home).TryUnprotect(wrong, out var fault));
        Assert.Contains("the passphrase is not that of", fault, StringComparison.Ordinal);
        Assert.False(new KeyProtection(_home).TryProtect(wrong, wrong, "", Cheap, out _));
        Assert.Equal(before, File.ReadAllBytes(_home.PrivateKeyFile));
    }

    [Fact]
    public void What_a_killed_run_left_is_removed_and_nothing_else()
    {
        var left = _directory.At("home/.ed25519_sk.0123456789abcdef.tmp");
        File.WriteAllBytes(left, _seed);
        var other = _directory.At("home/.ed25519_pk.0123456789abcdef.tmp");
        File.WriteAllBytes(other, [1]);
        Protect(null, "one");
        Assert.False(File.Exists(left));
        Assert.True(File.Exists(other));
    }

    [Fact]
    public void Two_that_change_it_at_once_do_not_meet()
    {
        using var dir = Posix.OpenDirectory(_home.Directory);
        Assert.Equal(0, Libc.Flock(dir, Libc.LOCK_EX));
        using var passphrase = ProtectedKeyTests.Secret("one");
        Assert.False(new KeyProtection(_home).TryProtect(null, passphrase, "", Cheap, out var fault));
        Assert.Contains("another program is changing the key", fault, StringComparison.Ordinal);
        Assert.Equal(_seed, File.ReadAllBytes(_home.PrivateKeyFile));
    }

    [Fact]
    public void Who_cannot_ask_is_told_that_it_is_protected_and_makes_no_new_key()
    {
        Protect(null, "one");
        var before = File.ReadAllBytes(_home.PrivateKeyFile);
        Assert.False(_home.TryLoadOrCreate(out _, out var created, out var fault));
        Assert.False(created);
        Assert.Contains("is protected by a passphrase", fault, StringComparison.Ordinal);
        Assert.Equal(before, File.ReadAllBytes(_home.PrivateKeyFile));
    }

    [Theory]
    [InlineData("640")]
    [InlineData("604")]
    public void Attack31_a_protected_file_that_others_can_reach_is_refused(string mode)
    {
        Protect(null, "one");
        File.SetUnixFileMode(_home.PrivateKeyFile, (UnixFileMode)Convert.ToInt32(mode, 8));
        AssertRefused($"chmod 600 {_home.PrivateKeyFile}");
    }

    [Fact]
    public void Attack31_a_protected_file_behind_a_link_or_with_two_names_is_refused()
    {
        Protect(null, "one");
        var moved = _directory.At("moved");
        File.Move(_home.PrivateKeyFile, moved);
        File.CreateSymbolicLink(_home.PrivateKeyFile, moved);
        AssertRefused("is a symbolic link");
        File.Delete(_home.PrivateKeyFile);
        File.Move(moved, _home.PrivateKeyFile);
        Assert.Equal(0, Libc.LinkAt(Posix.OpenDirectory(_home.Directory), "ed25519_sk", Posix.OpenDirectory(_home.Directory), "second", 0));
        AssertRefused("is one of 2 names");
    }

    [Fact]
    public void Attack31_a_protected_file_that_is_too_long_or_of_another_version_is_refused_and_kept()
    {
        Protect(null, "one");
        var sound = File.ReadAllText(_home.PrivateKeyFile);
        foreach (var (content, words) in ((string, string)[])[(sound + new string('x', Limits.MaxPrivateKeyFileBytes), "bytes, a private key has 32"), (sound.Replace("key v1", "key v9", StringComparison.Ordinal), "version"), (sound + "\n", "5 lines")])
        {
            File.WriteAllText(_home.PrivateKeyFile, content);
            AssertRefused(words);
            Assert.Equal(content, File.ReadAllText(_home.PrivateKeyFile));
        }
    }

    [Fact]
    public void Another_public_key_beside_it_is_refused()
    {
        Protect(null, "one");
        File.WriteAllBytes(_home.PublicKeyFile, new byte[32]);
        AssertRefused("does not belong to the private key beside it");
    }

    private void AssertRefused(string words)
    {
        Assert.False(_home.TryOpenOrCreate(out _, out _, out var fault));
        Assert.Contains(words, fault, StringComparison.Ordinal);
        using var passphrase = ProtectedKeyTests.Secret("one");
        Assert.False(new KeyProtection(_home).TryUnprotect(passphrase, out _));
    }

    private void Protect(string? current, string next)
    {
        using var before = current is null ? null : ProtectedKeyTests.Secret(current);
        using var after = ProtectedKeyTests.Secret(next);
        Assert.True(new KeyProtection(_home).TryProtect(before, after, "a comment", Cheap, out var fault), fault);
    }

    private byte[]? SeedBy(string text)
    {
        using var passphrase = ProtectedKeyTests.Secret(text);
        Assert.True(_home.TryOpen(out var stored, out var fault), fault);
        if (stored.Protected!.Open(passphrase, out var seed) != KeyOpening.Opened)
            return null;
        using (seed)
            return seed!.Bytes.ToArray();
    }
}
