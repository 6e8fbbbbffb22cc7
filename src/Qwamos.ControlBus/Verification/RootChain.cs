using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Trust;

namespace Qwamos.ControlBus.Verification;

/// <summary>
/// Whether a trust root may take the place of the one in force (TUF 1.0.33, section 5.3): exactly the next version, of this system, not expired, signed by the
/// threshold of both root roles (ATTACKS 6). Revocations stay. Pure; costs a verification for each signature, at most 16.
/// </summary>
public static class RootChain
{
    /// <summary>Null when <paramref name="next"/> may take the place of <paramref name="current"/>.</summary>
    /// <param name="current">The one in force.</param>
    /// <param name="next">Whose form was read.</param>
    /// <param name="systemId">This system's.</param>
    /// <param name="nowSeconds">The effective time, unix seconds.</param>
    /// <param name="mayBeExpired">
    /// For who only follows (TUF 5.3.8): an expired version is the step to the next, and to stay with the one before would be to go on believing keys that are known
    /// to have left. In force, it lets nothing through but its successor.
    /// </param>
    public static Refusal? Refusal(TrustRoot current, SignedRoot next, string? systemId, long nowSeconds, bool mayBeExpired = false) =>
        PlaceRefusal(current, RootPlace.Of(next.Root), systemId, nowSeconds, mayBeExpired)
        ?? CurrentRefusal(current, next.Root.Version, next.Signatures, next.Root.SignedBytes())
        ?? RevivalRefusal(current, next.Root)
        ?? OwnRefusal(current, next);

    /// <summary>
    /// Why one that waits for signatures would be refused whoever else signs it, in one sentence: a key revived, a signature that does not hold or is a stranger's. Null
    /// when it would not. <see cref="Refusal"/> says first that signers are missing, and looks no further.
    /// </summary>
    public static string? WaitingFault(TrustRoot current, SignedRoot next)
    {
        if (RevivalRefusal(current, next.Root) is { } revival)
            return revival.Reason;
        byte[] signed = next.Root.SignedBytes();
        foreach (RootSignature signature in next.Signatures)
        {
            if (Find(current, next.Root, signature.Key) is not { } key)
                return $"a signature is by the key {signature.Key}, which neither version lists";
            if (!key.Verify(signed, signature.Bytes.Span))
                return $"the signature by the key {signature.Key} does not hold";
        }
        return null;
    }

    /// <summary>Whether it is the one in force, which changes nothing and is no fault.</summary>
    public static bool IsSame(TrustRoot current, TrustRoot other) => current.Version == other.Version && current.Hash == other.Hash;

    /// <summary>Who of the two root roles is missing under a trust root that waits for signatures; none when it has all. Bad signatures count for nobody.</summary>
    public static IReadOnlyList<MissingSigners> Missing(TrustRoot current, SignedRoot next)
    {
        byte[] signed = next.Root.SignedBytes();
        return Missing(current, next.Root, [.. next.Signatures.Where(signature => Find(current, next.Root, signature.Key)?.Verify(signed, signature.Bytes.Span) == true)]);
    }

    private static List<MissingSigners> Missing(TrustRoot current, TrustRoot next, IReadOnlyList<RootSignature> good)
    {
        var missing = new List<MissingSigners>();
        foreach ((TrustRoot root, string under) in new[] { (current, $"version {current.Version}"), (next, "itself") })
        {
            HashSet<string> holders = [.. good.Select(signature => root.HolderOf(signature.Key)).OfType<string>()];
            if (!root.RootRole.IsMetBy(holders))
                missing.Add(Authority.Nearest($"trust root {next.Version}, under {under},", [root.RootRole], holders));
        }
        return missing;
    }

    private static VerifyingKey? Find(TrustRoot current, TrustRoot next, KeyId id) => current.FindKey(id) ?? next.FindKey(id);

