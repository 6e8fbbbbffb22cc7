using System.Globalization;
using Qwamos.Client.Auditing;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Trust;

namespace Qwamos.Client.Trusting;

/// <summary>What one version of the trust root says otherwise than another, a sentence each, what matters most first.</summary>
internal static class RootDiff
{
    /// <summary>Never none where the documents say different things: the bytes decide, not these words.</summary>
    public const string Unshown = "something else differs that this program does not show: compare the documents";

    public static List<string> Of(TrustRoot before, TrustRoot after)
    {
        List<string> holders = [.. Holders(before, after)], roles = [.. Roles(before, after)], revoked = [.. Revoked(before, after)];
        // What stands for the version before the first has no document.
        var isUnshown = !before.IsImplicit
            && ((holders.Count == 0 && Differ(before, after, "holders")) || (roles.Count == 0 && Differ(before, after, "roles")) || (revoked.Count == 0 && Differ(before, after, "revoked")));
        return [.. holders, .. roles, .. revoked, .. isUnshown ? [Unshown] : Array.Empty<string>(), .. End(before, after)];
    }

    /// <summary>Whether two versions say the same about who signs what, whatever their times and baselines.</summary>
    public static bool SaysSame(TrustRoot one, TrustRoot other) => !Differ(one, other, "holders") && !Differ(one, other, "roles") && !Differ(one, other, "revoked");

    private static bool Differ(TrustRoot before, TrustRoot after, string member) =>
        !before.Document.TryGet(member, out var was) || !after.Document.TryGet(member, out var now) || !CanonicalJson.Write(was).AsSpan().SequenceEqual(CanonicalJson.Write(now));

    private static IEnumerable<string> Revoked(TrustRoot before, TrustRoot after) =>
    [
        .. after.Revoked.Where(revocation => before.RevocationOf(revocation.Key) is null)
            .Select(revocation => string.Create(CultureInfo.InvariantCulture, $"the key {revocation.Key} is REVOKED from entry {revocation.FromIndex} on")),
        .. after.Revoked.Where(revocation => before.RevocationOf(revocation.Key) is { } earlier && earlier.FromIndex != revocation.FromIndex)
            .Select(revocation => string.Create(CultureInfo.InvariantCulture, $"the key {revocation.Key} is revoked from entry {revocation.FromIndex} on, not {before.RevocationOf(revocation.Key)!.FromIndex}")),
    ];

    private static string[] End(TrustRoot before, TrustRoot after) =>
    [
        .. before.IsImplicit || before.ExpiresSeconds == after.ExpiresSeconds ? [] : (string[])[$"it ends {AuditText.Time(after.ExpiresSeconds)}, not {AuditText.Time(before.ExpiresSeconds)}"],
    ];

    private static IEnumerable<string> Holders(TrustRoot before, TrustRoot after)
    {
        foreach (var holder in before.Holders.Where(holder => after.Holders.All(other => other.Name != holder.Name)))
            yield return Renamed(before, after, holder) is { } now ? before.IsImplicit ? $"the enrolled key is {now.Name}'s" : $"{holder.Name} is called {now.Name}" : $"{holder.Name} LEAVES, and {Keys(holder.Keys.Count)} no more";
        foreach (var holder in after.Holders)
        {
            var earlier = before.Holders.FirstOrDefault(other => other.Name == holder.Name);
            if (earlier is null && before.Holders.Any(other => Renamed(before, after, other) == holder))
                continue;
            foreach (var key in holder.Keys.Where(key => before.FindKey(key.Id) is null || before.HolderOf(key.Id) != holder.Name))
                yield return $"{holder.Name} {(earlier is null ? "JOINS with" : "gets")} the key {key.Id}";
            foreach (var key in earlier?.Keys.Where(key => after.FindKey(key.Id) is null) ?? [])
                yield return $"{holder.Name} loses the key {key.Id}";
        }
    }

    /// <summary>Who has the very keys of one that is gone.</summary>
    private static Holder? Renamed(TrustRoot before, TrustRoot after, Holder gone) => after.Holders.FirstOrDefault(
        other => before.Holders.All(earlier => earlier.Name != other.Name) && other.Keys.Select(key => key.Id).ToHashSet().SetEquals(gone.Keys.Select(key => key.Id)));

    private static IEnumerable<string> Roles(TrustRoot before, TrustRoot after)
    {
        if (before.IsImplicit)
            yield return "no more: whoever holds the enrolled key signs everything alone";
        foreach (var role in before.IsImplicit ? [] : before.Roles.Where(role => after.Roles.All(other => other.Name != role.Name)))
            yield return $"the role {role.Name} is no more: it signed {string.Join("; ", RootText.Rules(role))}";
        foreach (var role in after.Roles)
        {
            var earlier = before.IsImplicit ? null : before.Roles.FirstOrDefault(other => other.Name == role.Name);
            var (was, now) = (earlier is null ? [] : RootText.Rules(earlier).ToList(), RootText.Rules(role).ToList());
            foreach (var rule in was.Except(now, StringComparer.Ordinal))
                yield return $"no more: {rule}";
            foreach (var rule in now.Except(was, StringComparer.Ordinal))
                yield return $"now: {rule}";
        }
    }

    private static string Keys(int count) => count == 1 ? "their key signs" : "their keys sign";
}
