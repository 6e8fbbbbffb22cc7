namespace Qwamos.Daemon.Delivery;

/// <summary>How a gateway stands as a witness.</summary>
internal enum WitnessState
{
    /// <summary>It was not asked yet.</summary>
    Unknown = 0,

    /// <summary>It cosigned the last checkpoint that it was given.</summary>
    Cosigns,

    /// <summary>It took the last checkpoint, and cosigns none before it has the operator's word for the ledger's key.</summary>
    Pinned,

    /// <summary>It could not be reached, or could not take it now; tried again.</summary>
    Failing,

    /// <summary>It does not take it, for a reason that people must mend.</summary>
    Refuses,

    /// <summary>It does not know the command: an older one.</summary>
    NoWitness,

    /// <summary>It saw another history, or another key, than this ledger's.</summary>
    Alarm,
}
