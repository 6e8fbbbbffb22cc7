using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Trust;
using Xunit;

namespace Qwamos.ControlBus.Tests.Trust;

public sealed class TrustRootTests
{
    private static readonly SigningKey Alice = SigningKey.Generate();
    private static readonly SigningKey Bob = SigningKey.Generate();
    private static readonly string Good = Two().Text();

    [Fact]
    public void Document_is_read_whole()
    {
        var root = (Two() with { Revoked = [(SigningKey.Generate().Public.Id, 7)] }).Root();
        Assert.Equal(["alice", "bob"], root.Holders.Select(holder => holder.Name));
        Assert.Equal("alice", root.HolderOf(Alice.Public.Id));
        Assert.Equal(2, root.RootRole.Threshold);
        Assert.Equal(7, root.Revoked.Single().FromIndex);
        Assert.Equal(Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(CanonicalJson.Write(root.Document))), root.Hash);
        Assert.Null(root.FindKey(SigningKey.Generate().Public.Id));
        Assert.False(root.IsImplicit);
    }

    [Fact]
    public void Written_and_read_again_it_is_the_same()
    {
        var signed = Two().Signed(Alice, Bob);
        Assert.True(SignedRoot.TryRead(signed.ToJson(), out var again, out var fault), fault);
        Assert.Equal(signed.Root.Hash, again.Root.Hash);
        Assert.Equal(signed.ToJson(), again.ToJson());
        Assert.Same(signed, signed.With(Alice));
    }

    /// <summary>What stands in a good document, what in its place, and what the fault names.</summary>
    public static TheoryData<string, string, string> Spoiled => new()
    {
        { "\"threshold\":2", "\"threshold\":0", "threshold" },
        { "\"threshold\":2", "\"threshold\":-1", "threshold" },
        { "\"threshold\":2", "\"threshold\":3", "threshold" },
        { "\"threshold\":2", "\"threshold\":1.5", "threshold" },
        { "\"threshold\":2", "\"threshold\":\"2\"", "threshold" },
        { "\"holders\":[\"alice\",\"bob\"],\"threshold\":2", "\"holders\":[\"alice\",\"alice\"],\"threshold\":2", "holders" },
        { "\"holders\":[\"alice\",\"bob\"],\"threshold\":2", "\"holders\":[\"alice\",\"mallory\"],\"threshold\":2", "holders" },
        { "\"holders\":[\"alice\",\"bob\"],\"threshold\":2", "\"holders\":[],\"threshold\":1", "no holder" },
        { "\"version\":1", "\"version\":0", "version" },
        { "\"version\":1", "\"version\":1,\"more\":1", "more" },
        { "\"format\":1", "\"format\":2", "format" },
        { "\"created\":1700000000", "\"created\":1900000000", "expires" },
        { "\"alice\":[", "\"Alice\":[", "name" },
        { "\"algorithm\":\"ed25519\"", "\"algorithm\":\"rsa\"", "algorithm" },
        { "\"root\":{", "\"roots\":{", "no role root" },
        { "\"policy\":[{\"key\":\"*\"}]", "\"policy\":[{\"key\":\"*\",\"values\":[]}]", "values" },
        { "\"policy\":[{\"key\":\"*\"}]", "\"policy\":[{\"key\":\"A*B\"}]", "key" },
        { "\"policy\":[{\"key\":\"*\"}]", "\"policy\":[{\"key\":\"\"}]", "key" },
        { "\"commands\":[\"*\"]", "\"commands\":[7]", "commands" },
        { "\"system\":\"0011", "\"system\":\"ZZ11", "system" },
        { "\"revoked\":[]", "\"revoked\":[{\"key_id\":\"00\",\"from\":1}]", "key_id" },
        { "\"size\":0", "\"size\":-1", "size" },
    };

    [Theory]
    [MemberData(nameof(Spoiled))]
    public void Attack04_document_that_is_not_wholly_sound_does_not_load(string what, string other, string names)
    {
        string spoiled = Good.Replace(what, other, StringComparison.Ordinal);
        Assert.NotEqual(Good, spoiled);
        Assert.False(RootDraft.TryRead(spoiled, out _, out var fault));
        Assert.Contains(names, fault!, StringComparison.Ordinal);
    }

    [Fact]
    public void Attack04_root_role_that_may_do_more_than_sign_roots_does_not_load()
    {
        var draft = RootDraft.Single("alice", Alice.Public) with { Roles = [("root", RootDraft.Role(["alice"], 1, "\"policy\":[{\"key\":\"*\"}]"))] };
        Assert.False(RootDraft.TryRead(draft.Text(), out _, out var fault));
        Assert.Contains("trust roots and nothing else", fault!, StringComparison.Ordinal);
    }

    [Fact]
    public void Attack03_key_of_two_holders_does_not_load()
    {
        var draft = Two() with { Holders = [("alice", [Alice.Public]), ("bob", [Alice.Public])] };
        Assert.False(RootDraft.TryRead(draft.Text(), out _, out var fault));
        Assert.Contains("stands twice", fault!, StringComparison.Ordinal);
    }

    [Fact]
    public void Attack03_key_under_another_id_does_not_load()
    {
        Assert.False(RootDraft.TryRead(Good.Replace(Alice.Public.Id.ToString(), Bob.Public.Id.ToString(), StringComparison.Ordinal), out _, out var fault));
        Assert.Contains("key_id must be", fault!, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("0100000000000000000000000000000000000000000000000000000000000000")]
    [InlineData("eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")]
    [InlineData("b502ff3d92e31d8190b4aa4ea0414005167fad089c4de9dac8a2fc850fed4f58")]
    public void Attack02_bad_public_key_does_not_load(string hex)
    {
        string bad = Good.Replace(Convert.ToBase64String(Alice.Public.Raw), Convert.ToBase64String(Convert.FromHexString(hex)), StringComparison.Ordinal);
        Assert.False(RootDraft.TryRead(bad, out _, out var fault));
        Assert.Contains("not a valid Ed25519 public key", fault!, StringComparison.Ordinal);
    }

    [Fact]
    public void Attack07_revoked_key_that_is_active_does_not_load()
    {
        Assert.False(RootDraft.TryRead((Two() with { Revoked = [(Alice.Public.Id, 3)] }).Text(), out _, out var fault));
        Assert.Contains("revoked, and alice holds it", fault!, StringComparison.Ordinal);
    }

    [Fact]
    public void Seventeen_keys_do_not_load_and_sixteen_do()
    {
        VerifyingKey[] keys = [.. Enumerable.Range(0, 17).Select(_ => SigningKey.Generate().Public)];
        Assert.False(RootDraft.TryRead(RootDraft.Single("alice", keys).Text(), out _, out _));
        Assert.True(RootDraft.TryRead(RootDraft.Single("alice", keys[1..]).Text(), out _, out var fault), fault);
        var many = RootDraft.Single("a0", keys[0]) with { Holders = [.. keys.Select((key, i) => ($"a{i}", new[] { key }))] };
        Assert.False(RootDraft.TryRead(many.Text(), out _, out _));
    }

    [Fact]
    public void Document_beyond_its_size_does_not_load()
    {
        string grants = string.Join(',', Enumerable.Range(0, 64).Select(i => $$"""{"key":"K{{i}}","values":["{{new string('x', 60)}}"]}"""));
        var roles = Enumerable.Range(0, 10).Select(i => ($"r{i}", RootDraft.Role(["alice"], 1, $"\"policy\":[{grants}]")));
        var draft = Two() with { Roles = [.. Two().Roles, .. roles] };
        Assert.False(RootDraft.TryRead(draft.Text(), out _, out var fault));
        Assert.Contains("57344", fault!, StringComparison.Ordinal);
    }

    private static RootDraft Two() => new()
    {
        Holders = [("alice", [Alice.Public]), ("bob", [Bob.Public])],
        Roles =
        [
            ("root", RootDraft.Role(["alice", "bob"], 2)),
            ("operator", RootDraft.Role(["alice"], 1, "\"commands\":[\"*\"],\"policy\":[{\"key\":\"*\"}]")),
        ],
    };
}
