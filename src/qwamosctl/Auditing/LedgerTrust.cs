using System.Diagnostics.CodeAnalysis;
using Qwamos.ControlBus;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Keys;

namespace Qwamos.Client.Auditing;

/// <summary>Whose word this client takes for a ledger's key: that of the operator enrolled on this system, and of its own key.</summary>
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
        Believes(session, statement) && !(Believes(session, older) && older.TimestampSeconds >= statement.TimestampSeconds);

    /// <summary>How a key is trusted that is kept in the key home.</summary>
    public static string Describe(Session session, LedgerKeyStatement? statement) =>
        Believes(session, statement) ? $"signed by {statement.Signer}" : Pinned;

    private static IEnumerable<VerifyingKey> Operators(Session session)
    {
        if (Anchor.TryLoad(session.Paths, null, out var enrolled, out _))
            yield return enrolled;
        if (new KeyHome(session.Home ?? KeyHome.DefaultDirectory).TryLoadPublic(out var own, out _))
            yield return own;
    }
}