    /// <summary>Whether it is the next one, by what stands at its head.</summary>
    internal static Refusal? PlaceRefusal(TrustRoot current, RootPlace next, string? systemId, long now, bool mayBeExpired)
    {
        if (next.SystemId != systemId)
            return new Refusal(ErrorCode.WrongSystem, "the trust root is another system's");
        if (next.Version == current.Version)
            return new Refusal(ErrorCode.Fork, $"another trust root of version {next.Version} is in force here: {current.Hash}", Extra: VersionHere(current));
        if (next.Version < current.Version)
            return new Refusal(ErrorCode.Superseded, $"the trust root has version {next.Version}; version {current.Version} is in force here", Extra: VersionHere(current));
        if (next.Version != current.Version + 1)
            return new Refusal(
                ErrorCode.Unproven, $"the trust root has version {next.Version}; version {current.Version} is in force here, and the ones between must come first, in their order",
                Extra: VersionHere(current));
        if (current.IsImplicit && current.CreatedSeconds >= next.CreatedSeconds)
            return new Refusal(ErrorCode.Superseded, "the trust root was drawn up before root had the trust begin anew here: draw up another one: qwamosctl trust init", Extra: VersionHere(current));
        if (next.CreatedSeconds > now + Limits.FreshnessWindowSeconds)
            return new Refusal(ErrorCode.FromFuture, $"the trust root was drawn up {next.CreatedSeconds - now} s from now; {Limits.FreshnessWindowSeconds} s are allowed");
        return next.ExpiresSeconds < now && !mayBeExpired ? new Refusal(ErrorCode.Expired, $"the trust root expired {now - next.ExpiresSeconds} s ago") : null;
    }

    /// <summary>Whoever brings versions sees from it with which to begin.</summary>
    private static KeyValuePair<string, JsonValue>[] VersionHere(TrustRoot current) => [KeyValuePair.Create("version", JsonValue.Of(current.Version))];

    private static Refusal? RevivalRefusal(TrustRoot current, TrustRoot next)
    {
        foreach (Revocation revocation in current.Revoked)
        {
            if (next.RevocationOf(revocation.Key) is not { } kept || kept.FromIndex > revocation.FromIndex)
                return Envelopes.Refusal.BadRequest($"the trust root revives the key {revocation.Key}, which is revoked from entry {revocation.FromIndex} on");
        }
        return null;
    }

    /// <summary>
    /// Whether enough holders of the version in force are named under it, and their signatures hold. Nobody else's is looked at before: a stranger's trust root
    /// costs no verification, or one.
    /// </summary>
    internal static Refusal? CurrentRefusal(TrustRoot current, long version, IReadOnlyList<RootSignature> signatures, byte[] signed)
    {
        HashSet<string> holders = [.. signatures.Select(signature => current.HolderOf(signature.Key)).OfType<string>()];
        if (!current.RootRole.IsMetBy(holders))
            return Authority.Refuse([Authority.Nearest($"trust root {version}, under version {current.Version},", [current.RootRole], holders)]);
        foreach (RootSignature signature in signatures)
        {
            if (current.FindKey(signature.Key) is { } key && !key.Verify(signed, signature.Bytes.Span))
                return Bad(signature.Key);
        }
        return null;
    }

    /// <summary>The same under itself, and that no other signature stands there.</summary>
    private static Refusal? OwnRefusal(TrustRoot current, SignedRoot next)
    {
        foreach (RootSignature signature in next.Signatures)
        {
            if (Find(current, next.Root, signature.Key) is null)
                return new Refusal(ErrorCode.UnknownKey, $"a signature is by the key {signature.Key}, which neither version lists");
        }
        List<MissingSigners> missing = Missing(current, next.Root, next.Signatures);
        if (missing.Count > 0)
            return Authority.Refuse(missing);
        byte[] signed = next.Root.SignedBytes();
        foreach (RootSignature signature in next.Signatures)
        {
            if (current.FindKey(signature.Key) is null && !next.Root.FindKey(signature.Key)!.Verify(signed, signature.Bytes.Span))
                return Bad(signature.Key);
        }
        return null;
    }

    private static Refusal Bad(KeyId key) => new(ErrorCode.BadSignature, $"the signature by the key {key} does not hold");
}
