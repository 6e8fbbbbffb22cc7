using Qwamos.ControlBus;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Policy;
using Qwamos.ControlBus.Trust;
using Qwamos.Client.Talking;

namespace Qwamos.Client.Trusting;

/// <summary>A version of the trust root while it is drawn up. Immutable; what comes of it is read as any other is, so that nothing is signed that a daemon would refuse for its form.</summary>
/// <param name="Version">The one after the version in force.</param>
/// <param name="SystemId">This system's.</param>
/// <param name="CreatedSeconds">Now.</param>
/// <param name="ExpiresSeconds">Its end, inclusive.</param>
/// <param name="Baseline">What its signers saw of the ledger.</param>
/// <param name="Holders">Who, with which keys.</param>
/// <param name="Roles">Who together may sign what.</param>
/// <param name="Revoked">Keys that count no more.</param>
internal sealed record RootDraft(
    long Version, string SystemId, long CreatedSeconds, long ExpiresSeconds, Baseline Baseline, IReadOnlyList<Holder> Holders, IReadOnlyList<Role> Roles, IReadOnlyList<Revocation> Revoked)
{
    /// <summary>How long one lasts where nobody says.</summary>
    public const long DefaultLifetimeSeconds = 365 * 86_400;

    /// <summary>The version after the one in force, with nothing changed but what time changes. Its end is kept; one that has passed is a year from now.</summary>
    public static bool TryAfter(Session session, TrustInForce trust, PolicySchema schema, out RootDraft draft, out Failure failure)
    {
        (draft, failure) = (null!, null!);
        if (trust.SystemId is not { } system)
            return No("this system has no ID that is known here, and a trust root names its system", $"Give it one: {Anchor.EnrolLine(session.Paths, isGateway: false)}", out failure);
        if (trust.Status is not { } status || !TryReadBaseline(status, schema, out var baseline))
            return No("the daemon's status does not say how long its ledger is, so nothing can be drawn up on it", "See what answers: qwamosctl status", out failure);
        var now = session.Now;
        var expires = trust.Signed is not null && trust.Root.ExpiresSeconds > now ? trust.Root.ExpiresSeconds : now + DefaultLifetimeSeconds;
        draft = new RootDraft(trust.Root.Version + 1, system, now, expires, baseline, trust.Root.Holders, trust.Root.Roles, trust.Root.Revoked);
        return true;
    }

    /// <summary>What is in force, and the version after it.</summary>
    public static bool TryBegin(Session session, out TrustInForce trust, out RootDraft draft, out Failure failure)
    {
        draft = null!;
        if (!session.TryLoadSchema(out var schema, out failure))
        {
            trust = null!;
            return false;
        }
        if (!TrustSource.TryGet(session, out trust, out failure))
            return false;
        if (trust.Signed is not null)
            return TryAfter(session, trust, schema, out draft, out failure);
        failure = new Failure(ExitCode.Refused, "there is no trust root yet: the enrolled key alone signs", "Draw up the first one: qwamosctl trust init");
        return false;
    }

    /// <summary>Without a holder, who leaves every role; a role that nobody else has goes with them. False where a threshold could not be met any more.</summary>
    public bool TryWithout(string name, out RootDraft without, out Failure failure)
    {
        failure = null!;
        without = this with
        {
            Holders = [.. Holders.Where(holder => holder.Name != name)],
            Roles = [.. Roles.Select(role => role with { Holders = [.. role.Holders.Where(holder => holder != name)] })],
        };
        var unmet = without.Roles.FirstOrDefault(role => role.Threshold > role.Holders.Count);
        if (unmet is null)
            return true;
        failure = unmet.Holders.Count == 0
            ? new Failure(ExitCode.Refused, $"{name} alone has the role {unmet.Name}, and nobody could sign what it signs", "Add another holder first: qwamosctl trust add NAME=FILE")
            : new Failure(
                ExitCode.Refused, $"the role {unmet.Name} needs {unmet.Threshold} to sign, and without {name} it has {unmet.Holders.Count}",
                $"Add another holder first: qwamosctl trust add NAME=FILE; or let fewer sign: qwamosctl trust threshold {unmet.Name} {unmet.Holders.Count}");
        return false;
    }

    /// <summary>The document, not signed yet; false with a sentence when it does not hold together.</summary>
    public bool TryBuild(out SignedRoot root, out Failure failure)
    {
        failure = null!;
        if (SignedRoot.TryRead(JsonValue.Object([("root", ToJson()), ("signatures", JsonValue.Array())]), out root!, out var fault, mayBeUnsigned: true))
            return true;
        failure = new Failure(ExitCode.Refused, $"no trust root can say that: {fault}");
        return false;
    }

    /// <summary>What the daemon says of its ledger; a class with confidential values is left out, for the trust root is public.</summary>
    private static bool TryReadBaseline(AnswerReader status, PolicySchema schema, out Baseline baseline)
    {
        baseline = null!;
        if (status.NumberOf("size") is not ({ } size and >= 0) || status.TextOf("root_hash") is not { } hash || !status.HasObject("base"))
            return false;
        SortedDictionary<string, string> policy = new(StringComparer.Ordinal);
        foreach (var (name, value) in status.ObjectOf("base")?.Members ?? [])
        {
            if (value.TryGetString(out var digits) && !schema.Keys.Any(key => key.Class == name && key.IsConfidential))
                policy[name] = digits;
        }
        baseline = new Baseline(size, hash, policy);
        return true;
    }

    private JsonValue ToJson() => JsonValue.Object(
    [
        ("format", JsonValue.Of(1)),
        ("system", JsonValue.Of(SystemId)),
        ("version", JsonValue.Of(Version)),
        ("created", JsonValue.Of(CreatedSeconds)),
        ("expires", JsonValue.Of(ExpiresSeconds)),
        ("baseline", JsonValue.Object(
        [
            ("size", JsonValue.Of(Baseline.Size)),
            ("root_hash", JsonValue.Of(Baseline.RootHash)),
            ("policy", JsonValue.Object(Baseline.Policy.Select(pair => (pair.Key, JsonValue.Of(pair.Value))))),
        ])),
        ("holders", JsonValue.Object(Holders.Select(holder => (holder.Name, JsonValue.Array(holder.Keys.Select(ToJson)))))),
        ("roles", JsonValue.Object(Roles.Select(role => (role.Name, ToJson(role))))),
        ("revoked", JsonValue.Array(Revoked.Select(revocation => JsonValue.Object([("key_id", JsonValue.Of(revocation.Key.ToString())), ("from", JsonValue.Of(revocation.FromIndex))])))),
    ]);

    private static JsonValue ToJson(VerifyingKey key) => JsonValue.Object(
    [
        ("algorithm", JsonValue.Of("ed25519")),
        ("key_id", JsonValue.Of(key.Id.ToString())),
        ("public_key", JsonValue.Of(Convert.ToBase64String(key.Raw))),
    ]);

    private static JsonValue ToJson(Role role)
    {
        List<(string, JsonValue)> members = [("holders", JsonValue.Array(role.Holders)), ("threshold", JsonValue.Of(role.Threshold))];
        if (role.Commands.Count > 0)
            members.Add(("commands", JsonValue.Array(role.Commands)));
        if (role.Policy.Count > 0)
            members.Add(("policy", JsonValue.Array(role.Policy.Select(ToJson))));
        return JsonValue.Object(members);
    }

    private static JsonValue ToJson(PolicyGrant grant) => JsonValue.Object(
        grant.Values is null ? [("key", JsonValue.Of(grant.Key))] : [("key", JsonValue.Of(grant.Key)), ("values", JsonValue.Array(grant.Values))]);

    private static bool No(string why, string mend, out Failure failure)
    {
        failure = new Failure(ExitCode.Refused, why, mend);
        return false;
    }
}
