using System.CommandLine;
using Qwamos.Client.Completing;
using Qwamos.Client.Showing;

namespace Qwamos.Client.Commands;

/// <summary>
/// <c>qwamosctl __complete WORD…</c>: for the scripts of <see cref="CompletionCommand"/>. Prints a candidate a line for the last of the
/// words; says nothing at all when it cannot tell, for a shell would show it in the middle of a command line.
/// </summary>
internal static class CompleteCommand
{
    public const string Name = "__complete";

    public static int Run(string[] words, Command root, Terminal terminal)
    {
        foreach (var candidate in Candidates.For(words, root))
            terminal.Print(candidate + "\n");
        return (int)ExitCode.Done;
    }
}
