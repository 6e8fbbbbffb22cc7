using System.Globalization;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Policy;
using Qwamos.ControlBus.Trust;

namespace Qwamos.Daemon.Restoring;

/// <summary>
/// What a restore takes back of who may sign (ATTACKS 7, 13): later versions of the trust root, and with them what they revoked. Told before anything is changed: a key that was
/// stolen would sign again, and the ledger that comes back knows nothing of that.
/// </summary>
/// <param name="Present">What the present ledger says; null when there is none that can be read.</param>
/// <param name="Booted">What the boot saw in force; null when it saw none.</param>
/// <param name="Restored">What FILE says.</param>
/// <param name="Anchor">The enrolled key, which signs alone where FILE has no trust root.</param>
internal sealed record TrustLoss(RecordedTrust? Present, SeenTrust? Booted, RecordedTrust Restored, KeyId Anchor)
{
    /// <summary>Begins the line of what counts again.</summary>
    internal const string Unrevoked = "UN-REVOKED";

    private const string Who = "the trust root";

    private List<long> Lost => Present is { } present ? Later(present, Restored) : [];

    private long Known => Math.Max(Present?.Version ?? 0, Booted?.Version ?? 0);

    private bool HasBegunAnew => Present is { } present && present.BegunSeconds > Restored.BegunSeconds;

    /// <summary>The versions that only one ledger has, and that the other can take after its own; none where the trust began anew between the two.</summary>
    public static List<long> Later(RecordedTrust lost, RecordedTrust restored)
    {
        List<long> later = [];
        for (var version = restored.Version + 1; version <= lost.Version && lost.BegunSeconds == restored.BegunSeconds; version++)
            later.Add(version);
        return later;
    }

    /// <summary>Lines of the comparison; none where there was never a trust root.</summary>
    public IEnumerable<string> Lines()
    {
        if (Known == 0 && Restored.Version == 0 && !HasBegunAnew)
            yield break;
        yield return Line(Who, $"{(Present is { } known ? Version(known.Version) : "not known")} in the present ledger, {(Booted is { } seen ? Version(seen.Version) : "none")} at the last boot, {Version(Restored.Version)} in FILE");
        if (HasBegunAnew)
            yield return Line(Who, "began anew after FILE was made, which FILE does not have: after the restore, have it begin anew once more, with `qwamosd enroll FILE --replace`, before the daemon is started");
        foreach (Revocation revocation in Present?.Root?.Revoked ?? [])
        {
            if (Restored.Root?.RevocationOf(revocation.Key) is not { } kept || kept.FromIndex > revocation.FromIndex)
                yield return Line(Unrevoked, string.Create(CultureInfo.InvariantCulture, $"{revocation.Key}, revoked from entry {revocation.FromIndex} on: {Fate(revocation.Key)}"));
        }
        if (Known > Restored.Version && !HasBegunAnew)
        {
            yield return Line(Who, Lost is { Count: > 0 } lost
                ? $"{Versions(lost)} must be sent again, in order, before anything else is: the restore keeps the files and says the commands"
                : $"versions up to {Known} were in force, and no ledger here has them: whoever signed them, or a gateway, has their documents; send each again, in order, before anything else is: qwamosctl send FILE");
        }
    }

    private static string Versions(List<long> versions) => versions.Count == 1 ? Version(versions[0]) : string.Create(CultureInfo.InvariantCulture, $"versions {versions[0]} to {versions[^1]}");

    private string Fate(KeyId key) => Restored.Root is { } root
        ? root.HolderOf(key) is { } holder ? $"FILE does not revoke it, and lets it sign, as {holder}'s" : "FILE does not revoke it"
        : key == Anchor ? "in FILE it signs everything, alone" : "FILE does not revoke it";

    private static string Version(long version) => version == 0 ? "none" : string.Create(CultureInfo.InvariantCulture, $"version {version}");

    private static string Line(string who, string words) => new Sighting(who, words, IsAgainst: false).Line;
}
