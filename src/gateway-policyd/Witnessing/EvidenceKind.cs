namespace Qwamos.Gateway.Witnessing;

/// <summary>What a file of evidence shows.</summary>
internal enum EvidenceKind
{
    /// <summary>A checkpoint by the ledger's key that does not extend the last one.</summary>
    Fork,

    /// <summary>A checkpoint by another key than the ledger's.</summary>
    UnknownKey,

    /// <summary>What was remembered when an operator named another ledger's key, or root another system.</summary>
    Replaced,
}
