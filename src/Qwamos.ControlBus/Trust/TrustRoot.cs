using System.Collections.Frozen;
using System.Globalization;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Keys;

namespace Qwamos.ControlBus.Trust;

/// <summary>
/// Who holds which keys, and who may sign what: one version of it (docs/formats/trust.md). Immutable. As read, its form is checked and nothing of it is
/// believed: that it follows the version before is the verifier's to see.
/// </summary>
public sealed class TrustRoot
{
    /// <summary>The name of the one holder of <see cref="Implicit"/>.</summary>
    public const string FirstHolder = "dom0";

    private readonly FrozenDictionary<KeyId, (Holder Holder, VerifyingKey Key)> _keys;
    private readonly FrozenDictionary<KeyId, Revocation> _revoked;

    internal TrustRoot(
        string? systemId, long version, long createdSeconds, long expiresSeconds, Baseline baseline,
        IReadOnlyList<Holder> holders, IReadOnlyList<Role> roles, IReadOnlyList<Revocation> revoked, JsonValue document, byte[] canonical)
    {
        SystemId = systemId;
        Version = version;
        CreatedSeconds = createdSeconds;
        ExpiresSeconds = expiresSeconds;
        Baseline = baseline;
        Holders = holders;
        Roles = roles;
        Revoked = revoked;
        Document = document;
        Canonical = canonical;
        Hash = Convert.ToHexStringLower(Primitives.Sha256(canonical));
        RootRole = roles.First(role => role.Name == Role.Root);
        Keys = [.. holders.SelectMany(holder => holder.Keys)];
        _keys = holders.SelectMany(holder => holder.Keys, (holder, key) => (holder, key)).ToFrozenDictionary(pair => pair.key.Id, pair => pair);
        _revoked = revoked.ToFrozenDictionary(revocation => revocation.Key);
    }

    /// <summary>
    /// What is in force while there is no trust root: whoever holds the enrolled key may sign everything. Version 0, of no particular system, without an end.
    /// </summary>
    /// <param name="keys">The enrolled key; where several are believed, they are one holder's.</param>
    /// <param name="begunSeconds">When root had the trust begin anew, unix seconds: what was drawn up until then is nothing any more. 0 where it never did.</param>
    public static TrustRoot Implicit(IReadOnlyList<VerifyingKey> keys, long begunSeconds = 0) => new(
        null, 0, begunSeconds, Limits.MaxSafeInteger, new Baseline(0, "", FrozenDictionary<string, string>.Empty),
        [new Holder(FirstHolder, keys)],
        [new Role(Role.Root, [FirstHolder], 1, [], []), new Role("operator", [FirstHolder], 1, ["*"], [PolicyGrant.Everything])],
        [], JsonValue.Object(), []);

    /// <summary>32 lower-case hex digits; null for <see cref="Implicit"/>.</summary>
    public string? SystemId { get; }

    /// <summary>1 for the first, each the one before and 1; 0 for <see cref="Implicit"/>.</summary>
    public long Version { get; }

    /// <summary>When it was drawn up, unix seconds; of <see cref="Implicit"/>, when root had the trust begin anew.</summary>
    public long CreatedSeconds { get; }

    /// <summary>Unix seconds, inclusive. After it only the next trust root is accepted.</summary>
    public long ExpiresSeconds { get; }

    /// <summary>The day of that, in UTC.</summary>
    public string ExpiresOn => DateTimeOffset.FromUnixTimeSeconds(Math.Min(ExpiresSeconds, Limits.MaxShownSeconds)).ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);

    public Baseline Baseline { get; }

    public IReadOnlyList<Holder> Holders { get; }

    public IReadOnlyList<Role> Roles { get; }

    /// <summary>The role that signs the next version.</summary>
    public Role RootRole { get; }

    public IReadOnlyList<Revocation> Revoked { get; }

    /// <summary>The active keys, at most 16.</summary>
    public IReadOnlyList<VerifyingKey> Keys { get; }

    /// <summary>True where nobody drew up a trust root.</summary>
    public bool IsImplicit => Version == 0;

    /// <summary>The document as it stood.</summary>
    public JsonValue Document { get; }

    /// <summary>JCS (RFC 8785) of the document: what is signed, after the purpose.</summary>
    public ReadOnlyMemory<byte> Canonical { get; }

    /// <summary>SHA-256 of <see cref="Canonical"/>, 64 lower-case hex digits: what people compare.</summary>
    public string Hash { get; }

    /// <summary>An active key; null for any other.</summary>
    public VerifyingKey? FindKey(KeyId id) => _keys.TryGetValue(id, out var found) ? found.Key : null;

    /// <summary>The name of the holder of an active key; null for any other key.</summary>
    public string? HolderOf(KeyId id) => _keys.TryGetValue(id, out var found) ? found.Holder.Name : null;

    /// <summary>From when on a key is revoked; null for one that is not.</summary>
    public Revocation? RevocationOf(KeyId id) => _revoked.GetValueOrDefault(id);

    /// <summary>The bytes that are signed.</summary>
    public byte[] SignedBytes() => SigningPurposes.SignedBytes(SigningPurpose.TrustRoot, Canonical.Span);
}
