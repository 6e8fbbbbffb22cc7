namespace Qwamos.Client;

/// <summary>What the process's exit status means; documented in docs/guide/qwamosctl.md.</summary>
internal enum ExitCode
{
    Done = 0,
    Refused = 1,
    Usage = 2,
    NotReachable = 3,
    KeyProblem = 4,
}
