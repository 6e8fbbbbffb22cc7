using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Trust;

namespace Qwamos.ControlBus.Verification;

/// <summary>
/// What a trust root lets holders sign (docs/formats/trust.md). For each policy key of a change the most precise grant that covers its value decides; roles whose
/// grants are equally precise are alternatives. Pure.
/// </summary>
public static class Authority
{
    private const int MaxMissingInReason = 3;

    /// <summary>Why these holders may not sign the message, and who is missing; null when they may.</summary>
    public static Refusal? Refusal(TrustRoot root, Message message, IReadOnlyCollection<string> holders)
    {
        // Each change comes here: no enumerators, no closures.
        List<MissingSigners>? missing = null;
        if (message.Command == Commands.SetPolicy)
        {
            foreach (var (key, value) in message.Args!.Members)
                Require(key, RolesFor(root, key, value), holders, ref missing);
        }
        else
        {
            foreach ((string what, List<Role> roles) in Requirements(root, message))
                Require(what, roles, holders, ref missing);
        }
        return missing is null ? null : Refuse(missing);
    }

    private static void Require(string what, List<Role> roles, IReadOnlyCollection<string> holders, ref List<MissingSigners>? missing)
    {
        foreach (Role role in roles)
        {
            if (role.IsMetBy(holders))
                return;
        }
        (missing ??= []).Add(Nearest(what, roles, holders));
    }

    /// <summary>
    /// Whether everything that the message asks for needs two or more holders, whoever they are: only such a change may wait for its signers longer than a message is fresh.
    /// </summary>
    public static bool NeedsSeveral(TrustRoot root, Message message) =>
        message.Command == Commands.SetPolicy && !root.IsImplicit
        && Requirements(root, message).All(requirement => requirement.Roles.Count > 0 && requirement.Roles.All(role => role.Threshold > 1));

    /// <summary>What the message asks for, and the roles of which one must agree to each; none for a look without secrets.</summary>
    public static IEnumerable<(string What, List<Role> Roles)> Requirements(TrustRoot root, Message message)
    {
        if (message.Command == Commands.SetPolicy)
            return message.Args!.Members.Select(member => (member.Key, RolesFor(root, member.Key, member.Value)));
        return Commands.IsRead(message.Command) && !message.AsksToReveal ? [] : [(message.Command, RolesFor(root, message.Command))];
    }

    /// <summary>The roles that may set a policy key to a value.</summary>
    public static List<Role> RolesFor(TrustRoot root, string key, JsonValue value)
    {
        var found = new List<Role>();
        int best = -1;
        for (int i = 0; i < root.Roles.Count; i++)
        {
            Role role = root.Roles[i];
            for (int j = 0; j < role.Policy.Count; j++)
            {
                PolicyGrant grant = role.Policy[j];
                if (grant.Precision < best || !grant.Covers(key, value))
                    continue;
                if (grant.Precision > best)
                    found.Clear();
                best = grant.Precision;
                if (found.Count == 0 || found[^1] != role)
                    found.Add(role);
            }
        }
        return found;
    }

    /// <summary>The roles that may give a command.</summary>
    public static List<Role> RolesFor(TrustRoot root, string command) => [.. root.Roles.Where(role => role.Commands.Any(granted => NamePattern.Covers(granted, command)))];

    /// <summary>Whether the holder of a key may give a command alone; whoever is enrolled may while there is no trust root.</summary>
    public static bool MayGive(TrustRoot root, KeyId signer, string command) =>
        root.IsImplicit || (root.HolderOf(signer) is { } holder && RolesFor(root, command).Any(role => role.IsMetBy([holder])));

    /// <summary>The refusal that names who is missing.</summary>
    internal static Refusal Refuse(IReadOnlyList<MissingSigners> missing)
    {
        string more = missing.Count > MaxMissingInReason ? $"; and {missing.Count - MaxMissingInReason} more" : "";
        return new Refusal(
            ErrorCode.NotAuthorised, string.Join("; ", missing.Take(MaxMissingInReason).Select(item => item.Text)) + more,
            Extra: [KeyValuePair.Create("missing", JsonValue.Array(missing.Select(item => item.ToJson())))]);
    }

    /// <summary>The role that lacks the fewest.</summary>
    internal static MissingSigners Nearest(string what, IReadOnlyList<Role> roles, IReadOnlyCollection<string> holders)
    {
        Role? nearest = roles.MinBy(role => role.Threshold - role.Count(holders));
        return new MissingSigners(what, nearest, nearest is null ? [] : [.. nearest.Holders.Where(holders.Contains)]);
    }
}
