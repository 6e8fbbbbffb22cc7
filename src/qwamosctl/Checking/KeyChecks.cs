using Qwamos.Client.Signing;
using Qwamos.Client.Trusting;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Keys;

namespace Qwamos.Client.Checking;

/// <summary>The operator's key, and whether it is the one that this system believes.</summary>
internal static class KeyChecks
{
    public static IEnumerable<Finding> Run(Session session)
    {
        KeyHome home = new(session.Home ?? KeyHome.DefaultDirectory);
        var own = Own(home, out var mine);
        yield return own;
        yield return WithoutLibsodium.IsInForce
            ? Finding.Doubtful("signing", PortableBuild.SignsOtherwise, "where you can, use a client with libsodium: docs/operations/packages.md")
            : Finding.Good("signing", "libsodium signs and verifies");
        yield return Enrolled(session, home, mine);
        yield return SystemId.TryLoad(session.Paths, out var id, out var fault)
            ? Finding.Good("system ID", id)
            : Finding.Bad("system ID", fault);
    }

    private static Finding Own(KeyHome home, out KeyId? id)
    {
        id = null;
        if (!home.TryOpen(out var key, out var fault))
            return Finding.Bad("key home", fault);
        using (key)
        {
            id = key.Id;
            return Finding.Good("key home", $"{home.Directory}: key {key.Id}{(key.Protected is null ? "" : ", protected by a passphrase")}");
        }
    }

    private static Finding Enrolled(Session session, KeyHome home, KeyId? mine)
    {
        if (WithoutLibsodium.IsInForce)
            return Finding.NotSeen("enrolled key", $"is not verified: {NoVerificationException.Why}");
        if (!Anchor.TryLoad(session.Paths, KeyHome.DefaultDirectory, out var anchor, out var fault))
            return Finding.Bad("enrolled key", fault.Text);
        if (mine is not { } id)
            return Finding.Doubtful("enrolled key", $"key {anchor.Id}, and there is none of yours to compare it with");
        if (KeptTrust.Known(session) is { } root)
        {
            return root.HolderOf(id) is { } holder
                ? Finding.Good("enrolled key", $"is where the trust root begins; your key is {holder}'s in version {root.Version}, the newest seen here")
                : Finding.Bad("enrolled key", $"is where the trust root begins, and version {root.Version} does not list your key: what you sign is refused", "qwamosctl trust status; use the key home of a holder's key with --home DIR");
        }
        var isNone = session.Paths.IsTrial && Posix.IsAbsent(session.Paths.AnchorFile);
        return id == anchor.Id
            ? Finding.Good("enrolled key", isNone ? "none yet, and this trial believes yours as long as no key is enrolled" : "is yours")
            : Finding.Bad("enrolled key", $"{(isNone ? "none yet, and this trial believes" : "is")} {anchor.Id}, not yours: what you sign is refused", OperatorKey.AdviceFor(session.Paths, home.PublicKeyFile, id));
    }
}
