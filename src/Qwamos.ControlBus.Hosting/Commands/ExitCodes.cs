namespace Qwamos.ControlBus.Hosting.Commands;

/// <summary>How the daemons and their commands end; the client's codes mean the same.</summary>
public static class ExitCodes
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
