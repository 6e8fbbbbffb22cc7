namespace Qwamos.Gateway;

/// <summary>How gateway-policyd and its commands end.</summary>
internal static class ExitCodes
{
    /// <summary>Done, or stopped as asked.</summary>
    public const int Done = 0;

    /// <summary>It could not start, or could not go on; the log says why.</summary>
    public const int Failed = 1;

    /// <summary>The command line is wrong.</summary>
    public const int Usage = 2;

    /// <summary>The daemon does not answer.</summary>
    public const int NotReachable = 3;
}
