namespace Qwamos.ControlBus.Audit;

/// <summary>The first thing found wrong, and where.</summary>
/// <param name="Place">The file in the export, or what was read.</param>
/// <param name="Index">The entry, when it is one.</param>
/// <param name="Reason">A sentence without its full stop.</param>
public sealed record AuditFault(string Place, long? Index, string Reason)
{
    /// <summary>How a sentence begins that says which key a checkpoint lacks the signature of.</summary>
    internal const string NotSignedBy = "it is not signed by the ledger's key";

    /// <summary>Whether a reason is that the checkpoint is signed by other keys only.</summary>
    public static bool IsOfOtherKey(string reason) => reason.StartsWith(NotSignedBy, StringComparison.Ordinal);

    /// <summary>Whether a reason is that an entry's signer is a key that the auditor did not name.</summary>
    public static bool IsUnknownSigner(string reason) => reason.EndsWith(EntryAuditor.NotGiven, StringComparison.Ordinal);

    /// <inheritdoc/>
    public override string ToString() => Index is { } index ? $"{Place}: entry {index}: {Reason}" : $"{Place}: {Reason}";
}
