namespace Qwamos.Client.Holding;

/// <summary>What an agent does about bytes that it is to sign.</summary>
internal enum Verdict
{
    /// <summary>It signs nothing of the kind.</summary>
    Refuse = 0,

    /// <summary>It signs when a person says yes.</summary>
    Ask,

    /// <summary>It signs.</summary>
    Sign,
}
