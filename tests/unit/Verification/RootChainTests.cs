using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Tests.Trust;
using Qwamos.ControlBus.Trust;
using Qwamos.ControlBus.Verification;
using Xunit;

namespace Qwamos.ControlBus.Tests.Verification;

public sealed class RootChainTests
{
    private const long Now = RootDraft.Created;
    private static readonly SigningKey First = SigningKey.Generate();
    private static readonly SigningKey Alice = SigningKey.Generate();
    private static readonly SigningKey AliceToo = SigningKey.Generate();
    private static readonly SigningKey Bob = SigningKey.Generate();
    private static readonly SigningKey Carol = SigningKey.Generate();
    private static readonly TrustRoot Anchor = TrustRoot.Implicit([First.Public]);
    private static readonly TrustRoot Three = Group(2).Root();

    [Fact]
    public void First_version_needs_the_enrolled_key_and_its_own_holders()
    {
        Assert.Null(Code(Anchor, Group(1).Signed(First, Alice, Bob)));
        Assert.Equal(ErrorCode.NotAuthorised, Code(Anchor, Group(1).Signed(First, Alice)));
        Assert.Equal(ErrorCode.NotAuthorised, Code(Anchor, Group(1).Signed(Alice, Bob)));
        Assert.Equal(ErrorCode.UnknownKey, Code(Anchor, Group(1).Signed(SigningKey.Generate(), First, Alice, Bob)));
    }

    [Fact]
    public void Attack06_skipped_forked_or_older_version_is_refused()
    {
        Assert.Equal(ErrorCode.Unproven, Code(Three, Group(4).Signed(Alice, Bob)));
        Assert.Equal(ErrorCode.Fork, Code(Three, (Group(2) with { ExpiresSeconds = Now + 7 }).Signed(Alice, Bob)));
        Assert.Equal(ErrorCode.Superseded, Code(Three, Group(1).Signed(Alice, Bob)));
        Assert.True(RootChain.IsSame(Three, Group(2).Root()));
    }

    [Fact]
    public void Attack06_signed_by_the_old_holders_only_or_the_new_ones_only_is_refused()
    {
        SigningKey[] others = [SigningKey.Generate(), SigningKey.Generate(), SigningKey.Generate()];
        var next = Group(3, others);
        Assert.Equal(ErrorCode.NotAuthorised, Code(Three, next.Signed(Alice, Bob)));
        Assert.Equal(ErrorCode.NotAuthorised, Code(Three, next.Signed(others[0], others[1])));
        Assert.Equal(ErrorCode.NotAuthorised, Code(Three, next.Signed(Alice, others[0], others[1])));
        Assert.Null(Code(Three, next.Signed(Alice, Bob, others[0], others[1])));
    }

    [Fact]
    public void Attack03_two_keys_of_one_holder_count_once()
    {
        var current = Group(2, [Alice, Bob, Carol], [AliceToo]).Root();
        var next = Group(3, [Alice, Bob, Carol], [AliceToo]);
        Assert.Equal(ErrorCode.NotAuthorised, Code(current, next.Signed(Alice, AliceToo)));
        Assert.Null(Code(current, next.Signed(Alice, AliceToo, Carol)));
    }

    [Fact]
    public void Attack05_no_bad_repeated_or_stripped_signature_counts()
    {
        var good = Group(3).Signed(Alice, Bob);
        Assert.Null(Code(Three, good));
        var parts = good.Signatures.Select(signature => (signature.Key, Convert.ToBase64String(signature.Bytes.Span))).ToArray();
        Assert.Equal(ErrorCode.BadSignature, Code(Three, Listed(good, (parts[0].Key, parts[1].Item2), parts[1])));
        Assert.Equal(ErrorCode.NotAuthorised, Code(Three, Listed(good, parts[0])));
        Assert.False(SignedRoot.TryRead(Document(good, parts[0], parts[0]), out _, out var twice));
        Assert.Contains("twice", twice, StringComparison.Ordinal);
        Assert.False(SignedRoot.TryRead(Document(good), out _, out _));
    }

    [Fact]
    public void Attack08_signature_for_another_purpose_does_not_count()
    {
        var good = Group(3).Signed(Alice, Bob);
        foreach (byte[] signed in new[] { good.Root.Canonical.ToArray(), SigningPurposes.SignedBytes(SigningPurpose.LedgerKey, good.Root.Canonical.Span) })
            Assert.Equal(ErrorCode.BadSignature, Code(Three, Listed(good, (Alice.Public.Id, Convert.ToBase64String(Alice.Sign(signed))), (Bob.Public.Id, Convert.ToBase64String(good.Signatures[1].Bytes.Span)))));
    }

    [Fact]
    public void Attack12_expired_or_future_root_never_takes_its_place()
    {
        Assert.Equal(ErrorCode.Expired, Code(Three, (Group(3) with { ExpiresSeconds = Now + 5 }).Signed(Alice, Bob), Now + 6));
        Assert.Null(Code(Three, (Group(3) with { ExpiresSeconds = Now + 5 }).Signed(Alice, Bob), Now + 5));
        Assert.Equal(ErrorCode.FromFuture, Code(Three, (Group(3) with { CreatedSeconds = Now + 301 }).Signed(Alice, Bob)));
        // The one in force may have expired: else nobody could ever renew it.
        Assert.Null(Code(Three, (Group(3) with { ExpiresSeconds = Now + (9 * RootDraft.Year) }).Signed(Alice, Bob), Now + (3 * RootDraft.Year)));
    }

