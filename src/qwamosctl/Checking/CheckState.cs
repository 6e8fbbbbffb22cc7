namespace Qwamos.Client.Checking;

/// <summary>What came of a check. Nothing is good that was not looked at.</summary>
internal enum CheckState
{
    /// <summary>This user cannot see it, or it is only a person's to judge.</summary>
    NotSeen,

    /// <summary>It is as it should be.</summary>
    Good,

    /// <summary>It works, and something about it should be looked at.</summary>
    Doubtful,

    /// <summary>It does not work, or is not safe.</summary>
    Bad,
}
