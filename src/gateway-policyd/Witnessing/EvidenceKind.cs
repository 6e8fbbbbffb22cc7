namespace Qwamos.Gateway.Witnessing;

/// <summary>What a file of evidence shows.</summary>
internal enum EvidenceKind
{
    /// <summary>Two checkpoints of one size and two roots, both by the ledger's key: they prove themselves.</summary>
    Fork,

    /// <summary>The same by a key that is only pinned: whoever made it could have made the key, too.</summary>
    PinnedFork,

    /// <summary>A checkpoint by the ledger's key that its sender did not show to extend the last one, or to be its beginning.</summary>
    Unproven,

    /// <summary>A checkpoint by another key than the ledger's.</summary>
    UnknownKey,

    /// <summary>A delivery that is another than the one that was taken with its number.</summary>
    Delivery,

    /// <summary>What was remembered when an operator named another ledger's key, or root another system.</summary>
    Replaced,
}
