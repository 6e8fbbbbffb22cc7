using System.Diagnostics.CodeAnalysis;
using Qwamos.Client.Trusting;
using Qwamos.ControlBus;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Verification;
using BusCommands = Qwamos.ControlBus.Envelopes.Commands;

namespace Qwamos.Client.Auditing;

/// <summary>Whose word this client takes for a ledger's key: that of the operator enrolled on this system and of its own key, or of whom the trust root says.</summary>
internal static class LedgerTrust
{
    public const string Pinned = "pinned, not signed";

    /// <summary>Whether such an operator signed it. One from the future would be newer than all that follow, and is nobody's word.</summary>
    public static bool Believes(Session session, [NotNullWhen(true)] LedgerKeyStatement? statement) =>
        statement is not null
        && statement.TimestampSeconds <= session.Now + Limits.FreshnessWindowSeconds
        && Operators(session).Any(statement.IsSignedBy);

    /// <summary>Whether a statement counts in place of another one about the same ledger: of two the later one does, and none against one.</summary>
    public static bool Replaces(Session session, [NotNullWhen(true)] LedgerKeyStatement? statement, LedgerKeyStatement? older) =>
        Believes(session, statement) && statement.TimestampSeconds > After(session, older);

    /// <summary>
    /// The time after which a statement must have been signed to count in the place of another one; -1 where that says nothing. The word of a key that is revoked by now is nobody's, but it
    /// was the newest: what another key said before it of a ledger's key that was left behind does not come back.
    /// </summary>
    public static long After(Session session, LedgerKeyStatement? older) =>
        older is not null && (Believes(session, older) || (older.TimestampSeconds <= session.Now + Limits.FreshnessWindowSeconds && KeptTrust.Known(session)?.RevocationOf(older.Signer) is not null))
            ? older.TimestampSeconds
            : -1;

    /// <summary>How a key is trusted that is kept in the key home.</summary>
    public static string Describe(Session session, LedgerKeyStatement? statement) =>
        Believes(session, statement) ? $"signed by {statement.Signer}" : Pinned;

    /// <summary>
    /// Where a trust root was seen: its holders who may say it alone, and the enrolled key until that is revoked, for a key that was replaced in order is not disowned.
    /// Else the enrolled key and the own one.
    /// </summary>
    private static IEnumerable<VerifyingKey> Operators(Session session)
    {
        var root = KeptTrust.Known(session);
        if (Anchor.TryLoad(session.Paths, null, out var enrolled, out _) && root?.RevocationOf(enrolled.Id) is null)
            yield return enrolled;
        if (root is null && new KeyHome(session.Home ?? KeyHome.DefaultDirectory).TryLoadPublic(out var own, out _))
            yield return own;
        foreach (var holder in root?.Holders.Where(holder => Authority.RolesFor(root, BusCommands.LedgerKey).Any(role => role.IsMetBy([holder.Name]))) ?? [])
        {
            foreach (var key in holder.Keys)
                yield return key;
        }
    }
}