    [Fact]
    public void Attack11_root_of_another_system_is_refused() =>
        Assert.Equal(ErrorCode.WrongSystem, Code(Three, (Group(3) with { System = new string('a', 32) }).Signed(Alice, Bob)));

    [Fact]
    public void Attack07_revocation_is_never_taken_back_or_moved_later()
    {
        var gone = SigningKey.Generate().Public.Id;
        var current = (Group(2) with { Revoked = [(gone, 9)] }).Root();
        Assert.Equal(ErrorCode.BadRequest, Code(current, Group(3).Signed(Alice, Bob)));
        Assert.Equal(ErrorCode.BadRequest, Code(current, (Group(3) with { Revoked = [(gone, 10)] }).Signed(Alice, Bob)));
        Assert.Null(Code(current, (Group(3) with { Revoked = [(gone, 9)] }).Signed(Alice, Bob)));
        Assert.Null(Code(current, (Group(3) with { Revoked = [(gone, 4)] }).Signed(Alice, Bob)));
    }

    [Fact]
    public void Attack06_history_of_fifty_versions_is_walked_step_by_step_and_knows_what_was_in_force()
    {
        var history = RootHistory.Of(First.Public);
        SigningKey before = First;
        var keys = new List<SigningKey> { First };
        for (int version = 1; version <= 50; version++)
        {
            SigningKey key = SigningKey.Generate();
            keys.Add(key);
            var root = (RootDraft.Single("dom0", key.Public) with { Version = version }).Signed(before, key);
            if (version < 50)
                Assert.Equal(ErrorCode.Unproven, history.TryExtend(version * 10, Now, (RootDraft.Single("dom0", key.Public) with { Version = version + 1 }).Signed(before, key), RootDraft.ThisSystem, out _)!.Code);
            Assert.Null(history.TryExtend(version * 10, Now, root, RootDraft.ThisSystem, out history));
            before = key;
        }
        Assert.Equal(50, history.Current.Version);
        Assert.NotNull(history.InForce(10).FindKey(First.Public.Id));
        Assert.NotNull(history.InForce(11).FindKey(keys[1].Public.Id));
        Assert.Null(history.InForce(21).FindKey(keys[1].Public.Id));
        Assert.NotNull(history.InForce(10_000).FindKey(keys[50].Public.Id));
    }

    [Fact]
    public void Attack13_version_from_before_the_trust_began_anew_never_counts_again()
    {
        var dead = Group(1).Signed(First, Alice, Bob);
        var anew = RootHistory.Of(First.Public).BeginAnew(Now);
        Assert.Equal(ErrorCode.Superseded, anew.TryExtend(9, Now + 5, dead, RootDraft.ThisSystem, out _)!.Code);
        Assert.Null(anew.TryExtend(9, Now + 5, (Group(1) with { CreatedSeconds = Now + 1 }).Signed(First, Alice, Bob), RootDraft.ThisSystem, out _));
        Assert.Equal(ErrorCode.Superseded, anew.BeginAnew(Now - 50).TryExtend(9, Now + 5, dead, RootDraft.ThisSystem, out _)!.Code);
    }

    [Fact]
    public void Missing_names_who_could_still_sign()
    {
        var missing = RootChain.Missing(Three, Group(3).Signed(Bob));
        Assert.Equal(2, missing.Count);
        Assert.Equal(["bob"], missing[0].Have);
        Assert.Equal(["alice", "carol"], missing[0].From);
        Assert.Empty(RootChain.Missing(Three, Group(3).Signed(Bob, Carol)));
    }

    private static RootDraft Group(long version, SigningKey[]? keys = null, SigningKey[]? more = null)
    {
        keys ??= [Alice, Bob, Carol];
        return new RootDraft
        {
            Version = version,
            Holders = [("alice", [keys[0].Public, .. (more ?? []).Select(key => key.Public)]), ("bob", [keys[1].Public]), ("carol", [keys[2].Public])],
            Roles =
            [
                ("root", RootDraft.Role(["alice", "bob", "carol"], 2)),
                ("operator", RootDraft.Role(["alice", "bob", "carol"], 1, "\"commands\":[\"*\"],\"policy\":[{\"key\":\"*\"}]")),
            ],
        };
    }

    private static ErrorCode? Code(TrustRoot current, SignedRoot next, long now = Now) => RootChain.Refusal(current, next, RootDraft.ThisSystem, now)?.Code;

    private static SignedRoot Listed(SignedRoot root, params (KeyId Key, string Signature)[] signatures)
    {
        Assert.True(SignedRoot.TryRead(Document(root, signatures), out var read, out var fault), fault);
        return read;
    }

    private static JsonValue Document(SignedRoot root, params (KeyId Key, string Signature)[] signatures) => JsonValue.Object(
    [
        ("root", root.Root.Document),
        ("signatures", JsonValue.Array(signatures.Select(pair => JsonValue.Object([("key_id", JsonValue.Of(pair.Key.ToString())), ("signature", JsonValue.Of(pair.Signature))])))),
    ]);
}
